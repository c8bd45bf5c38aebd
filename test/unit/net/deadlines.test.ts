import { expect, test } from 'vitest';
import { Deadlines, NOT_WAITING, type Waiter } from '../../../server/net/deadlines.ts';
import { ManualClock } from '../../../shared/clock.ts';
import { Random } from '../../support/random.ts';

/** Counts the timers that are set. */
class CountingClock extends ManualClock {
  timers = 0;

  override after(delayMs: number, run: () => void): () => void {
    this.timers++;
    const cancel = super.after(delayMs, () => {
      this.timers--;
      run();
    });
    return () => {
      this.timers--;
      cancel();
    };
  }
}

function setUp() {
  const clock = new CountingClock(0);
  const deadlines = new Deadlines(clock);
  const told: [name: number, atMs: number][] = [];
  const waiter = (name: number, due = () => {}): Waiter => ({
    place: NOT_WAITING,
    due() {
      told.push([name, clock.nowMs()]);
      due();
    },
  });
  return { clock, deadlines, told, waiter };
}

test('each is due once, at its time, whatever else was set, moved or cancelled', () => {
  const random = new Random();
  const { clock, deadlines, told, waiter } = setUp();
  const waiters = Array.from({ length: 50 }, (_, name) => waiter(name));
  const expected = new Map<number, number>();
  for (let step = 0; step < 3000; step++) {
    const name = random.below(50);
    if (random.chance(0.2)) {
      deadlines.cancel(waiters[name]!);
      expected.delete(name);
    } else {
      const delayMs = random.below(200);
      deadlines.set(waiters[name]!, delayMs);
      expected.set(name, clock.nowMs() + delayMs);
    }
    if (random.chance(0.3)) clock.advance(random.below(20));
    const nowMs = clock.nowMs();
    for (const [told1, atMs] of told.splice(0)) {
      expect([told1, atMs], `seed ${random.seed}`).toEqual([told1, expected.get(told1)]);
      expected.delete(told1);
    }
    const isLate = [...expected.values()].some((atMs) => atMs < nowMs);
    expect(isLate, `seed ${random.seed}`).toBe(false);
    expect(clock.timers).toBe(expected.size > 0 ? 1 : 0);
    for (const [each, { place }] of waiters.entries()) expect(place >= 0).toBe(expected.has(each));
  }
});

test('one that is due may set itself again, and cancel another that is due as well', () => {
  const { clock, deadlines, told, waiter } = setUp();
  const second = waiter(2);
  const first = waiter(1, () => {
    deadlines.cancel(second);
    if (told.length < 3) deadlines.set(first, 10);
  });
  deadlines.set(first, 5);
  deadlines.set(second, 5);
  clock.advance(100);
  expect(told).toEqual([
    [1, 5],
    [1, 15],
    [1, 25],
  ]);
});

test('a fault of one does not keep the others waiting', () => {
  const { clock, deadlines, told, waiter } = setUp();
  const faulty = waiter(1, () => {
    throw new Error('a fault');
  });
  deadlines.set(faulty, 5);
  deadlines.set(waiter(2), 5);
  expect(() => clock.advance(5)).toThrow('a fault');
  clock.advance(1);
  expect(told).toEqual([
    [1, 5],
    [2, 5],
  ]);
});
