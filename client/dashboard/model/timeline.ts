/**
 * How a channel's records lie in time, from a few of them: up to which offset it had come at which moment. Between two
 * known points it is taken to have grown evenly. The slider's scale, the strip's counts and the way from a moment to an
 * offset all come from here. Pure; fed by the survey and by what the live tail is given.
 *
 *     offset │                ┌── head
 *            │        ●───────●
 *            │    ●
 *            │●
 *            └──────────────────── time
 */
import type { Epoch, Offset } from '../../../shared/terms.ts';

/** By `timeMs` the channel had come to `offset`. */
export interface Knot {
  readonly timeMs: number;
  readonly epoch: Epoch;
  readonly offset: Offset;
}

/** Most knots; beyond it every second one of the older half is forgotten. */
const MAX_KNOTS = 1200;
/** Knots at the live end that are nearer than this are one. */
const LIVE_STEP_MS = 500;

export class Timeline {
  #knots: Knot[] = [];
  /** Of the last knot that stays; later ones within a step replace each other. */
  #settledMs = Number.NEGATIVE_INFINITY;

  get first(): Knot | undefined {
    return this.#knots[0];
  }

  get last(): Knot | undefined {
    return this.#knots[this.#knots.length - 1];
  }

  get knots(): readonly Knot[] {
    return this.#knots;
  }

  /** Of the live end, where knots come often and in order. */
  follow(knot: Knot): void {
    const { last } = this;
    if (last && (knot.offset <= last.offset || knot.timeMs < last.timeMs)) return;
    if (last && last.timeMs > this.#settledMs && knot.timeMs - this.#settledMs < LIVE_STEP_MS) {
      this.#knots[this.#knots.length - 1] = knot;
      return;
    }
    this.#settledMs = last?.timeMs ?? knot.timeMs;
    this.#knots.push(knot);
    if (this.#knots.length > MAX_KNOTS) this.#thin();
  }

  /** Anywhere. Of what contradicts its neighbours, the offset that is known already counts. */
  note(knot: Knot): void {
    const at = this.#indexFrom(knot.timeMs);
    const before = this.#knots[at - 1];
    const after = this.#knots[at];
    if (before && before.offset > knot.offset) return;
    if (after && after.offset < knot.offset) return;
    if (after?.timeMs === knot.timeMs && after.offset === knot.offset) return;
    this.#knots.splice(at, 0, knot);
    if (this.#knots.length > MAX_KNOTS) this.#thin();
  }

  /** Retention has taken what was before. */
  forgetBefore(offset: Offset): void {
    const keep = this.#knots.findIndex((knot) => knot.offset >= offset);
    if (keep > 0) this.#knots.splice(0, keep);
  }

  /** To which offset the channel had come by then, about. */
  offsetAt(timeMs: number): number {
    return interpolate(this.#knots, 'timeMs', 'offset', timeMs);
  }

  /** When the channel came to it, about. */
  timeAt(offset: Offset): number {
    return interpolate(this.#knots, 'offset', 'timeMs', offset);
  }

  /** Of the first known point at or behind it: the history in which a cursor of this offset is told. */
  epochAt(offset: Offset): Epoch {
    return (this.#knots.find((knot) => knot.offset >= offset) ?? this.last)?.epoch ?? 0;
  }

  /** Records in each of as many equal stretches of time, about. */
  counts(fromMs: number, toMs: number, stretches: number): number[] {
    const step = (toMs - fromMs) / stretches;
    return Array.from({ length: stretches }, (_, i) =>
      Math.max(0, this.offsetAt(fromMs + (i + 1) * step) - this.offsetAt(fromMs + i * step)),
    );
  }

  #indexFrom(timeMs: number): number {
    const at = this.#knots.findIndex((knot) => knot.timeMs >= timeMs);
    return at === -1 ? this.#knots.length : at;
  }

  #thin(): void {
    const half = this.#knots.length >> 1;
    this.#knots = this.#knots.filter((_, i) => i === 0 || i >= half || i % 2 === 0);
  }
}

function interpolate(
  knots: readonly Knot[],
  from: 'timeMs' | 'offset',
  to: 'timeMs' | 'offset',
  value: number,
): number {
  if (knots.length === 0) return 0;
  let low = 0;
  let high = knots.length - 1;
  if (value <= knots[low]![from]) return knots[low]![to];
  if (value >= knots[high]![from]) return knots[high]![to];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (knots[middle]![from] <= value) low = middle;
    else high = middle;
  }
  const a = knots[low]!;
  const b = knots[high]!;
  const span = b[from] - a[from];
  return span === 0 ? b[to] : a[to] + ((value - a[from]) / span) * (b[to] - a[to]);
}
