/**
 * The newest points of a few figures over time, in fixed memory: a ring of numbers for each figure. Knows holes, so that
 * what it gives a chart has a break where there was nothing. Called by hub-history.ts.
 */
import { type Cursor, compareCursors } from '../../../shared/terms.ts';
import type { Hole, HoleReason } from './holes.ts';

/** x in seconds, then one column for each figure that was asked for; null breaks the line. */
export type Columns = [xs: number[], ...ys: (number | null | undefined)[][]];

export interface Point extends Cursor {
  readonly timeMs: number;
  /** How much time the point stands for: a longer silence before it is a hole. */
  readonly intervalMs: number;
  /** In the order of the ring's figures; null where nothing was measured. */
  readonly values: readonly (number | null)[];
}

/** A point may come this many intervals after the one before, by a busy hub, without a hole between them. */
const SLACK = 2.5;

export class PointRing {
  readonly capacity: number;
  readonly #times: Float64Array;
  readonly #epochs: Float64Array;
  readonly #offsets: Float64Array;
  readonly #values: readonly Float64Array[];
  #start = 0;
  #length = 0;
  #holes: Hole[] = [];
  /** What the next point comes behind. */
  #missing: { readonly reason: HoleReason; readonly count: number | null } | undefined;

  constructor(figures: number, capacity: number) {
    this.capacity = capacity;
    this.#times = new Float64Array(capacity);
    this.#epochs = new Float64Array(capacity);
    this.#offsets = new Float64Array(capacity);
    this.#values = Array.from({ length: figures }, () => new Float64Array(capacity));
  }

  get length(): number {
    return this.#length;
  }

  get holes(): readonly Hole[] {
    return this.#holes;
  }

  get firstMs(): number | null {
    return this.#length === 0 ? null : this.#times[this.#start]!;
  }

  get lastMs(): number | null {
    return this.#length === 0 ? null : this.#times[this.#at(this.#length - 1)]!;
  }

  push(point: Point): void {
    const { lastMs } = this;
    if (lastMs !== null) this.#noteHole(lastMs, point);
    this.#missing = undefined;
    if (this.#length === this.capacity) this.#start = (this.#start + 1) % this.capacity;
    else this.#length += 1;
    const at = this.#at(this.#length - 1);
    this.#times[at] = point.timeMs;
    this.#epochs[at] = point.epoch;
    this.#offsets[at] = point.offset;
    for (const [i, column] of this.#values.entries()) column[at] = point.values[i] ?? Number.NaN;
    const { firstMs } = this;
    while (this.#holes.length > 0 && this.#holes[0]!.toMs < firstMs!) this.#holes.shift();
  }

  /** Records are missing before the next point; points behind `after` were taken back. */
  miss(after: Cursor, reason: HoleReason, count: number | null): void {
    this.#missing = { reason, count };
    while (this.#length > 0) {
      const at = this.#at(this.#length - 1);
      const cursor = { epoch: this.#epochs[at]!, offset: this.#offsets[at]! };
      if (compareCursors(cursor, after) <= 0) return;
      this.#length -= 1;
    }
  }

  /** The points from `fromMs` on, of the figures named by their index. */
  window(fromMs: number, figures: readonly number[]): Columns {
    const xs: number[] = [];
    const ys = figures.map((): (number | null)[] => []);
    let hole = this.#holes.findIndex((one) => one.toMs >= fromMs);
    if (hole === -1) hole = this.#holes.length;
    for (let i = this.#firstFrom(fromMs); i < this.#length; i++) {
      const at = this.#at(i);
      const timeMs = this.#times[at]!;
      const next = this.#holes[hole];
      if (next && next.toMs <= timeMs) {
        // A point of nothing in the middle of it: the line ends before and begins anew behind.
        xs.push((next.fromMs + next.toMs) / 2000);
        for (const column of ys) column.push(null);
        hole += 1;
      }
      xs.push(timeMs / 1000);
      for (const [k, column] of ys.entries()) {
        const value = this.#values[figures[k]!]![at]!;
        column.push(Number.isNaN(value) ? null : value);
      }
    }
    return [xs, ...ys];
  }

  #at(index: number): number {
    return (this.#start + index) % this.capacity;
  }

  #noteHole(lastMs: number, { timeMs, intervalMs }: Point): void {
    const missing = this.#missing;
    if (!missing && timeMs - lastMs <= SLACK * intervalMs) return;
    this.#holes.push({ fromMs: lastMs, toMs: timeMs, ...(missing ?? { reason: 'silent', count: 0 }) });
  }

  /** The index of the first point at or after `fromMs`: times never decrease. */
  #firstFrom(fromMs: number): number {
    let low = 0;
    let high = this.#length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#times[this.#at(middle)]! < fromMs) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
