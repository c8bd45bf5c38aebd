/**
 * One channel's log: the ring of segments, where it begins and ends, and how far it is on disk. Appends are
 * synchronous and encode once; reads hand out the same bytes. Knows no socket and no subscription, does no I/O:
 * write-behind takes its segments to the store, log-reader reads what the ring no longer holds.
 */

import { encodeValue } from '../../shared/msgpack.ts';
import { maxRecordBytes } from '../../shared/record-run.ts';
import type { Cursor, Epoch, Offset, RecordMeta } from '../../shared/terms.ts';
import { type EpochStart, headCursor, type LogBounds } from './log-bounds.ts';
import { type ProducerLimits, ProducerTable, type StoredProducers } from './producer-table.ts';
import { type RunSlice, Segment } from './segment.ts';
import { SEGMENT_BYTES, type SlabAllocator } from './slab-allocator.ts';
import type { StateIndex } from './state-index.ts';
import type { ChannelMeta } from './store-keys.ts';

/** Bounds of the ring of one channel; null is no bound but the hub's budget. */
export interface RingLimits {
  readonly maxRecords: number | null;
  readonly maxBytes: number | null;
  readonly maxAgeMs: number | null;
}

/** What a channel keeps, at least; a run (up to 64 KiB) more may be kept. null is no bound. */
export type RetentionLimits = RingLimits;

/** What retention has to know of a run, wherever it lies. */
export interface RunExtent {
  readonly lastOffset: Offset;
  /** Run bytes of the channel up to its end. */
  readonly endBytes: number;
  readonly lastTimeMs: number;
}

/** Epochs without any kept record that a channel remembers; readers of older ones are told one `lost`. */
const MAX_PAST_EPOCHS = 16;

/** A segment that fills faster than this is followed by one of full size. */
const BUSY_SEGMENT_MS = 1000;

/** What all logs of a hub share. */
export interface LogContext {
  readonly slabs: SlabAllocator;
  /** The hub's current epoch. */
  readonly epoch: Epoch;
  readonly producers: ProducerLimits;
  /** A segment was begun or let go of. */
  segmentOpened(segment: Segment): void;
  segmentClosed(segment: Segment): void;
  /** A segment will not change any more. */
  segmentSealed(segment: Segment): void;
  /** `bytes` of run were appended. */
  appended(log: ChannelLog, bytes: number): void;
}

export class ChannelLog implements LogBounds {
  readonly name: string;
  readonly number: number;
  readonly retention: RetentionLimits;
  readonly ring: RingLimits;
  epochs: readonly EpochStart[];
  oldestOffset: Offset;
  /** Run bytes before the oldest record, and before the end; their difference is the size of the log. */
  oldestBytes: number;
  headBytes: number;
  headOffset: Offset;
  /** Newest synced record. */
  durableOffset: Offset;
  lastTimeMs: number;
  /** The oldest stored value, where retention has looked: the next to go. */
  oldestRun: RunExtent | undefined;
  /** The meta on disk is out of date. */
  metaDirty: boolean;
  /** Waits in write-behind, with records or to be trimmed, or is in the write that is in flight. */
  queued = false;
  /** The last stretch of write-behind's append order that it grew in. */
  cutNumber = 0;
  /** The write that is in flight is about it; kept by write-plan. */
  isInWrite = false;
  /** Somebody was given it, and not only maintenance had a look. */
  isAskedFor = false;
  /** Since when maintenance finds it idle, by the clock's monotonic time. */
  idleSinceMs: number | undefined;
  /**
   * How much of what is stored has been loaded: where it begins and ends, as maintenance needs it · the rest is being
   * loaded, and no record may be trimmed · all, so that it can be appended to.
   */
  contents: 'bare' | 'loading' | 'complete' = 'bare';
  /** Newest record of each key; null where the channel keeps no state. */
  state: StateIndex | null = null;
  /** Undefined as long as no producer was asked for. */
  producerTable: ProducerTable | undefined;
  /** Subscriptions and readers that hold on to this object; at 0 an idle log may be forgotten. */
  pins = 0;
  /** Oldest first, each beginning where the one before ends. */
  readonly segments: Segment[] = [];
  readonly #context: LogContext;

  constructor(
    name: string,
    meta: ChannelMeta,
    stored: boolean,
    context: LogContext,
    limits: { ring: RingLimits; retention: RetentionLimits },
  ) {
    this.name = name;
    this.number = meta.number;
    this.ring = limits.ring;
    this.retention = limits.retention;
    this.epochs = meta.epochs;
    this.oldestOffset = meta.oldestOffset;
    this.oldestBytes = meta.oldestBytes;
    this.headOffset = meta.headOffset;
    this.headBytes = meta.headBytes;
    this.durableOffset = meta.headOffset;
    this.lastTimeMs = meta.lastTimeMs;
    this.metaDirty = !stored;
    this.#context = context;
  }

  get currentEpoch(): Epoch {
    return this.#context.epoch;
  }

  get head(): Cursor {
    return headCursor(this);
  }

  /** Behind the newest synced record. What is later was appended in the current epoch. */
  get durableCursor(): Cursor {
    return { epoch: this.currentEpoch, offset: this.durableOffset };
  }

