/**
 * A stretch of one channel's ring: a run of records of one epoch, with what is known of it on disk. Grows in place
 * (its slice is exchanged for a larger one) up to 64 KiB, is then sealed, and is one value on disk and one page on
 * the wire. Knows nothing of other segments; channel-log strings them together, write-behind persists them.
 *
 *     records   0 ──────────── writtenCount ──────────── count
 *     on disk   [part][part]…[part]  not yet              open: appended to, parts written as they come
 *               [       one value, the parts deleted    ] sealed and merged: may be evicted
 */
import { maxRecordBytes, recordTimeMs, skipRecords, writeRecord } from '../../shared/record-run.ts';
import type { Epoch, Offset } from '../../shared/terms.ts';
import type { ChannelLog } from './channel-log.ts';
import { SEGMENT_BYTES, type SlabAllocator, type Slice } from './slab-allocator.ts';

/** A place to scan from, every so many bytes of run. */
const INDEX_STEP_BYTES = 4096;

/** Records that lie behind each other in some buffer. Valid until the event loop turns. */
export interface RunSlice {
  readonly bytes: Buffer;
  readonly start: number;
  readonly end: number;
  readonly firstOffset: Offset;
  readonly count: number;
}

export class Segment {
  readonly log: ChannelLog;
  readonly epoch: Epoch;
  readonly firstOffset: Offset;
  /** Bytes that the channel had appended before this segment, ever. */
  readonly bytesBefore: number;
  count = 0;
  lengthBytes = 0;
  firstTimeMs = 0;
  lastTimeMs = 0;
  state: 'open' | 'sealed' | 'released' = 'open';
  /** Records that are synced, from the first. */
  writtenCount = 0;
  writtenBytes = 0;
  /** First offsets of the values on disk that hold these records. One, once merged. */
  parts: Offset[] = [];
  /** A write of these keys failed: they may or may not be on disk, so the next write replaces them all. */
  suspects: Offset[] | undefined;
  /** The write that is in flight is about it; kept by write-plan. */
  isInWrite = false;
  /** Neighbours in the ring budget's order of creation. */
  older: Segment | undefined;
  newer: Segment | undefined;

  readonly #slabs: SlabAllocator;
  #slice: Slice;
  /** Byte positions of every record at which an index step is crossed, as pairs (record, position). */
  #index: number[] | undefined;
  /** The position of the last one. */
  #indexedBytes = 0;

  constructor(
    log: ChannelLog,
    slabs: SlabAllocator,
    epoch: Epoch,
    firstOffset: Offset,
    bytesBefore: number,
    capacityBytes: number,
  ) {
    this.log = log;
    this.#slabs = slabs;
    this.epoch = epoch;
    this.firstOffset = firstOffset;
    this.bytesBefore = bytesBefore;
    this.#slice = slabs.allocate(capacityBytes);
  }

  get capacityBytes(): number {
    return this.#slice.capacity;
  }

  get lastOffset(): Offset {
    return this.firstOffset + this.count - 1;
  }

  get isWritten(): boolean {
    return this.writtenCount === this.count;
  }

  /** On disk as one value, or nowhere else needed: the ring may let go of it. */
  get isEvictable(): boolean {
    return this.state === 'sealed' && this.isWritten && this.parts.length === 1 && !this.suspects;
  }

  /** Whether it is to be written again, though its records are on disk or were: as one value, or because of doubt. */
  get needsMerge(): boolean {
    if (this.state === 'released') return false;
    return (
      this.suspects !== undefined || (this.state === 'sealed' && this.isWritten && this.parts.length > 1)
    );
  }

  /**
   * False when the record does not fit: the segment is then full. An empty one takes a record of any size.
   *
   * @param needed as {@link maxRecordBytes} has it
   */
  tryAppend(
    timeMs: number,
    key: string | null,
    meta: Uint8Array | null,
    payload: Uint8Array,
    needed = maxRecordBytes(key, meta, payload),
  ): boolean {
    if (this.lengthBytes + needed > this.#slice.capacity) {
      if (this.count > 0 && this.lengthBytes + needed > SEGMENT_BYTES) return false;
      this.#grow(this.lengthBytes + needed);
    }
    if (this.count === 0) this.firstTimeMs = timeMs;
    const { bytes, start } = this.#slice;
    this.#noteIndex();
    this.lengthBytes = writeRecord(bytes, start + this.lengthBytes, timeMs, key, meta, payload) - start;
    this.lastTimeMs = timeMs;
    this.count++;
    return true;
  }

