import { beforeEach, describe, expect, test } from 'vitest';
import {
  Flow,
  type FlowMember,
  HIGH_WATER_BYTES,
  LONGEST_PAUSE_MS,
  LOW_WATER_BYTES,
} from '../../../client/flow.ts';
import { ManualClock } from '../../../shared/clock.ts';

let clock: ManualClock;
let held: boolean[];
let flow: Flow;
let lagged: string[];

function member(name: string): FlowMember & { add(bytes: number): void } {
  const self = {
    queuedBytes: 0,
    add(bytes: number) {
      self.queuedBytes += bytes;
      flow.changed(self, bytes);
    },
    lag() {
      lagged.push(name);
      flow.leave(self);
    },
  };
  flow.join(self);
  return self;
}

beforeEach(() => {
  clock = new ManualClock();
  held = [];
  lagged = [];
  flow = new Flow(clock, (hold) => {
    held.push(hold);
    return true;
  });
});

describe('flow', () => {
  test('reading stops at the high mark and goes on at the low one', () => {
    const reader = member('a');
    reader.add(HIGH_WATER_BYTES - 1);
    expect(held).toEqual([]);
    reader.add(1);
    expect(held).toEqual([true]);
    reader.add(LOW_WATER_BYTES - HIGH_WATER_BYTES + 1);
    expect(held).toEqual([true]);
    reader.add(-1);
    expect(held).toEqual([true, false]);
  });

  test('the marks hold for all subscriptions together', () => {
    const readers = [member('a'), member('b')];
    for (const reader of readers) reader.add(HIGH_WATER_BYTES / 2);
    expect(held).toEqual([true]);
  });

  test('nothing is held while an answer is awaited', () => {
    const reader = member('a');
    flow.awaiting(1);
    reader.add(HIGH_WATER_BYTES);
    expect(held).toEqual([]);
    flow.awaiting(0);
    expect(held).toEqual([true]);
    flow.awaiting(2);
    expect(held).toEqual([true, false]);
  });

  test('a pause that lasts sends the fullest reader off, and no more than need be', () => {
    const slow = member('slow');
    const quick = member('quick');
    quick.add(1000);
    slow.add(HIGH_WATER_BYTES);
    clock.advance(LONGEST_PAUSE_MS - 1);
    expect(lagged).toEqual([]);
    clock.advance(1);
    expect(lagged).toEqual(['slow']);
    expect(held).toEqual([true, false]);
    expect(flow.queuedBytes).toBe(1000);
  });

  test('a pause that ends in time sends nobody off', () => {
    const reader = member('a');
    reader.add(HIGH_WATER_BYTES);
    reader.add(-HIGH_WATER_BYTES);
    clock.advance(10 * LONGEST_PAUSE_MS);
    expect(lagged).toEqual([]);
  });

  test('after a new connection the pause of the old one means nothing', () => {
    const reader = member('a');
    reader.add(HIGH_WATER_BYTES);
    flow.reset();
    clock.advance(10 * LONGEST_PAUSE_MS);
    expect(lagged).toEqual([]);
    reader.add(1);
    expect(held).toEqual([true, true]);
  });

  test('where reading cannot be held, nobody is sent off', () => {
    flow = new Flow(clock, () => false);
    member('a').add(2 * HIGH_WATER_BYTES);
    clock.advance(10 * LONGEST_PAUSE_MS);
    expect(flow.paused).toBe(false);
    expect(lagged).toEqual([]);
  });
});
