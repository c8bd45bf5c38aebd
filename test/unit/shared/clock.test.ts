import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ManualClock, systemClock } from '../../../shared/clock.ts';

const DAY_MS = 24 * 3600 * 1000;

describe('ManualClock', () => {
  it('stands still until it is advanced', () => {
    const clock = new ManualClock(1000);
    expect([clock.nowMs(), clock.monotonicMs()]).toEqual([1000, 1000]);
    clock.advance(5.5);
    expect([clock.nowMs(), clock.monotonicMs()]).toEqual([1005, 1005.5]);
  });

  it('runs what falls due in order of time, the first set first, each at its time', () => {
    const clock = new ManualClock(0);
    const log: [string, number][] = [];
    const note = (name: string) => () => log.push([name, clock.nowMs()]);
    clock.after(20, note('c'));
    clock.after(10, note('a'));
    clock.after(10, note('b'));
    clock.after(31, note('later'));
    clock.advance(30);
    expect(log).toEqual([
      ['a', 10],
      ['b', 10],
      ['c', 20],
    ]);
    expect(clock.nowMs()).toBe(30);
    clock.advance(1);
    expect(log.at(-1)).toEqual(['later', 31]);
  });

  it('never goes back, though what ran moved it on further', () => {
    const clock = new ManualClock(0);
    clock.after(1, () => clock.advance(10));
    clock.advance(2);
    expect(clock.monotonicMs()).toBe(11);
  });

  it('runs a timer once', () => {
    const clock = new ManualClock();
    const run = vi.fn();
    clock.after(1, run);
    clock.advance(10);
    clock.advance(10);
    expect(run).toHaveBeenCalledTimes(1);
  });

  it('runs timers that timers set, as far as they fall due', () => {
    const clock = new ManualClock(0);
    const times: number[] = [];
    const again = () => {
      times.push(clock.nowMs());
      clock.after(10, again);
    };
    clock.after(10, again);
    clock.advance(35);
    expect(times).toEqual([10, 20, 30]);
  });

  it('does not run what was cancelled, even by another timer of the same moment', () => {
    const clock = new ManualClock();
    const run = vi.fn();
    const cancelFirst = clock.after(5, run);
    cancelFirst();
    cancelFirst();
    let cancelSecond = () => {};
    clock.after(5, () => cancelSecond());
    cancelSecond = clock.after(5, run);
    clock.advance(10);
    expect(run).not.toHaveBeenCalled();
  });

  it('cancelling what has run touches no other timer', () => {
    const clock = new ManualClock();
    const run = vi.fn();
    const cancel = clock.after(1, () => {});
    clock.advance(1);
    clock.after(1, run);
    cancel();
    clock.advance(1);
    expect(run).toHaveBeenCalledTimes(1);
  });

  it('takes a negative delay for none, and runs nothing before it is advanced', () => {
    const clock = new ManualClock();
    const run = vi.fn();
    clock.after(-5, run);
    expect(run).not.toHaveBeenCalled();
    clock.advance(0);
    expect(run).toHaveBeenCalledTimes(1);
  });
});

describe('systemClock', () => {
  beforeEach(() => vi.useFakeTimers());
  afterEach(() => vi.useRealTimers());

  it('tells whole ms of Unix time, and a monotonic time that does not go back', () => {
    vi.useRealTimers();
    expect(Number.isInteger(systemClock.nowMs())).toBe(true);
    expect(Math.abs(systemClock.nowMs() - Date.now())).toBeLessThan(1000);
    const before = systemClock.monotonicMs();
    expect(systemClock.monotonicMs()).toBeGreaterThanOrEqual(before);
  });

  it('runs after the delay, not before', () => {
    const run = vi.fn();
    systemClock.after(100, run);
    vi.advanceTimersByTime(99);
    expect(run).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    expect(run).toHaveBeenCalledTimes(1);
  });

  it('waits a delay of 60 days out, longer than a timer of the platform can', () => {
    const run = vi.fn();
    systemClock.after(60 * DAY_MS, run);
    vi.advanceTimersByTime(60 * DAY_MS - 1);
    expect(run).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    expect(run).toHaveBeenCalledTimes(1);
  });

  it('cancels, also in the second part of a long delay', () => {
    const run = vi.fn();
    const cancelShort = systemClock.after(10, run);
    const cancelLong = systemClock.after(60 * DAY_MS, run);
    cancelShort();
    vi.advanceTimersByTime(30 * DAY_MS);
    cancelLong();
    vi.advanceTimersByTime(60 * DAY_MS);
    expect(run).not.toHaveBeenCalled();
    expect(vi.getTimerCount()).toBe(0);
  });

  it('takes a negative delay for none, and never ends an infinite one', () => {
    const soon = vi.fn();
    const never = vi.fn();
    systemClock.after(-1, soon);
    systemClock.after(Number.POSITIVE_INFINITY, never);
    vi.advanceTimersByTime(100 * DAY_MS);
    expect(soon).toHaveBeenCalledTimes(1);
    expect(never).not.toHaveBeenCalled();
  });
});
