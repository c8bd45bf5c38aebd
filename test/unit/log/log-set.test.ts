import { readdir } from 'node:fs/promises';
import { beforeEach, describe, expect, test } from 'vitest';
import { LogSet } from '../../../server/log/log-set.ts';
import { createMemoryStore } from '../../../server/log/memory-store.ts';
import type { OrderedStore } from '../../../server/log/ordered-store.ts';
import { createRocksStore } from '../../../server/log/rocks-store.ts';
import { FaultyStore } from '../../support/faulty-store.ts';
import {
  crash,
  crashWhenFinished,
  drive,
  flush,
  MAX_DELAY_MS,
  NO_LIMITS,
  type OpenLogs,
  type OpenOptions,
  openLogs,
  publish,
  turns,
} from '../../support/open-logs.ts';
import { storedExtents } from '../../support/stored-runs.ts';
import { tempFolder } from '../../support/temp-folder.ts';
import { until } from '../../support/until.ts';

/** Longer than any test turns the clock. */
const STOP_MS = 60_000;

let inner: OrderedStore;
let opened: OpenLogs;
let logs: LogSet;

beforeEach(() => {
  inner = createMemoryStore({ keep: true });
});

async function open(options: OpenOptions = {}): Promise<void> {
  opened = crashWhenFinished(await openLogs(options, inner));
  ({ logs } = opened);
}

async function write(name: string, ...sizes: number[]): Promise<void> {
  publish(logs, await logs.openLog(name), opened.clock.nowMs(), ...sizes);
  await flush(opened);
}

/** Maintenance over a time in which an idle log is forgotten. */
async function maintainLong(): Promise<void> {
  for (let i = 0; i < 5; i++) {
    opened.clock.advance(6000);
    await drive(opened, logs.maintain());
  }
}

const EVICTS = { ring: { maxAgeMs: 100 } };

describe('forgetting an idle log', () => {
  test('leaves it to be opened again as it was', async () => {
    await open(EVICTS);
    await write('a', 10, 20);
    const log = await logs.openLog('a');
    await maintainLong();
    expect(logs.get('a')).toBe(undefined);
    const again = await logs.openLog('a');
    expect(again).not.toBe(log);
    expect(again.meta).toEqual(log.meta);
    expect([again.durableOffset, again.metaDirty]).toEqual([2, false]);
  });

  test('takes a while, so that whoever was given it can use it (it went in the same tick)', async () => {
    await open();
    await write('a', 10);
    await crash(opened);
    await open({ clock: opened.clock });
    // Maintenance looks for it too, and both are given it in one tick.
    const maintained = logs.maintain();
    const log = await logs.openLog('a');
    await maintained;
    for (let i = 0; i < 5; i++) {
      await drive(opened, logs.maintain());
      expect(logs.get('a')).toBe(log);
      opened.clock.advance(1000);
    }
    await maintainLong();
    expect(logs.get('a')).toBe(undefined);
  });

  test('follows at once where only maintenance had a look', async () => {
    await open();
    await write('a', 10);
    await crash(opened);
    await open({ clock: opened.clock });
    await drive(opened, logs.maintain());
    expect(logs.get('a')).toBe(undefined);
  });

  test('begins anew each time it is asked for', async () => {
    await open(EVICTS);
    await write('a', 10);
    const log = await logs.openLog('a');
    for (let i = 0; i < 10; i++) {
      opened.clock.advance(6000);
      await drive(opened, logs.maintain());
      expect(await logs.openLog('a')).toBe(log);
    }
  });

  test.each(['pinned', 'kept by the hub'])('does not happen while it is %s', async (why) => {
    await open({ ...EVICTS, mayForget: () => why !== 'kept by the hub' });
    await write('a', 10);
    const log = await logs.openLog('a');
    if (why === 'pinned') log.pins++;
    await maintainLong();
    expect(logs.get('a')).toBe(log);
  });

  test('does not happen while its trim waits or is in flight (it came back with the runs that were deleted)', async () => {
    await open({ retention: { maxAgeMs: 5000 }, ring: { maxAgeMs: 100 } });
    await write('a', 10);
    opened.store.holdWrites();
    await maintainLong();
    const log = await logs.openLog('a');
    expect(log.segments).toHaveLength(0);
    expect([log.oldestOffset, log.isIdle, log.queued]).toEqual([2, false, true]);
    opened.clock.advance(MAX_DELAY_MS);
    await turns();
    expect(opened.store.heldWrites).toBe(1);
    opened.clock.advance(60_000);
    const maintained = logs.maintain();
    await turns();
    expect(logs.get('a')).toBe(log);
    opened.store.releaseWrites();
    await flush(opened);
    await drive(opened, maintained);
    expect(log.isIdle).toBe(true);
    await maintainLong();
    expect(logs.get('a')).toBe(undefined);
    expect(await logs.openLog('a')).toMatchObject({ oldestOffset: 2, headOffset: 1 });
  });

  test('nor where it was trimmed while the write was in flight that it was in', async () => {
    await open({ retention: { maxRecords: 1 } });
    await write('a', 40_000);
    const log = await logs.openLog('a');
    publish(logs, log, opened.clock.nowMs(), 40_000);
    await flush(opened);
    publish(logs, log, opened.clock.nowMs(), 40_000);
    opened.store.holdWrites();
    opened.clock.advance(MAX_DELAY_MS);
    await turns();
    expect(opened.store.heldWrites).toBe(1);
    await logs.maintain();
    expect(log.oldestOffset).toBe(2);
    opened.store.releaseWrites();
    await turns();
    expect([log.durableOffset, log.metaDirty, log.queued]).toEqual([3, true, true]);
    await flush(opened);
    expect([log.metaDirty, log.queued]).toEqual([false, false]);
  });
});

