/** Percentiles of what was measured, in its unit. */

export interface Percentiles {
  readonly p50Us: number;
  readonly p90Us: number;
  readonly p99Us: number;
  readonly p999Us: number;
}

/** Throws when that is nothing. */
export function percentilesOf(valuesUs: number[]): Percentiles {
  if (valuesUs.length === 0) throw new Error('nothing was measured: no record came');
  const sorted = Float64Array.from(valuesUs).sort();
  const at = (part: number) => sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))]!;
  return { p50Us: at(0.5), p90Us: at(0.9), p99Us: at(0.99), p999Us: at(0.999) };
}
