/**
 * One write to the store, decided but not done: which runs go where, and what is then known to be on disk. Pure but for
 * reading the ring; write-behind makes the plan, sends its operations, and applies it when they are synced.
 *
 * An open segment is written in parts as its records come; once sealed it is written again whole under its first
 * offset, and the parts are deleted in the same write, never across an epoch.
 */
import type { Offset } from '../../shared/terms.ts';
import type { ChannelLog } from './channel-log.ts';
import type { StoreOperation } from './ordered-store.ts';
import type { Segment } from './segment.ts';
import type { StateWrite } from './state-index.ts';
import { encodeMeta, encodeRun, nameKey, numberKey, producersKey, runKey } from './store-keys.ts';

/** What one segment's part in the write comes to. */
interface SegmentWrite {
  readonly lastOffset: Offset;
  /** First offsets of the values that hold the segment afterwards. */
  readonly parts: Offset[];
}

interface LogWrite {
  readonly lastOffset: Offset;
  readonly metaWritten: boolean;
  readonly producersWritten: boolean;
  readonly state: StateWrite | undefined;
}

export interface Trim {
  readonly log: ChannelLog;
  /** Keys of the values that retention removes. */
  readonly keys: readonly Buffer[];
}

export class WritePlan {
  readonly operations: StoreOperation[] = [];
  readonly #segments = new Map<Segment, SegmentWrite>();
  readonly #logs = new Map<ChannelLog, LogWrite>();

  /** Takes the records of `log` up to `lastOffset` that are not on disk yet. */
  addRecords(log: ChannelLog, lastOffset: Offset): void {
    for (const segment of unwritten(log)) {
      if (segment.firstOffset <= lastOffset)
        this.#addSegment(segment, Math.min(lastOffset, segment.lastOffset));
    }
    this.#addLog(log, Math.max(lastOffset, log.durableOffset));
  }

  /** Takes a segment that is to be written again; never beyond what is, or by this write will be, on disk. */
  addMerge(segment: Segment): void {
    if (!segment.needsMerge || this.#segments.has(segment)) return;
    const lastOffset = Math.min(segment.lastOffset, segment.log.durableOffset);
    if (lastOffset >= segment.firstOffset) this.#addSegment(segment, lastOffset);
  }

  addTrim({ log, keys }: Trim): void {
    for (const key of keys) this.operations.push({ type: 'del', key });
    if (!this.#logs.has(log)) this.#addLog(log, log.durableOffset);
  }

  /** The store has synced it. */
  apply(): void {
    for (const [segment, { lastOffset, parts }] of this.#segments) segment.markWritten(lastOffset, parts);
    for (const [log, { lastOffset, state }] of this.#logs) {
      log.durableOffset = Math.max(log.durableOffset, lastOffset);
      if (state) log.state!.apply(state);
    }
  }

  /** The write failed: nobody knows what of it is on disk. Returns the segments to be written again. */
  abandon(): Segment[] {
    for (const [segment, { parts }] of this.#segments) segment.markSuspect(parts);
    for (const [log, { metaWritten, producersWritten, state }] of this.#logs) {
      log.metaDirty ||= metaWritten;
      if (producersWritten) log.producerTable!.distrust();
      if (state) log.state!.abandon(state);
    }
    return [...this.#segments.keys()];
  }

  /** The logs that the write is about, those of merged segments too. */
  get logs(): readonly ChannelLog[] {
    const logs = new Set(this.#logs.keys());
    for (const { log } of this.#segments.keys()) logs.add(log);
    return [...logs];
  }

  #addSegment(segment: Segment, lastOffset: Offset): void {
    const { log, epoch, firstOffset } = segment;
    const complete = segment.state === 'sealed' && lastOffset === segment.lastOffset;
    const whole = segment.suspects !== undefined || (complete && segment.parts.length > 0);
    const start = whole ? firstOffset : firstOffset + segment.writtenCount;
    const stale = segment.suspects ?? (whole ? segment.parts.filter((part) => part !== start) : []);
    for (const part of stale) this.operations.push({ type: 'del', key: runKey(log.number, epoch, part) });
    const run = segment.read(start, lastOffset, Number.POSITIVE_INFINITY);
    const bytesBefore = segment.bytesBefore + (whole ? 0 : segment.writtenBytes);
    const key = runKey(log.number, epoch, start);
    this.operations.push({ type: 'put', key, value: encodeRun(run, segment.lastTimeMs, bytesBefore) });
    this.#segments.set(segment, { lastOffset, parts: whole ? [start] : [...segment.parts, start] });
  }

  /** What else of `log` has to be at `lastOffset` with its records. */
  #addLog(log: ChannelLog, lastOffset: Offset): void {
    const metaWritten = this.#addMeta(log, lastOffset);
    const producers = log.producerTable?.takeValue(lastOffset);
    if (producers) this.operations.push({ type: 'put', key: producersKey(log.number), value: producers });
    const state = log.state?.plan(log, lastOffset);
    for (const operation of state?.operations ?? []) this.operations.push(operation);
    this.#logs.set(log, { lastOffset, metaWritten, producersWritten: producers !== undefined, state });
  }

  #addMeta(log: ChannelLog, lastOffset: Offset): boolean {
    if (!log.metaDirty) return false;
    const { name, number } = log;
    const meta = encodeMeta({ ...log.meta, headOffset: lastOffset, headBytes: log.bytesThrough(lastOffset) });
    this.operations.push({ type: 'put', key: nameKey(name), value: meta });
    this.operations.push({ type: 'put', key: numberKey(number), value: Buffer.from(name, 'ascii') });
    log.metaDirty = false;
    return true;
  }
}

/** The segments of a log that hold records not on disk, oldest first: always the last ones. */
function unwritten(log: ChannelLog): Segment[] {
  const { segments } = log;
  let first = segments.length;
  while (first > 0 && !segments[first - 1]!.isWritten) first--;
  return segments.slice(first);
}