describe('the number of channels', () => {
  test('is bounded, and those that are stored can always be opened', async () => {
    await open({ maxChannels: 2 });
    await write('a', 10);
    await write('b', 10);
    expect(() => logs.openLog('c')).toThrow(expect.objectContaining({ code: 'too-many-channels' }));
    await crash(opened);
    await open({ maxChannels: 1 });
    expect(logs.channelCount).toBe(2);
    expect((await logs.openLog('b')).headOffset).toBe(1);
    await expect(logs.openLog('c')).rejects.toMatchObject({ code: 'too-many-channels' });
  });

  test('does not count channels that were only looked at (each took a place for ever)', async () => {
    await open({ maxChannels: 5 });
    const numbers = new Set<number>();
    for (let round = 0; round < 3; round++) {
      for (let i = 0; i < 5; i++) numbers.add((await logs.openLog(`looked-at-${round}-${i}`)).number);
      expect(logs.channelCount).toBe(5);
      await maintainLong();
      expect(logs.channelCount).toBe(0);
    }
    // Numbers are not given twice: somebody may know the channel by it still.
    expect(numbers.size).toBe(15);
    await write('a', 10);
    await crash(opened);
    await open({ maxChannels: 5 });
    expect(logs.channelCount).toBe(1);
    expect((await logs.openLog('b')).number).toBeGreaterThan((await logs.openLog('a')).number);
  });

  test('a channel that many ask for at once is one', async () => {
    await open();
    await write('a', 10);
    await crash(opened);
    await open();
    const asked = await Promise.all(Array.from({ length: 20 }, (_, i) => logs.openLog(i % 2 ? 'a' : 'new')));
    expect(new Set(asked).size).toBe(2);
    expect(logs.channelCount).toBe(2);
  });

  test('a look-up that fails can be tried again', async () => {
    await open();
    await write('a', 10);
    await crash(opened);
    await open();
    opened.store.failNextRead();
    await expect(logs.openLog('a')).rejects.toMatchObject({ code: 'store-failed' });
    expect((await logs.openLog('a')).headOffset).toBe(1);
  });
});

