import { beforeEach, describe, expect, test } from 'vitest';
import type { ChannelLog } from '../../../server/log/channel-log.ts';
import type { LogSet } from '../../../server/log/log-set.ts';
import {
  crashWhenFinished,
  drive,
  flush,
  type OpenLogs,
  type OpenOptions,
  openLogs,
  publish,
} from '../../support/open-logs.ts';
import { storedExtents } from '../../support/stored-runs.ts';

const KIB = 1024;
/** Three of them fill a segment. */
const THIRD = 20 * KIB;

let opened: OpenLogs;
let logs: LogSet;
let nowMs: number;

async function open(options: OpenOptions): Promise<void> {
  opened = crashWhenFinished(await openLogs(options));
  ({ logs } = opened);
  nowMs = opened.clock.nowMs();
}

async function logOf(name: string): Promise<ChannelLog> {
  return await logs.openLog(name);
}

async function write(log: ChannelLog, ...sizes: number[]): Promise<void> {
  publish(logs, log, opened.clock.nowMs(), ...sizes);
  await flush(opened);
}

describe('the budget of all rings', () => {
  beforeEach(() => open({ ringBytes: 256 * KIB }));

  test('lets go of the oldest segments, whosever they are', async () => {
    const [quiet, busy] = [await logOf('quiet'), await logOf('busy')];
    await write(quiet, 10);
    for (let i = 0; i < 30; i++) await write(busy, THIRD);
    expect(quiet.segments).toHaveLength(0);
    expect(logs.ringBytes).toBeLessThanOrEqual(256 * KIB);
    expect(busy.ringFirstOffset).toBeGreaterThan(15);
    expect(busy.ringFirstOffset).toBeLessThan(30);
  });

  test('never lets go of what the store does not hold', async () => {
    const log = await logOf('a');
    opened.store.holdWrites();
    for (let i = 0; i < 60; i++) publish(logs, log, nowMs, THIRD);
    expect(log.ringFirstOffset).toBe(1);
    expect(logs.ringBytes).toBeGreaterThan(1024 * KIB);
    opened.store.releaseWrites();
    await flush(opened);
    expect(log.ringFirstOffset).toBeGreaterThan(40);
    expect(logs.ringBytes).toBeLessThanOrEqual(256 * KIB);
  });

  test('a segment that was only just begun is not sealed, so that its records share it (each had one of its own)', async () => {
    const [full, log] = [await logOf('full'), await logOf('a')];
    opened.store.holdWrites();
    for (let i = 0; i < 30; i++) publish(logs, full, nowMs, THIRD);
    for (let i = 0; i < 20; i++) publish(logs, log, nowMs, 100);
    expect(log.segments.map(({ count, state }) => [count, state])).toEqual([[20, 'open']]);
  });

  test('seals no more open segments than it takes (it sealed all that it looked at)', async () => {
    const many = await Promise.all(Array.from({ length: 60 }, (_, i) => logOf(`c${i}`)));
    // In two writes each, so that they have to be merged before they can go.
    for (let round = 0; round < 2; round++) {
      for (const log of many) publish(logs, log, nowMs, 1700);
      await flush(opened);
    }
    expect(logs.ringBytes).toBe(60 * 4096);
    const log = await logOf('another');
    for (let i = 0; i < 3; i++) await write(log, 8000);
    expect(logs.ringBytes).toBeLessThanOrEqual(256 * KIB);
    const gone = many.filter(({ segments }) => segments.length === 0);
    const sealed = many.filter(({ segments }) => segments[0]?.state === 'sealed');
    expect(gone.length).toBeGreaterThan(0);
    expect(gone.length + sealed.length).toBeLessThan(20);
  });

  test('what it evicts is one value on disk', async () => {
    const log = await logOf('a');
    for (let i = 0; i < 10; i++) await write(log, 100);
    const busy = await logOf('busy');
    for (let i = 0; i < 30; i++) await write(busy, THIRD);
    expect(log.segments).toHaveLength(0);
    expect(await storedExtents(opened.store, log.number)).toEqual([[1, 10]]);
  });
});

test('what became durable just now is in the ring while that is told, however small the budgets (its readers had to read the store)', async () => {
  const told: [durableOffset: number, ringFirstOffset: number][] = [];
  let durable = 0;
  await open({
    ringBytes: 1,
    ring: { maxRecords: 0 },
    onSynced: ([log]) => {
      if (log!.durableOffset > durable) told.push([durable + 1, log!.ringFirstOffset]);
      durable = log!.durableOffset;
    },
  });
  const log = await logOf('a');
  for (let i = 0; i < 20; i++) await write(log, ...Array.from({ length: 1 + (i % 7) }, () => THIRD));
  expect(told).toHaveLength(20);
  for (const [firstOffset, ringFirstOffset] of told) expect(ringFirstOffset).toBeLessThanOrEqual(firstOffset);
  expect(log.segments.length).toBeLessThan(2);
});

describe('the bounds of one ring', () => {
  test('by records: at least so many stay', async () => {
    await open({ ring: { maxRecords: 7 } });
    const log = await logOf('a');
    for (let i = 1; i <= 40; i++) {
      await write(log, THIRD);
      const kept = log.headOffset - log.ringFirstOffset + 1;
      expect(kept).toBeGreaterThanOrEqual(Math.min(i, 7));
      expect(kept).toBeLessThan(7 + 3);
    }
  });

  test('by bytes: at least so many stay', async () => {
    await open({ ring: { maxBytes: 200 * KIB } });
    const log = await logOf('a');
    for (let i = 1; i <= 40; i++) {
      await write(log, THIRD);
      expect(log.ringBytes).toBeGreaterThanOrEqual(Math.min(i * THIRD, 200 * KIB));
      expect(log.ringBytes).toBeLessThan(200 * KIB + 2 * 64 * KIB);
    }
  });

  test('by age: an open segment is sealed, and goes once it is merged (it stayed until the next look)', async () => {
    await open({ ring: { maxAgeMs: 1000 } });
    const log = await logOf('a');
    await write(log, 100);
    await write(log, 100);
    opened.clock.advance(800);
    await drive(opened, logs.maintain());
    expect(log.ringFirstOffset).toBe(1);
    opened.clock.advance(300);
    await logs.maintain();
    expect(log.segments.map(({ state }) => state)).toEqual(['sealed']);
    await flush(opened);
    expect(log.segments).toHaveLength(0);
    expect(await storedExtents(opened.store, log.number)).toEqual([[1, 2]]);
  });
});
