/** Percentiles of what was measured in one interval. Pure. */
import type { Percentiles } from '../../shared/figures.ts';

export const NOTHING: Percentiles = { p50: null, p99: null, max: null };

/** Of single values, by nearest rank. */
export function percentilesOf(values: readonly number[]): Percentiles {
  if (values.length === 0) return NOTHING;
  const sorted = [...values].sort((a, b) => a - b);
  const at = (share: number) => round(sorted[Math.ceil(share * sorted.length) - 1]!);
  return { p50: at(0.5), p99: at(0.99), max: at(1) };
}

/**
 * Of counts in buckets, between two readings of them: within a bucket evenly spread, so no nearer than the bucket is
 * wide; `max` is the upper bound of the last that holds any, and of what is beyond all bounds the last bound.
 */
export function percentilesOfBuckets(
  boundsMs: readonly number[],
  before: ArrayLike<number>,
  after: ArrayLike<number>,
): Percentiles {
  const counts = Array.from(after, (count, bucket) => count - before[bucket]!);
  const total = counts.reduce((sum, count) => sum + count, 0);
  if (total === 0) return NOTHING;
  const upper = (bucket: number) => boundsMs[Math.min(bucket, boundsMs.length - 1)]!;
  const at = (share: number) => {
    let rank = share * total;
    for (const [bucket, count] of counts.entries()) {
      if (count > 0 && rank <= count) {
        const lower = bucket === 0 ? 0 : upper(bucket - 1);
        return round(lower + (upper(bucket) - lower) * (rank / count));
      }
      rank -= count;
    }
    return upper(counts.length);
  };
  return { p50: at(0.5), p99: at(0.99), max: upper(counts.findLastIndex((count) => count > 0)) };
}

/** Microseconds are precise enough, and shorter to send. */
function round(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}
