import { describe, expect, it } from 'vitest';
import { HubHistory } from '../../../client/dashboard/model/hub-history.ts';
import { PointRing } from '../../../client/dashboard/model/point-ring.ts';
import type { HubFigures } from '../../../shared/figures.ts';

function filled(capacity: number, times: readonly number[]): PointRing {
  const ring = new PointRing(1, capacity);
  for (const [i, timeMs] of times.entries()) {
    ring.push({ epoch: 1, offset: i + 1, timeMs, intervalMs: 1000, values: [i] });
  }
  return ring;
}

describe('a ring of points', () => {
  it('keeps the newest when it is full', () => {
    const ring = filled(3, [1000, 2000, 3000, 4000, 5000]);
    expect(ring.window(0, [0])).toEqual([
      [3, 4, 5],
      [2, 3, 4],
    ]);
    expect([ring.firstMs, ring.lastMs, ring.length]).toEqual([3000, 5000, 3]);
  });

  it('begins a window at the first point that is not before it', () => {
    const ring = filled(10, [1000, 2000, 3000, 4000]);
    expect(ring.window(2001, [0])[0]).toEqual([3, 4]);
    expect(ring.window(2000, [0])[0]).toEqual([2, 3, 4]);
    expect(ring.window(9000, [0])[0]).toEqual([]);
  });

  it('takes a late point for late, not for a hole', () => {
    expect(filled(10, [1000, 3400]).holes).toEqual([]);
  });

  it('breaks the line where there was nothing, instead of joining its ends', () => {
    const ring = filled(10, [1000, 2000, 12_000, 13_000]);
    expect(ring.holes).toEqual([{ fromMs: 2000, toMs: 12_000, reason: 'silent', count: 0 }]);
    expect(ring.window(0, [0])).toEqual([
      [1, 2, 7, 12, 13],
      [0, 1, null, 2, 3],
    ]);
  });

  it('shows the break also when the window begins inside the hole', () => {
    const ring = filled(10, [1000, 2000, 12_000]);
    expect(ring.window(5000, [0])).toEqual([
      [7, 12],
      [null, 2],
    ]);
  });

  it('keeps an unknown figure unknown', () => {
    const ring = new PointRing(2, 4);
    ring.push({ epoch: 1, offset: 1, timeMs: 1000, intervalMs: 1000, values: [null, 0] });
    expect(ring.window(0, [0, 1])).toEqual([[1], [null], [0]]);
  });

  it('takes back the points that a crash took back, and tells the hole by its reason', () => {
    const ring = filled(10, [1000, 2000, 3000]);
    ring.miss({ epoch: 1, offset: 2 }, 'lost', null);
    expect(ring.lastMs).toBe(2000);
    ring.push({ epoch: 2, offset: 3, timeMs: 3500, intervalMs: 1000, values: [9] });
    expect(ring.holes).toEqual([{ fromMs: 2000, toMs: 3500, reason: 'lost', count: null }]);
    expect(ring.window(0, [0])[1]).toEqual([0, 1, null, 9]);
  });

  it('forgets holes that lie before its first point', () => {
    const ring = filled(3, [1000, 9000, 10_000, 11_000, 12_000]);
    expect(ring.holes).toEqual([]);
  });
});

const FIGURES = {
  intervalMs: 1000,
  publishedPerSecond: 5,
  droppedPerSecond: 2,
  conflatedPerSecond: 3,
  cpu: 0.5,
  eventLoopDelayMs: { p50: 1, p99: null, max: null },
  pushMs: { p50: null, p99: null, max: null },
  storedBytes: null,
} as unknown as HubFigures;

describe('the history of the hub', () => {
  it('gives the figures that were asked for, in their order, in the units they are drawn in', () => {
    const history = new HubHistory(4);
    history.take({ epoch: 1, offset: 1 }, 1000, FIGURES);
    expect(history.window(0, ['cpu', 'missed', 'published', 'loopP99', 'stored'])).toEqual([
      [1],
      [50],
      [5],
      [5],
      [null],
      [null],
    ]);
  });
});