  /** What is known of its producers; made when it is first asked for. */
  get producers(): ProducerTable {
    this.producerTable ??= new ProducerTable(this.#context.producers);
    return this.producerTable;
  }

  /** First record that the ring holds; head + 1 when it holds none. */
  get ringFirstOffset(): Offset {
    return this.segments[0]?.firstOffset ?? this.headOffset + 1;
  }

  get ringBytes(): number {
    return this.segments.reduce((sum, segment) => sum + segment.capacityBytes, 0);
  }

  /** Whether nothing is lost by forgetting this object: all of it can be read from the store again. */
  get isIdle(): boolean {
    const isUnused = this.pins === 0 && this.segments.length === 0 && !this.queued;
    if (!isUnused || this.durableOffset !== this.headOffset) return false;
    return !(this.producerTable?.isUnsaved || this.state?.isUnsaved);
  }

  /** Run bytes up to the newest synced record. */
  get durableBytes(): number {
    return this.bytesThrough(this.durableOffset);
  }

  /** Run bytes up to the record at `offset`, which lies in the ring, or just before it. */
  bytesThrough(offset: Offset): number {
    if (offset === this.headOffset) return this.headBytes;
    const segment = this.segmentAt(offset);
    if (!segment) return this.segments[0]?.bytesBefore ?? this.headBytes;
    const { start, end } = segment.read(segment.firstOffset, offset, Number.POSITIVE_INFINITY);
    return segment.bytesBefore + end - start;
  }

  get meta(): ChannelMeta {
    const { number, epochs, oldestOffset, oldestBytes, headOffset, headBytes, lastTimeMs } = this;
    return { number, epochs, oldestOffset, oldestBytes, headOffset, headBytes, lastTimeMs };
  }

  /**
   * Appends one record and returns its offset. I13: its time is max(`nowMs`, the channel's last), so that time, too, never
   * goes back within a channel. The caller has checked limits and room.
   */
  append(nowMs: number, key: string | null, meta: RecordMeta | null, payload: Uint8Array): Offset {
    const timeMs = Math.max(nowMs, this.lastTimeMs);
    const metaBytes = meta === null ? null : encodeValue(meta);
    const { segments } = this;
    const maxBytes = maxRecordBytes(key, metaBytes, payload);
    let segment = segments[segments.length - 1];
    if (segment === undefined || segment.state !== 'open') segment = this.#open(timeMs, maxBytes);
    let before = segment.lengthBytes;
    if (!segment.tryAppend(timeMs, key, metaBytes, payload, maxBytes)) {
      this.seal(segment);
      segment = this.#open(timeMs, maxBytes);
      before = 0;
      segment.tryAppend(timeMs, key, metaBytes, payload, maxBytes);
    }
    const appendedBytes = segment.lengthBytes - before;
    this.lastTimeMs = timeMs;
    this.headOffset++;
    this.headBytes += appendedBytes;
    this.#context.appended(this, appendedBytes);
    if (this.state !== null) this.state.appended(key, payload, this.headOffset);
    return this.headOffset;
  }

  /** Records from `offset` on as far as one segment holds them; undefined when the ring does not reach back so far. */
  readRing(offset: Offset, lastOffset: Offset, maxBytes: number): RunSlice | undefined {
    const segment = this.segmentAt(offset);
    return segment?.read(offset, lastOffset, maxBytes);
  }

  /** The segment that holds `offset`. */
  segmentAt(offset: Offset): Segment | undefined {
    const { segments } = this;
    let low = 0;
    let high = segments.length - 1;
    if (high < 0 || offset < segments[0]!.firstOffset || offset > this.headOffset) return undefined;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if (segments[middle]!.firstOffset <= offset) low = middle;
      else high = middle - 1;
    }
    return segments[low];
  }

  seal(segment: Segment): void {
    if (segment.state === 'sealed') return;
    segment.state = 'sealed';
    this.#context.segmentSealed(segment);
  }

  /** Lets go of the oldest segment, which the store holds or retention has removed. */
  dropOldestSegment(): void {
    const segment = this.segments.shift();
    if (!segment) return;
    this.#context.segmentClosed(segment);
    segment.release();
  }

  /** Moves the beginning of the log on; what is before it is retention's to delete. */
  trimTo(oldestOffset: Offset, oldestBytes: number): void {
    this.oldestOffset = oldestOffset;
    this.oldestBytes = oldestBytes;
    this.oldestRun = undefined;
    // The epoch that the beginning lies in stays, and some before it, so that their readers are told exactly what
    // retention took and where each epoch ended.
    const first = this.epochs.findLastIndex(({ prevOffset }) => prevOffset < oldestOffset);
    if (first > MAX_PAST_EPOCHS) this.epochs = this.epochs.slice(first - MAX_PAST_EPOCHS);
    this.metaDirty = true;
  }

  /** Takes what is stored beside the records: from here on it may be appended to. */
  complete(state: StateIndex | null, producers: StoredProducers | undefined): void {
    this.state = state;
    if (producers) this.producerTable = new ProducerTable(this.#context.producers, producers);
    this.contents = 'complete';
  }

  #open(timeMs: number, minBytes: number): Segment {
    const last = this.segments.at(-1);
    const busy =
      last !== undefined &&
      last.capacityBytes >= SEGMENT_BYTES &&
      timeMs - last.firstTimeMs < BUSY_SEGMENT_MS;
    const capacity = busy ? Math.max(SEGMENT_BYTES, minBytes) : minBytes;
    this.#enterEpoch();
    const { slabs, epoch } = this.#context;
    const segment = new Segment(this, slabs, epoch, this.headOffset + 1, this.headBytes, capacity);
    this.segments.push(segment);
    this.#context.segmentOpened(segment);
    return segment;
  }

  /** Notes the channel's first record of the hub's epoch. */
  #enterEpoch(): void {
    const { epoch } = this.#context;
    if (this.epochs.at(-1)?.epoch === epoch) return;
    this.epochs = [...this.epochs, { epoch, prevOffset: this.headOffset }];
    this.metaDirty = true;
  }
}
