import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { backoffDelayMs, DEFAULT_BACKOFF } from '../../../client/backoff.ts';

describe('backoff', () => {
  test('a delay lies between 0 and min(cap, base · 2^attempt)', () => {
    fc.assert(
      fc.property(
        fc.nat(2000),
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        (attempt, draw) => {
          const delayMs = backoffDelayMs(attempt, { ...DEFAULT_BACKOFF, random: () => draw });
          expect(delayMs).toBeGreaterThanOrEqual(0);
          expect(delayMs).toBeLessThanOrEqual(Math.min(20_000, 200 * 2 ** attempt));
        },
      ),
    );
  });

  test('the whole range is used, and it doubles up to the cap', () => {
    const bounds = [0, 1, 2, 6, 7, 40].map((n) => backoffDelayMs(n, { ...DEFAULT_BACKOFF, random: () => 1 }));
    expect(bounds).toEqual([200, 400, 800, 12_800, 20_000, 20_000]);
    expect(backoffDelayMs(3, { ...DEFAULT_BACKOFF, random: () => 0 })).toBe(0);
  });

  test('draws spread evenly', () => {
    const delays = Array.from({ length: 4000 }, () => backoffDelayMs(10, DEFAULT_BACKOFF));
    const mean = delays.reduce((sum, delayMs) => sum + delayMs, 0) / delays.length;
    expect(mean).toBeGreaterThan(9000);
    expect(mean).toBeLessThan(11_000);
  });
});
