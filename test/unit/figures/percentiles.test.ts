import { expect, test } from 'vitest';
import { NOTHING, percentilesOf, percentilesOfBuckets } from '../../../server/figures/percentiles.ts';

test('percentiles of values are those of nearest rank', () => {
  const values = Array.from({ length: 100 }, (_, i) => 100 - i);
  expect(percentilesOf(values)).toEqual({ p50: 50, p99: 99, max: 100 });
  expect(percentilesOf([0.12345])).toEqual({ p50: 0.123, p99: 0.123, max: 0.123 });
});

test('where nothing was measured there is no percentile, and no zero', () => {
  expect(percentilesOf([])).toEqual(NOTHING);
  expect(percentilesOfBuckets([1, 2], [3, 4, 5], [3, 4, 5])).toEqual(NOTHING);
});

test('percentiles of buckets count what came between two readings, evenly spread in each', () => {
  const before = [10, 0, 7, 0];
  expect(percentilesOfBuckets([1, 2, 4], before, [20, 0, 7, 0])).toEqual({ p50: 0.5, p99: 0.99, max: 1 });
  expect(percentilesOfBuckets([1, 2, 4], before, [10, 0, 17, 0])).toEqual({ p50: 3, p99: 3.98, max: 4 });
  expect(percentilesOfBuckets([1, 2, 4], before, [110, 0, 7, 1])).toEqual({ p50: 0.505, p99: 1, max: 4 });
});

test('what is beyond all bounds is told as the last bound, which it is at least', () => {
  expect(percentilesOfBuckets([1, 2], [0, 0, 0], [0, 0, 5])).toEqual({ p50: 2, p99: 2, max: 2 });
});
