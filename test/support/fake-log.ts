/**
 * One channel's log as a hub would have it, in memory: records over several epochs, retention, and reading from a
 * cursor with the gaps that lie on the way. A model for tests of clients: as plain as it can be.
 */
import { encodeValue } from '../../shared/msgpack.ts';
import { maxRecordBytes, writeRecord } from '../../shared/record-run.ts';
import { type Cursor, compareCursors, type From, type Gap, type RecordInput } from '../../shared/terms.ts';

export interface LogEntry extends Cursor {
  readonly timeMs: number;
  readonly key: string | null;
  readonly bytes: Uint8Array;
}

/** One epoch: records (base, last] were appended in it and kept. */
interface Era {
  readonly epoch: number;
  readonly base: number;
  last: number;
}

export interface Stretch {
  readonly gaps: readonly Gap[];
  readonly entries: readonly LogEntry[];
  /** Before the entries, behind the gaps. */
  readonly begin: Cursor;
  readonly next: Cursor;
}

export class FakeLog {
  entries: LogEntry[] = [];
  readonly #eras: Era[];
  #trimmedTo: Cursor;
  timeMs = 1000;

  constructor(epoch: number) {
    this.#eras = [{ epoch, base: 0, last: 0 }];
    this.#trimmedTo = { epoch, offset: 0 };
  }

  get head(): Cursor {
    const { epoch, last } = this.#eras.at(-1)!;
    return { epoch, offset: last };
  }

  append(input: Partial<RecordInput> & { payload: Uint8Array }): LogEntry {
    const era = this.#eras.at(-1)!;
    const { key = null, meta = null, payload } = input;
    const packedMeta = meta && encodeValue(meta);
    const bytes = new Uint8Array(maxRecordBytes(key, packedMeta, payload));
    const end = writeRecord(bytes, 0, ++this.timeMs, key, packedMeta, payload);
    const entry = {
      epoch: era.epoch,
      offset: ++era.last,
      timeMs: this.timeMs,
      key,
      bytes: bytes.subarray(0, end),
    };
    this.entries.push(entry);
    return entry;
  }

  /** An unclean stop: the newest `lost` records of the epoch are gone, a new epoch begins. */
  crash(lost: number): void {
    const era = this.#eras.at(-1)!;
    era.last = Math.max(era.base, era.last - lost);
    this.entries = this.entries.filter((e) => e.epoch !== era.epoch || e.offset <= era.last);
    if (compareCursors(this.#trimmedTo, this.head) > 0) this.#trimmedTo = this.head;
    this.#eras.push({ epoch: era.epoch + 1, base: era.last, last: era.last });
  }

  /** Retention takes the oldest `count` records. */
  trim(count: number): void {
    const gone = this.entries.splice(0, count).at(-1);
    if (gone) this.#trimmedTo = { epoch: gone.epoch, offset: gone.offset };
  }

  /** Whether a reader may resume here. */
  knows(cursor: Cursor): boolean {
    return compareCursors(cursor, this.head) <= 0;
  }

  begin(from: From): Cursor {
    if (from === 'latest' || from === 'state') return this.head;
    if (typeof from === 'object' && 'state' in from) return from.upTo;
    if (typeof from === 'object' && 'cursor' in from) return from.cursor;
    const wanted =
      from === 'earliest'
        ? this.entries
        : 'last' in from
          ? this.entries.slice(Math.max(0, this.entries.length - from.last))
          : this.entries.filter((entry) => entry.timeMs >= from.since);
    const first = from !== 'earliest' && 'last' in from && from.last === 0 ? undefined : wanted[0];
    return first ? { epoch: first.epoch, offset: first.offset - 1 } : this.head;
  }

  /** The newest record of each key at or before `upTo`, in order. */
  state(upTo: Cursor): LogEntry[] {
    const newest = new Map<string, LogEntry>();
    for (const entry of this.entries) {
      if (entry.key !== null && compareCursors(entry, upTo) <= 0) newest.set(entry.key, entry);
    }
    return this.entries.filter((entry) => entry.key !== null && newest.get(entry.key) === entry);
  }

  /** What follows `cursor`: the gaps first, then up to `max` records of one epoch. */
  read(cursor: Cursor, max: number): Stretch {
    const gaps: Gap[] = [];
    let at = cursor;
    for (;;) {
      const gap = this.#gapAt(at);
      if (!gap) break;
      gaps.push(gap);
      at = gap.upTo;
    }
    const { epoch } = at;
    const entries = this.entries
      .filter((entry) => entry.epoch === epoch && entry.offset > at.offset)
      .slice(0, max);
    const last = entries.at(-1) ?? at;
    return { gaps, entries, begin: at, next: { epoch, offset: last.offset } };
  }

  /** The up to `max` records at or before `cursor` that share an epoch, and the gap behind them. */
  readBack(cursor: Cursor, max: number): Stretch & { readonly atEnd: boolean } {
    const before = this.entries.filter((entry) => compareCursors(entry, cursor) <= 0);
    const newest = before.at(-1);
    if (!newest) return { gaps: [], entries: [], begin: cursor, next: cursor, atEnd: true };
    const epoch = newest.epoch;
    const entries = before.filter((entry) => entry.epoch === epoch).slice(-max);
    const era = this.#eras.find((each) => each.epoch > epoch);
    const crossed = cursor.epoch > epoch && era;
    const gaps: Gap[] = crossed
      ? [
          {
            after: { epoch, offset: newest.offset },
            upTo: { epoch: era.epoch, offset: era.base },
            count: null,
            reason: 'lost',
          },
        ]
      : [];
    const next = { epoch, offset: entries[0]!.offset - 1 };
    return { gaps, entries, begin: next, next, atEnd: before.length === entries.length };
  }

  #gapAt(at: Cursor): Gap | undefined {
    const era = this.#eras.find((each) => each.epoch === at.epoch);
    const trimmedTo =
      this.#trimmedTo.epoch > at.epoch && era ? { epoch: at.epoch, offset: era.last } : this.#trimmedTo;
    if (trimmedTo.epoch === at.epoch && trimmedTo.offset > at.offset) {
      return { after: at, upTo: trimmedTo, count: trimmedTo.offset - at.offset, reason: 'retention' };
    }
    const next = this.#eras.find((each) => each.epoch > at.epoch);
    if (!next || (era && at.offset < era.last)) return undefined;
    const after = era ? { epoch: era.epoch, offset: era.last } : at;
    return { after, upTo: { epoch: next.epoch, offset: next.base }, count: null, reason: 'lost' };
  }
}
