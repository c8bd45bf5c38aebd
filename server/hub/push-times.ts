/**
 * How long pushes took: counted in plain numbers where they are made, to be made a histogram of where that is asked for.
 */

/** Upper bounds of the buckets, ms; what is beyond the last is in one more. */
export const PUSH_BOUNDS_MS: readonly number[] = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 50, 100, 250];

export class PushTimes {
  readonly boundsMs = PUSH_BOUNDS_MS;
  /** How many pushes fell into each bucket, and into none of those below it. */
  readonly counts = new Float64Array(PUSH_BOUNDS_MS.length + 1);
  sumMs = 0;

  note(tookMs: number): void {
    let bucket = 0;
    // Most are in one of the first.
    while (bucket < PUSH_BOUNDS_MS.length && tookMs > PUSH_BOUNDS_MS[bucket]!) bucket++;
    this.counts[bucket]!++;
    this.sumMs += tookMs;
  }
}
