import { describe, expect, it } from 'vitest';
import { percentilesOf } from '../../bench/percentiles.ts';

describe('percentilesOf', () => {
  it('finds each in values of any order, without changing them', () => {
    const values = Array.from({ length: 1000 }, (_, i) => (i * 7) % 1000);
    const copy = [...values];
    expect(percentilesOf(values)).toEqual({ p50Us: 500, p90Us: 900, p99Us: 990, p999Us: 999 });
    expect(values).toEqual(copy);
  });

  it('sorts by number, not by text', () => {
    expect(percentilesOf([9, 10, 100]).p50Us).toBe(10);
  });

  it('refuses to speak of nothing', () => {
    expect(() => percentilesOf([])).toThrow('nothing was measured');
  });
});