  /** Records from `offset` on, at most `maxBytes` (but one) and none beyond `lastOffset`. */
  read(offset: Offset, lastOffset: Offset, maxBytes: number): RunSlice {
    const from = this.#positionOf(offset - this.firstOffset);
    const until = Math.min(lastOffset, this.lastOffset) + 1 - this.firstOffset;
    let end = until === this.count ? this.lengthBytes : this.#positionOf(until);
    let count = until - (offset - this.firstOffset);
    if (end - from > maxBytes) ({ end, count } = this.#cut(from, end, maxBytes));
    const { bytes, start } = this.#slice;
    return { bytes, start: start + from, end: start + end, firstOffset: offset, count };
  }

  /**
   * Notes that the store now holds the records up to `lastOffset`, those from `start` on in one value, and what is
   * before them as it was.
   */
  markWritten(lastOffset: Offset, start: Offset): void {
    if (this.state === 'released') return;
    const count = lastOffset + 1 - this.firstOffset;
    this.writtenBytes = this.#positionOf(count);
    this.writtenCount = count;
    if (start === this.firstOffset) this.parts = [start];
    else this.parts.push(start);
    this.suspects = undefined;
  }

  /** Notes that nobody knows which of its values the store holds, one that begins at `tried` included. */
  markSuspect(tried: Offset | undefined): void {
    if (this.state === 'released') return;
    const suspects = new Set([...(this.suspects ?? []), ...this.parts]);
    if (tried !== undefined) suspects.add(tried);
    this.suspects = [...suspects];
    this.writtenCount = 0;
    this.writtenBytes = 0;
    this.parts = [];
  }

  /** The first record at or after `timeMs`; undefined when all are earlier. */
  offsetAtTime(timeMs: number): Offset | undefined {
    if (this.lastTimeMs < timeMs) return undefined;
    const { bytes, start } = this.#slice;
    const record = findTime(bytes, start, start + this.lengthBytes, timeMs);
    return record === undefined ? undefined : this.firstOffset + record;
  }

  /** The first record with `bytes` run bytes of the channel before it, or more; behind the last where none has. */
  offsetAtBytes(bytes: number): Offset {
    const wanted = bytes - this.bytesBefore;
    const { bytes: buffer, start } = this.#slice;
    const near = this.#indexed((_, at) => at <= wanted);
    const end = start + this.lengthBytes;
    return this.firstOffset + near.record + recordsWithin(buffer, start + near.at, end, start + wanted);
  }

  /** Gives the memory back; the segment is not read or written any more. */
  release(): void {
    this.state = 'released';
    this.#slabs.free(this.#slice);
  }

  #grow(minBytes: number): void {
    const larger = this.#slabs.allocate(minBytes);
    const { bytes, start } = this.#slice;
    bytes.copy(larger.bytes, larger.start, start, start + this.lengthBytes);
    this.#slabs.free(this.#slice);
    this.#slice = larger;
  }

  #noteIndex(): void {
    if (this.lengthBytes - this.#indexedBytes < INDEX_STEP_BYTES) return;
    this.#index ??= [];
    this.#index.push(this.count, this.lengthBytes);
    this.#indexedBytes = this.lengthBytes;
  }

  /** Where record number `record` begins: from the nearest index entry, scan. */
  #positionOf(record: number): number {
    if (record === this.count) return this.lengthBytes;
    if (record === this.writtenCount) return this.writtenBytes;
    const near = this.#indexed((indexed) => indexed <= record);
    const { bytes, start } = this.#slice;
    const end = start + this.lengthBytes;
    return skipRecords(bytes, start + near.at, end, record - near.record) - start;
  }

  /** The last index entry that is not beyond what is looked for; the beginning where none is. */
  #indexed(isBefore: (record: number, at: number) => boolean): { record: number; at: number } {
    let record = 0;
    let at = 0;
    const index = this.#index ?? [];
    for (let i = 0; i < index.length && isBefore(index[i]!, index[i + 1]!); i += 2) {
      record = index[i]!;
      at = index[i + 1]!;
    }
    return { record, at };
  }

  /** As many whole records from `from` as fit into `maxBytes`, but at least one. */
  #cut(from: number, limit: number, maxBytes: number): { end: number; count: number } {
    const { bytes, start } = this.#slice;
    return cutRun(bytes, start + from, start + limit, maxBytes, start);
  }
}

/** How far whole records reach from `from` within `maxBytes`, at least one; `end` is relative to `base`. */
export function cutRun(
  bytes: Uint8Array,
  from: number,
  limit: number,
  maxBytes: number,
  base = 0,
): { end: number; count: number } {
  let end = from;
  let count = 0;
  while (end < limit) {
    const next = skipRecords(bytes, end, limit, 1);
    if (count > 0 && next - from > maxBytes) break;
    end = next;
    count++;
  }
  return { end: end - base, count };
}

/** How many records lie between `at` and `until`, the one that goes across `until` counted. */
export function recordsWithin(bytes: Uint8Array, at: number, end: number, until: number): number {
  let count = 0;
  for (let next = at; next < until && next < end; count++) next = skipRecords(bytes, next, end, 1);
  return count;
}

/** Index of the first record of a run at or after `timeMs`; undefined when all are earlier. */
export function findTime(bytes: Uint8Array, start: number, end: number, timeMs: number): number | undefined {
  let at = start;
  for (let record = 0; at < end; record++) {
    if (recordTimeMs(bytes, at) >= timeMs) return record;
    at = skipRecords(bytes, at, end, 1);
  }
  return undefined;
}
