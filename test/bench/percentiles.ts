/** Where a share of all values lies at or below. */

const SHARES = [0.5, 0.9, 0.99, 0.999];

/** p50, p90, p99 and p99.9; of no values, none. Sorts what it is given. */
export function percentilesOf(values: number[]): number[] {
  if (values.length === 0) return [];
  values.sort((a, b) => a - b);
  return SHARES.map((share) => values[Math.min(values.length - 1, Math.floor(share * values.length))]!);
}