describe('stopping', () => {
  test('keeps all, merged, and the epoch', async () => {
    const folder = await tempFolder();
    await open({ folder });
    await write('a', 10);
    await write('a', 10);
    publish(logs, await logs.openLog('a'), opened.clock.nowMs(), 10);
    const { epoch } = logs;
    await drive(opened, logs.stop(STOP_MS));
    await open({ folder });
    expect(logs.epoch).toBe(epoch);
    const log = await logs.openLog('a');
    expect(await storedExtents(opened.store, log.number)).toEqual([[1, 3]]);
  });

  test('waits for maintenance, which then ends without an error (its reads failed as the store was closed)', async () => {
    await open();
    for (let i = 0; i < 20; i++) await write(`c${i}`, 40_000, 40_000, 40_000);
    await crash(opened);
    await open({ retention: { maxRecords: 1 } });
    opened.store.holdReads();
    const maintained = logs.maintain();
    await turns();
    expect(opened.store.heldReads).toBe(1);
    const stopped = logs.stop(STOP_MS);
    opened.store.releaseReads();
    await drive(opened, stopped);
    await maintained;
    expect(opened.failures).toEqual([]);
    await expect(logs.maintain()).resolves.toBe(undefined);
  });

  test('waits for a store that fails, and leaves nothing out', async () => {
    const folder = await tempFolder();
    await open({ folder });
    publish(logs, await logs.openLog('a'), opened.clock.nowMs(), 10, 10);
    opened.store.failNextWrite('nothing-written');
    opened.store.failOpens(2);
    await drive(opened, logs.stop(STOP_MS));
    await open({ folder });
    expect((await logs.openLog('a')).headOffset).toBe(2);
  });

  test('gives up on a store that takes nothing in time, and the next start begins an epoch', async () => {
    const folder = await tempFolder();
    await open({ folder });
    await write('a', 10);
    const { epoch } = logs;
    publish(logs, await logs.openLog('a'), opened.clock.nowMs(), 10);
    opened.store.failNextWrite('nothing-written');
    opened.store.failOpens(1_000_000);
    const stopped = logs.stop(5000);
    await drive(opened, stopped);
    expect(await stopped).toBe(false);
    opened.store.failOpens(0);
    await open({ folder, clock: opened.clock });
    expect(logs.epoch).toBeGreaterThan(epoch);
    expect((await logs.openLog('a')).headOffset).toBe(1);
  });

  test('is clean though there was no time for merging, as every record is synced', async () => {
    const folder = await tempFolder();
    await open({ folder });
    for (const name of ['a', 'b']) for (let i = 0; i < 2; i++) await write(name, 10);
    const { epoch } = logs;
    opened.store.holdWrites();
    const stopped = logs.stop(5000);
    await until(() => opened.store.heldWrites === 1, { what: 'the merges' });
    opened.clock.advance(5000);
    await turns();
    opened.store.releaseWrites();
    expect(await drive(opened, stopped)).toBe(true);
    await open({ folder, clock: opened.clock });
    expect(logs.epoch).toBe(epoch);
  });

  test('gives up on a write that hangs', async () => {
    await open();
    publish(logs, await logs.openLog('a'), opened.clock.nowMs(), 10);
    opened.store.holdWrites();
    const stopped = logs.stop(5000);
    await until(() => opened.store.heldWrites === 1, { what: 'the write' });
    opened.clock.advance(5000);
    for (let i = 0; i < 2; i++) {
      await turns();
      opened.clock.advance(1000);
    }
    expect(await stopped).toBe(false);
    opened.store.releaseWrites();
  });

  test('where the mark cannot be written, rejects with the store closed, and the next start begins an epoch', async () => {
    const folder = await tempFolder();
    await open({ folder });
    await write('a', 10);
    const { epoch } = logs;
    for (const log of logs.open) log.seal(log.segments[0]!);
    await flush(opened);
    opened.store.failNextWrite('nothing-written');
    await expect(logs.stop(STOP_MS)).rejects.toMatchObject({ code: 'store-failed' });
    await open({ folder, clock: opened.clock });
    expect(logs.epoch).toBe(epoch + 1);
    expect((await logs.openLog('a')).headOffset).toBe(1);
  });
});

test('an open that fails behind the store leaves the store closed (its lock stayed)', async () => {
  const folder = await tempFolder();
  const faulty = new FaultyStore(createRocksStore(folder));
  faulty.failNextWrite('nothing-written');
  const limits = { ring: NO_LIMITS, retention: NO_LIMITS };
  const options = {
    folder: null,
    clock: { nowMs: () => 1000, monotonicMs: () => 1000, after: () => () => {} },
    ringBytes: 1000,
    unpersistedBytes: 1000,
    maxChannels: 10,
    maxDelayMs: MAX_DELAY_MS,
    limitsOf: () => limits,
    onSynced: () => {},
    onStoreFailure: () => {},
    mayForget: () => true,
  };
  await expect(LogSet.open({ ...options, store: faulty })).rejects.toMatchObject({ code: 'store-failed' });
  expect((await readdir(folder)).length).toBeGreaterThan(0);
  const another = createRocksStore(folder);
  await another.open();
  await another.close();
});
