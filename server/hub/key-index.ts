/**
 * The newest offset of each key in a stretch of one channel's log, for conflation: a record may be left out when a later
 * one has its key. Filled by scanning the log, forward as it grows and backward for a reader that is further behind, and
 * only while some conflating reader lags: appends cost nothing. Shared by all such readers of a feed.
 *
 *     ──────────[ older, while it is scanned ][ recent: newest offset of each key ]──────────▶ head
 *            a reader further behind        from                                at
 */
import { RunReader } from '../../shared/record-run.ts';
import type { Cursor, Offset } from '../../shared/terms.ts';
import type { RunPage } from '../log/log-reader.ts';

/** Keys that all indexes of a hub note together. */
const MAX_KEYS = 500_000;

/** Beyond it no new keys are noted: records of others are all kept. */
export class KeyBudget {
  #left: number;

  constructor(maxKeys = MAX_KEYS) {
    this.#left = maxKeys;
  }

  get left(): number {
    return this.#left;
  }

  /** Whether one more may be noted; it then is. */
  take(): boolean {
    if (this.#left === 0) return false;
    this.#left--;
    return true;
  }

  giveBack(count: number): void {
    this.#left += count;
  }
}

/** A part of the log that was scanned from `from` to `at`, and is to be scanned on. */
export interface Stretch {
  from: Offset;
  at: Cursor;
  readonly newest: Map<string, Offset>;
  /** A store read for it is under way. */
  isReading: boolean;
}

export class KeyIndex {
  readonly #budget: KeyBudget;
  #recent: Stretch;
  #older: Stretch | undefined;
  /** Whoever waits for the scan of another reader. */
  readonly waiting: (() => void)[] = [];

  /** Covers nothing yet, from `cursor` on. */
  constructor(cursor: Cursor, budget: KeyBudget) {
    this.#budget = budget;
    this.#recent = stretchFrom(cursor);
  }

  /** What is to be scanned before records from `cursor` to `head` can be judged; undefined when nothing is. */
  next(cursor: Cursor, head: Offset): Stretch | undefined {
    if (cursor.offset < this.#recent.from) {
      this.#older ??= stretchFrom(cursor);
      return this.#older;
    }
    if (this.#isFarBehind(cursor)) {
      this.release();
      this.#recent = stretchFrom(cursor);
      this.#older = undefined;
    }
    return this.#recent.at.offset < head ? this.#recent : undefined;
  }

  /** The scan of `stretch` met these records, in order. */
  scanned(stretch: Stretch, { epoch, firstOffset, count, slices }: RunPage): void {
    const { newest } = stretch;
    for (const { bytes, start, end, firstOffset } of slices) {
      let offset = firstOffset;
      for (const reader = new RunReader(bytes, start, end); reader.next(); offset++) {
        const { key } = reader;
        if (key !== null && (newest.has(key) || this.#budget.take())) newest.set(key, offset);
      }
    }
    this.passed(stretch, { epoch, offset: firstOffset + count - 1 });
  }

  /** The scan of `stretch` has come to `at`; of what lies before, nothing remains to be met. */
  passed(stretch: Stretch, at: Cursor): void {
    stretch.at = at;
    const { from, newest } = this.#recent;
    if (stretch !== this.#older || at.offset < from) return;
    for (const [key, offset] of stretch.newest) {
      if (newest.has(key)) this.#budget.giveBack(1);
      else newest.set(key, offset);
    }
    this.#recent.from = stretch.from;
    this.#older = undefined;
  }

  /** Whether a later record than the one at `offset` has this key. */
  isSuperseded(key: string, offset: Offset): boolean {
    return (this.#recent.newest.get(key) ?? 0) > offset;
  }

  /** Nobody needs it any more. */
  release(): void {
    this.#budget.giveBack(this.#recent.newest.size + (this.#older?.newest.size ?? 0));
  }

  /** Lets those go on that waited. */
  wake(): void {
    for (const run of this.waiting.splice(0)) run();
  }

  /**
   * Whether more that a reader at `cursor` does not need would have to be scanned for it than is known: as where only one
   * that stalled long ago has used the index. For that one it is scanned again, once it reads on.
   */
  #isFarBehind(cursor: Cursor): boolean {
    const stretches = this.#older ? [this.#older, this.#recent] : [this.#recent];
    if (stretches.some(({ isReading }) => isReading)) return false;
    const known = stretches.reduce((sum, { from, at }) => sum + at.offset - from, 0);
    return cursor.offset - this.#recent.at.offset > known;
  }
}

function stretchFrom(cursor: Cursor): Stretch {
  return { from: cursor.offset, at: cursor, newest: new Map(), isReading: false };
}
