/**
 * One write to the store, decided but not done: which runs go where, and what is then known to be on disk. Pure but for
 * reading the ring; write-behind makes the plan, hands it to the store, and applies it when it is synced. One plan at a
 * time: logs and segments note that they are in it.
 *
 * An open segment is written in parts as its records come; once sealed it is written again whole under its first
 * offset, and the parts are deleted in the same write, never across an epoch.
 *
 * With many quiet channels a write has a run of one record for each: what is done for every run allocates little.
 */
import type { Offset } from '../../shared/terms.ts';
import type { ChannelLog } from './channel-log.ts';
import type { StoreOperation } from './ordered-store.ts';
import type { RunEncoder } from './run-encoder.ts';
import type { Segment } from './segment.ts';
import type { StateWrite } from './state-index.ts';
import { encodeMeta, nameKey, numberKey, producersKey } from './store-keys.ts';

/** What is written of a log beside its records. */
interface RestWrite {
  readonly log: ChannelLog;
  readonly metaWritten: boolean;
  readonly producersWritten: boolean;
  readonly state: StateWrite | undefined;
}

export interface Trim {
  readonly log: ChannelLog;
  /** Keys of the values that retention removes. */
  readonly keys: readonly Buffer[];
}

/** Its operations can be asked for once, and each is valid until the next is asked for. */
export class WritePlan implements Iterable<StoreOperation> {
  readonly #runs: RunEncoder;
  /** By index: a segment, and the first and last offset of the value that is put for it. */
  readonly #segments: Segment[] = [];
  readonly #starts: Offset[] = [];
  readonly #lastOffsets: Offset[] = [];
  /** By index: a log that the write is about, those of merged segments too, and how far it is on disk afterwards. */
  readonly #logs: ChannelLog[] = [];
  readonly #durableOffsets: Offset[] = [];
  readonly #rests: RestWrite[] = [];
  readonly #restOperations: StoreOperation[] = [];

  constructor(runs: RunEncoder) {
    this.#runs = runs;
  }

  /** Those that it is about. */
  get logs(): readonly ChannelLog[] {
    return this.#logs;
  }

  /** Takes the records of `log` up to `lastOffset` that are not on disk yet. Of a log that is taken already, nothing. */
  addRecords(log: ChannelLog, lastOffset: Offset): void {
    if (log.isInWrite) return;
    const { segments } = log;
    // Those that hold records not on disk are always the last ones.
    let first = segments.length;
    while (first > 0 && !segments[first - 1]!.isWritten) first--;
    for (let i = first; i < segments.length; i++) {
      const segment = segments[i]!;
      if (segment.firstOffset <= lastOffset)
        this.#addSegment(segment, Math.min(lastOffset, segment.lastOffset));
    }
    this.#addLog(log, Math.max(lastOffset, log.durableOffset));
  }

  /** Takes a segment that is to be written again; never beyond what is, or by this write will be, on disk. */
  addMerge(segment: Segment): void {
    if (!segment.needsMerge || segment.isInWrite) return;
    const { log } = segment;
    const lastOffset = Math.min(segment.lastOffset, log.durableOffset);
    if (lastOffset < segment.firstOffset) return;
    this.#addSegment(segment, lastOffset);
    if (!log.isInWrite) this.#addLog(log, log.durableOffset);
  }

  addTrim({ log, keys }: Trim): void {
    for (const key of keys) this.#restOperations.push({ type: 'del', key });
    if (!log.isInWrite) this.#addLog(log, log.durableOffset);
  }

  *[Symbol.iterator](): Generator<StoreOperation, void, undefined> {
    const runs = this.#runs;
    for (let i = 0; i < this.#segments.length; i++) {
      const segment = this.#segments[i]!;
      const start = this.#starts[i]!;
      const { number } = segment.log;
      const { epoch, firstOffset } = segment;
      const isWhole = start === firstOffset;
      if (isWhole) {
        for (const part of segment.suspects ?? segment.parts) {
          if (part !== start || segment.suspects) yield runs.del(number, epoch, part);
        }
      }
      const run = segment.read(start, this.#lastOffsets[i]!, Number.POSITIVE_INFINITY);
      const bytesBefore = segment.bytesBefore + (isWhole ? 0 : segment.writtenBytes);
      yield runs.put(number, epoch, run, segment.lastTimeMs, bytesBefore);
    }
    yield* this.#restOperations;
  }

  /** The store has synced it. */
  apply(): void {
    for (let i = 0; i < this.#segments.length; i++) {
      const segment = this.#segments[i]!;
      segment.isInWrite = false;
      segment.markWritten(this.#lastOffsets[i]!, this.#starts[i]!);
    }
    for (let i = 0; i < this.#logs.length; i++) {
      const log = this.#logs[i]!;
      log.isInWrite = false;
      log.durableOffset = Math.max(log.durableOffset, this.#durableOffsets[i]!);
    }
    for (const { log, state } of this.#rests) if (state) log.state!.apply(state);
  }

  /** The write failed: nobody knows what of it is on disk. Returns the segments to be written again. */
  abandon(): readonly Segment[] {
    this.#segments.forEach((segment, i) => {
      segment.isInWrite = false;
      segment.markSuspect(this.#starts[i]!);
    });
    for (const log of this.#logs) log.isInWrite = false;
    for (const { log, metaWritten, producersWritten, state } of this.#rests) {
      log.metaDirty ||= metaWritten;
      if (producersWritten) log.producerTable!.distrust();
      if (state) log.state!.abandon(state);
    }
    return this.#segments;
  }

  #addSegment(segment: Segment, lastOffset: Offset): void {
    const { firstOffset, parts, suspects } = segment;
    const isComplete = segment.state === 'sealed' && lastOffset === segment.lastOffset;
    const isWhole = suspects !== undefined || (isComplete && parts.length > 0);
    segment.isInWrite = true;
    this.#segments.push(segment);
    this.#starts.push(isWhole ? firstOffset : firstOffset + segment.writtenCount);
    this.#lastOffsets.push(lastOffset);
  }

  /** What else of `log` has to be at `lastOffset` with its records. */
  #addLog(log: ChannelLog, lastOffset: Offset): void {
    log.isInWrite = true;
    this.#logs.push(log);
    this.#durableOffsets.push(lastOffset);
    const metaWritten = log.metaDirty;
    if (metaWritten) this.#addMeta(log, lastOffset);
    const producers = log.producerTable?.takeValue(lastOffset);
    if (producers)
      this.#restOperations.push({ type: 'put', key: producersKey(log.number), value: producers });
    const state = log.state?.plan(log, lastOffset);
    for (const operation of state?.operations ?? []) this.#restOperations.push(operation);
    if (!metaWritten && !producers && !state) return;
    this.#rests.push({ log, metaWritten, producersWritten: producers !== undefined, state });
  }

  #addMeta(log: ChannelLog, lastOffset: Offset): void {
    const { name, number } = log;
    const meta = encodeMeta({ ...log.meta, headOffset: lastOffset, headBytes: log.bytesThrough(lastOffset) });
    this.#restOperations.push({ type: 'put', key: nameKey(name), value: meta });
    this.#restOperations.push({ type: 'put', key: numberKey(number), value: Buffer.from(name, 'ascii') });
    log.metaDirty = false;
  }
}
