import { describe, expect, it } from 'vitest';
import { axisOf, density, heights, STEPS, shareOf, valueAt } from '../../../client/dashboard/model/axis.ts';
import { Timeline } from '../../../client/dashboard/model/timeline.ts';

function known(...knots: readonly (readonly [timeMs: number, offset: number, epoch?: number])[]): Timeline {
  const timeline = new Timeline();
  for (const [timeMs, offset, epoch = 1] of knots) timeline.note({ timeMs, offset, epoch });
  return timeline;
}

describe('a timeline', () => {
  it('goes from a moment to an offset and back, between what it knows', () => {
    const timeline = known([1000, 1], [3000, 101], [4000, 111]);
    expect(timeline.offsetAt(2000)).toBe(51);
    expect(timeline.timeAt(51)).toBe(2000);
    expect(timeline.offsetAt(3500)).toBe(106);
  });

  it('stops at its ends', () => {
    const timeline = known([1000, 5], [2000, 9]);
    expect([timeline.offsetAt(0), timeline.offsetAt(9000)]).toEqual([5, 9]);
    expect([timeline.timeAt(1), timeline.timeAt(100)]).toEqual([1000, 2000]);
  });

  it('takes knots in any order and none that contradicts its neighbours', () => {
    const timeline = known([3000, 30], [1000, 10], [2000, 20], [2500, 5], [1500, 99]);
    expect(timeline.knots.map(({ offset }) => offset)).toEqual([10, 20, 30]);
  });

  it('counts records in each stretch, all of them together no more and no fewer than there are', () => {
    const timeline = known([0, 0], [1000, 100], [2000, 100], [4000, 400]);
    const counts = timeline.counts(0, 4000, 4);
    expect(counts).toEqual([100, 0, 150, 150]);
  });

  it('follows a quick live end with few knots, the newest always exact', () => {
    const timeline = known([0, 0]);
    for (let i = 1; i <= 10_000; i++) timeline.follow({ timeMs: i, offset: i, epoch: 1 });
    expect(timeline.last).toMatchObject({ timeMs: 10_000, offset: 10_000 });
    expect(timeline.knots.length).toBeLessThan(30);
    expect(timeline.offsetAt(5000)).toBeCloseTo(5000, 0);
  });

  it('stays bounded however long it follows', () => {
    const timeline = new Timeline();
    for (let i = 0; i < 20_000; i++) timeline.follow({ timeMs: i * 1000, offset: i, epoch: 1 });
    expect(timeline.knots.length).toBeLessThanOrEqual(1200);
    expect(timeline.first?.offset).toBe(0);
  });

  it('names the history in which an offset is told', () => {
    const timeline = known([1000, 1, 3], [2000, 104, 3], [9000, 105, 4], [9500, 200, 4]);
    expect([50, 104, 105, 180, 999].map((offset) => timeline.epochAt(offset))).toEqual([3, 3, 4, 4, 4]);
  });
});

describe('the axis of the slider', () => {
  const timeline = known([10_000, 1], [20_000, 101], [60_000, 201]);

  it('spans all that is known, or what its reach says', () => {
    expect(axisOf(timeline, 'time', 'all')).toEqual({ kind: 'time', from: 10_000, to: 60_000 });
    expect(axisOf(timeline, 'time', 40_000)).toEqual({ kind: 'time', from: 20_000, to: 60_000 });
    expect(axisOf(timeline, 'offset', 40_000)).toEqual({ kind: 'offset', from: 101, to: 201 });
    expect(axisOf(new Timeline(), 'time', 'all')).toBeNull();
  });

  it('goes from positions to values and back', () => {
    const axis = axisOf(timeline, 'time', 'all')!;
    for (const position of [0, 1, 333, 999, STEPS]) {
      expect(shareOf(axis, valueAt(axis, position)) * STEPS).toBeCloseTo(position, 6);
    }
    expect([shareOf(axis, 0), shareOf(axis, 1e9)]).toEqual([0, 1]);
  });

  it('has whole offsets', () => {
    expect(valueAt({ kind: 'offset', from: 1, to: 10 }, 500)).toBe(6);
  });

  it('spans something even of a single record', () => {
    const axis = axisOf(known([1000, 7]), 'time', 'all')!;
    expect(axis.to).toBeGreaterThan(axis.from);
  });

  it('shows how quickly records came where it counts offsets', () => {
    const axis = axisOf(timeline, 'offset', 'all')!;
    expect(density(timeline, axis, 2).map(Math.round)).toEqual([10, 3]);
  });

  it('keeps a quiet stretch visible beside a burst', () => {
    expect(heights([0, 1, 100])).toEqual([0, 0.1, 1]);
    expect(heights([0, 0])).toEqual([0, 0]);
  });
});
