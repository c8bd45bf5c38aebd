import { beforeEach, describe, expect, test } from 'vitest';
import { Heartbeat, PROBE_MS } from '../../../client/heartbeat.ts';
import { type Clock, ManualClock } from '../../../shared/clock.ts';

const clock = new ManualClock();
let happened: string[];
let heartbeat: Heartbeat;

beforeEach(() => {
  happened = [];
  heartbeat?.stop();
  heartbeat = new Heartbeat(clock, 20_000, {
    ping: (id) => happened.push(id === 0 ? 'ping' : `probe ${id}`),
    dead: () => happened.push('dead'),
  });
  heartbeat.start();
});

describe('heartbeat', () => {
  test('an interval of silence asks for a ping, two mean death', () => {
    clock.advance(19_999);
    expect(happened).toEqual([]);
    clock.advance(1);
    expect(happened).toEqual(['ping']);
    clock.advance(19_999);
    expect(happened).toEqual(['ping']);
    clock.advance(1);
    expect(happened).toEqual(['ping', 'dead']);
    clock.advance(100_000);
    expect(happened).toEqual(['ping', 'dead']);
  });

  test('whatever arrives keeps it quiet', () => {
    for (let i = 0; i < 50; i++) {
      clock.advance(15_000);
      heartbeat.heard();
    }
    expect(happened).toEqual([]);
  });

  test('an answered ping is asked for again after the next silence', () => {
    clock.advance(20_000);
    heartbeat.heard();
    clock.advance(20_000);
    expect(happened).toEqual(['ping', 'ping']);
    clock.advance(20_000);
    expect(happened).toEqual(['ping', 'ping', 'dead']);
  });

  test('stopped, it does nothing', () => {
    heartbeat.stop();
    clock.advance(100_000);
    expect(happened).toEqual([]);
  });
});

describe('a probe', () => {
  test('asks at once, and silence for a few seconds means death', () => {
    clock.advance(5000);
    heartbeat.probe();
    expect(happened).toEqual(['probe 1']);
    clock.advance(PROBE_MS - 1);
    expect(happened).toEqual(['probe 1']);
    clock.advance(1);
    expect(happened).toEqual(['probe 1', 'dead']);
  });

  test('that is answered leaves everything as it was', () => {
    heartbeat.probe();
    clock.advance(100);
    heartbeat.heard();
    heartbeat.answered(1);
    clock.advance(19_999);
    expect(happened).toEqual(['probe 1']);
    clock.advance(1);
    expect(happened).toEqual(['probe 1', 'ping']);
    clock.advance(20_000);
    expect(happened).toEqual(['probe 1', 'ping', 'dead']);
  });

  test('is not answered by what was on its way before: that prolongs the wait, no more', () => {
    heartbeat.probe();
    clock.advance(1000);
    heartbeat.heard();
    heartbeat.answered(0);
    clock.advance(PROBE_MS - 1);
    expect(happened).toEqual(['probe 1']);
    clock.advance(1);
    expect(happened).toEqual(['probe 1', 'dead']);
  });

  test('does not take a slow link for a dead one while frames come', () => {
    heartbeat.probe();
    for (let i = 0; i < 20; i++) {
      clock.advance(PROBE_MS - 100);
      heartbeat.heard();
    }
    heartbeat.answered(1);
    clock.advance(PROBE_MS);
    expect(happened).toEqual(['probe 1']);
  });

  test('is one at a time, however often it is asked for', () => {
    heartbeat.probe();
    heartbeat.probe();
    expect(happened).toEqual(['probe 1']);
    heartbeat.heard();
    heartbeat.answered(1);
    heartbeat.probe();
    expect(happened).toEqual(['probe 1', 'probe 2']);
  });

  test('of no connection asks nobody', () => {
    heartbeat.stop();
    heartbeat.probe();
    clock.advance(100_000);
    expect(happened).toEqual([]);
  });
});

describe('held up by the program or by a throttled tab', () => {
  /** Timers that come `lateMs` late. */
  function slow(lateMs: () => number): Clock {
    return {
      nowMs: () => clock.nowMs(),
      monotonicMs: () => clock.monotonicMs(),
      after: (delayMs, run) => clock.after(delayMs + lateMs(), run),
    };
  }

  test('it asks before it takes anything for dead, and gives what was held up with it a chance to be heard', () => {
    heartbeat.stop();
    let lateMs = 60_000;
    const held = new Heartbeat(
      slow(() => lateMs),
      20_000,
      { ping: () => happened.push('ping'), dead: () => happened.push('dead') },
    );
    held.start();
    clock.advance(80_000);
    expect(happened).toEqual(['ping']);
    clock.advance(80_000);
    expect(happened).toEqual(['ping']);
    lateMs = 0;
    clock.advance(60_000 + PROBE_MS);
    clock.advance(PROBE_MS);
    expect(happened).toEqual(['ping', 'dead']);
  });
});
