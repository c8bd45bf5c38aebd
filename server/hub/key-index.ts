/**
 * The newest offset of each key in a stretch of one channel's log, for conflation: a record may be left out when a later
 * one has its key. Filled by scanning the log, forward as it grows and backward for a reader that is further behind, and
 * only while some conflating reader lags: appends cost nothing. Shared by all such readers of a feed.
 *
 *     ──────────[ older, while it is scanned ][ known: newest offset of each key ]──────────▶ head
 *            a reader further behind         from                               at
 */
import { RunReader } from '../../shared/record-run.ts';
import type { Cursor, Offset } from '../../shared/terms.ts';
import type { RunPage } from '../log/log-reader.ts';

/** Beyond so many keys no new ones are noted: records of others are all kept. */
const MAX_KEYS = 200_000;

/** Where to scan next, and how far at most. */
export interface ScanTask {
  readonly at: Cursor;
  readonly until: Offset;
}

interface Older {
  readonly from: Offset;
  at: Cursor;
  readonly until: Offset;
  readonly newest: Map<string, Offset>;
}

export class KeyIndex {
  readonly #newest = new Map<string, Offset>();
  #from: Offset;
  #at: Cursor;
  #older: Older | undefined;
  /** Whoever waits for the scan of another reader. */
  readonly waiting: (() => void)[] = [];
  /** A store read for it is under way. */
  isReading = false;

  /** Covers nothing yet, from `cursor` on. */
  constructor(cursor: Cursor) {
    this.#from = cursor.offset;
    this.#at = cursor;
  }

  /** What is to be scanned before records from `cursor` to `head` can be judged; undefined when nothing is. */
  next(cursor: Cursor, head: Offset): ScanTask | undefined {
    if (!this.#older && cursor.offset < this.#from) {
      this.#older = { from: cursor.offset, at: cursor, until: this.#from, newest: new Map() };
    }
    if (this.#older) return { at: this.#older.at, until: this.#older.until };
    return this.#at.offset < head ? { at: this.#at, until: head } : undefined;
  }

  /** The scan met these records, in order. */
  scanned({ epoch, firstOffset, count, slices }: RunPage): void {
    const newest = this.#older?.newest ?? this.#newest;
    for (const { bytes, start, end, firstOffset } of slices) {
      let offset = firstOffset;
      for (const reader = new RunReader(bytes, start, end); reader.next(); offset++) {
        const { key } = reader;
        if (key !== null && (newest.size < MAX_KEYS || newest.has(key))) newest.set(key, offset);
      }
    }
    this.passed({ epoch, offset: firstOffset + count - 1 });
  }

  /** The scan has come to `at`; of what lies before, nothing remains to be met. */
  passed(at: Cursor): void {
    const older = this.#older;
    if (!older) {
      this.#at = at;
      return;
    }
    older.at = at;
    if (at.offset < older.until) return;
    for (const [key, offset] of older.newest) if (!this.#newest.has(key)) this.#newest.set(key, offset);
    this.#from = older.from;
    this.#older = undefined;
  }

  /** Whether a later record than the one at `offset` has this key. */
  isSuperseded(key: string, offset: Offset): boolean {
    return (this.#newest.get(key) ?? 0) > offset;
  }

  /** Lets those go on that waited. */
  wake(): void {
    for (const run of this.waiting.splice(0)) run();
  }
}
