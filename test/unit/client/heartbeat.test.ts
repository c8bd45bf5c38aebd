import { beforeEach, describe, expect, test } from 'vitest';
import { Heartbeat } from '../../../client/heartbeat.ts';
import { ManualClock } from '../../../shared/clock.ts';

const clock = new ManualClock();
let happened: string[];
let heartbeat: Heartbeat;

beforeEach(() => {
  happened = [];
  heartbeat?.stop();
  heartbeat = new Heartbeat(clock, 20_000, {
    ping: () => happened.push('ping'),
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
