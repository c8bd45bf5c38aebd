import { beforeEach, describe, expect, test } from 'vitest';
import type { ChannelLog } from '../../../server/log/channel-log.ts';
import type { LogSet } from '../../../server/log/log-set.ts';
import { createMemoryStore } from '../../../server/log/memory-store.ts';
import type { OrderedStore } from '../../../server/log/ordered-store.ts';
import { runKey } from '../../../server/log/store-keys.ts';
import type { FaultyStore, WriteFault } from '../../support/faulty-store.ts';
import {
  crash,
  crashWhenFinished,
  drive,
  flush,
  MAX_DELAY_MS,
  type OpenLogs,
  openLogs,
  payloadOf,
  publish,
  turns,
} from '../../support/open-logs.ts';
import { RecordingStore } from '../../support/recording-store.ts';
import { recordsIn, storedExtents, storedRuns } from '../../support/stored-runs.ts';

const KIB = 1024;
const MIB = 1024 * KIB;
const FAULTS: readonly WriteFault[] = ['nothing-written', 'written-but-reported-failed'];

let inner: OrderedStore;
let recorded: RecordingStore;
let opened: OpenLogs;
let store: FaultyStore;
let logs: LogSet;
let log: ChannelLog;

beforeEach(async () => {
  inner = createMemoryStore({ keep: true });
  recorded = new RecordingStore(inner);
  opened = crashWhenFinished(await openLogs({}, recorded));
  ({ logs, store } = opened);
  log = await logs.openLog('a');
});

const append = (...sizes: number[]) => publish(logs, log, opened.clock.nowMs(), ...sizes);
const extents = (of = log) => storedExtents(store, of.number);

/** Begins the write that waits for its timer; resolves once it is held. */
async function beginHeldWrite(): Promise<void> {
  store.holdWrites();
  opened.clock.advance(MAX_DELAY_MS);
  await turns();
  expect(store.heldWrites).toBe(1);
}

/** Lets the held write end as `fault` says, and write-behind come to rest. */
async function failHeldWrite(fault: WriteFault): Promise<void> {
  store.failNextWrite(fault);
  store.releaseWrites();
  await turns();
  expect(logs.writeBehind.state).toBe('reopening');
}

/** Everything is written once, and reads as it was appended, here and after a restart. */
async function expectWhole(...channels: ChannelLog[]): Promise<void> {
  expect(logs.writeBehind).toMatchObject({ state: 'idle', unpersistedBytes: 0 });
  for (const channel of channels) {
    expect([channel.durableOffset, channel.queued]).toEqual([channel.headOffset, false]);
    const runs = await storedRuns(store, channel.number);
    expect(runs[0]?.firstOffset).toBe(1);
    expect(runs.at(-1)!.firstOffset + runs.at(-1)!.count - 1).toBe(channel.headOffset);
    for (const { bytes, start, firstOffset, count } of runs) {
      for (const { offset, payload } of recordsIn([
        { bytes, start, end: bytes.length, firstOffset, count },
      ])) {
        expect(payloadOf(offset, payload.length).equals(payload)).toBe(true);
      }
    }
    expect(await logs.segmentStore.findChannel(channel.name)).toEqual(channel.meta);
  }
}

describe('when a write begins', () => {
  test('after the delay, and not before', async () => {
    append(10);
    opened.clock.advance(MAX_DELAY_MS - 1);
    await turns();
    expect(logs.writeBehind.state).toBe('waiting');
    opened.clock.advance(1);
    await turns();
    expect([logs.writeBehind.state, log.durableOffset]).toEqual(['idle', 1]);
  });

  test('what comes during a write waits no longer than the delay in all (it waited anew)', async () => {
    append(10);
    await beginHeldWrite();
    append(10);
    opened.clock.advance(MAX_DELAY_MS - 10);
    store.releaseWrites();
    await turns();
    expect([logs.writeBehind.state, log.durableOffset]).toEqual(['waiting', 1]);
    opened.clock.advance(10);
    await turns();
    expect(log.durableOffset).toBe(2);
  });

  test('with the end of the tick where someone waits for the disk', async () => {
    append(10);
    let synced = 0;
    logs.writeBehind.afterSync(() => {
      synced = log.durableOffset;
    });
    append(10);
    expect(synced).toBe(0);
    await turns();
    expect([synced, log.durableOffset]).toEqual([2, 2]);
  });

  test('with the end of the tick where 1 MiB waits', async () => {
    append(MIB - 100);
    await turns();
    expect(log.durableOffset).toBe(0);
    append(100);
    await turns();
    expect(log.durableOffset).toBe(2);
  });

  test('once due, though each turn of the event loop brings another publish (each put it off)', async () => {
    await new Promise<void>((resolve) => {
      let turnsLeft = 20;
      const turn = () => {
        // The next turn is asked for first, so it comes before the write that this publish is to begin.
        if (--turnsLeft > 0) setImmediate(turn);
        else resolve();
        append(turnsLeft === 19 ? MIB : 10);
      };
      turn();
    });
    expect(log.durableOffset).toBeGreaterThan(0);
  });

  test('without hurry again once those who waited have been told (one waiter hurried the next write too)', async () => {
    append(10);
    await beginHeldWrite();
    let told = false;
    logs.writeBehind.afterSync(() => {
      told = true;
    });
    store.releaseWrites();
    await turns();
    expect(told).toBe(true);
    append(10);
    await turns();
    expect(logs.writeBehind.state).toBe('waiting');
  });
});

describe('what a write takes', () => {
  test('one write is in flight, and whatever comes meanwhile is in the next', async () => {
    append(10);
    await beginHeldWrite();
    for (let i = 0; i < 20; i++) {
      append(200 * KIB);
      logs.writeBehind.afterSync(() => {});
      await turns(1);
      expect(store.heldWrites).toBe(1);
    }
    store.releaseWrites();
    await flush(opened);
    expect(recorded.runWrites.map(({ put }) => put.reduce((sum, { count }) => sum + count, 0))).toEqual([
      1, 20,
    ]);
    await expectWhole(log);
  });

  test('those who wait are told in order, each once all before it is synced', async () => {
    const told: [number, number][] = [];
    store.holdWrites();
    for (let i = 1; i <= 12; i++) {
      append(MIB);
      logs.writeBehind.afterSync(() => told.push([i, log.durableOffset]));
    }
    store.releaseWrites();
    await flush(opened);
    expect(told.map(([i]) => i)).toEqual(Array.from({ length: 12 }, (_, i) => i + 1));
    for (const [i, durable] of told) expect(durable).toBeGreaterThanOrEqual(i);
    expect(new Set(told.map(([, durable]) => durable)).size).toBeGreaterThan(1);
  });

  test('a prefix of the append order over all channels, of about 4 MiB', async () => {
    const channels = [log, await logs.openLog('b'), await logs.openLog('c')];
    const order: ChannelLog[] = [];
    store.holdWrites();
    for (let i = 0; i < 60; i++) {
      const channel = channels[(i * i + (i >> 2)) % 3]!;
      publish(logs, channel, opened.clock.nowMs(), 300 * KIB);
      order.push(channel);
    }
    store.releaseWrites();
    await flush(opened);
    const counts = new Map(channels.map(({ number }) => [number, 0]));
    for (const { put } of recorded.runWrites) {
      expect(put.reduce((sum, { bytes }) => sum + bytes.length, 0)).toBeLessThan(5.5 * MIB);
      for (const { number, count } of put) counts.set(number, counts.get(number)! + count);
      const prefix = order.slice(
        0,
        [...counts.values()].reduce((sum, count) => sum + count),
      );
      for (const { number } of channels) {
        expect(counts.get(number)).toBe(prefix.filter((channel) => channel.number === number).length);
      }
    }
    expect(recorded.runWrites.length).toBeGreaterThanOrEqual(4);
    await expectWhole(...channels);
  });

  test('never a part of a publish, however large', async () => {
    const other = await logs.openLog('b');
    store.holdWrites();
    append(10);
    for (const [channel, count] of [
      [log, 30],
      [other, 30],
    ] as const) {
      for (let i = 0; i < count; i++) {
        channel.append(opened.clock.nowMs(), null, null, payloadOf(channel.headOffset + 1, 200 * KIB));
      }
    }
    logs.writeBehind.endOfPublish();
    append(10);
    store.releaseWrites();
    await flush(opened);
    const whole = recorded.runWrites.find(({ put }) => put.some(({ number }) => number === other.number))!;
    expect(whole.put.reduce((sum, { count }) => sum + count, 0)).toBeGreaterThanOrEqual(60);
    await expectWhole(log, other);
  });

  test('of a segment that goes on beyond the cut, only what the cut has', async () => {
    const other = await logs.openLog('b');
    store.holdWrites();
    append(10);
    for (let i = 0; i < 5; i++) publish(logs, other, opened.clock.nowMs(), MIB);
    append(10);
    store.releaseWrites();
    await flush(opened);
    expect(recorded.runWrites.map(({ put }) => put.filter(({ number }) => number === log.number))).toEqual([
      [expect.objectContaining({ firstOffset: 1, count: 1 })],
      [expect.objectContaining({ firstOffset: 2, count: 1 })],
    ]);
    await expectWhole(log, other);
  });

  test('the time of the newest record it takes, or a later one', async () => {
    append(10);
    opened.clock.advance(5);
    append(10);
    await flush(opened);
    const [run] = await storedRuns(store, log.number);
    expect(run!.lastTimeMs).toBe(log.lastTimeMs);
  });
});

describe('merging', () => {
  test('a sealed segment is written whole under its first offset, its parts deleted in the same write', async () => {
    for (let i = 0; i < 3; i++) {
      append(20 * KIB);
      await flush(opened);
    }
    expect(await extents()).toEqual([
      [1, 1],
      [2, 1],
      [3, 1],
    ]);
    append(20 * KIB);
    await flush(opened);
    expect(await extents()).toEqual([
      [1, 3],
      [4, 1],
    ]);
    const last = recorded.runWrites.at(-1)!;
    expect(last.put.map(({ firstOffset, count }) => [firstOffset, count])).toEqual([
      [4, 1],
      [1, 3],
    ]);
    expect(last.deleted).toEqual([2, 3]);
    await expectWhole(log);
  });

  test('one that is completed and sealed at once is written once', async () => {
    append(20 * KIB, 20 * KIB, 20 * KIB, 20 * KIB);
    await flush(opened);
    expect(recorded.runWrites).toHaveLength(1);
    expect(recorded.runWrites[0]!.deleted).toEqual([]);
    expect(await extents()).toEqual([
      [1, 3],
      [4, 1],
    ]);
  });

  test('one that is sealed while its last records are in flight is merged by the next write', async () => {
    append(30 * KIB);
    await flush(opened);
    append(30 * KIB);
    await beginHeldWrite();
    append(30 * KIB);
    expect(log.segments[0]!.state).toBe('sealed');
    store.releaseWrites();
    await flush(opened);
    expect(await extents()).toEqual([
      [1, 2],
      [3, 1],
    ]);
    await expectWhole(log);
  });

  test('one that is sealed while only its first records are in flight is merged as it is completed', async () => {
    append(20 * KIB);
    await beginHeldWrite();
    append(20 * KIB);
    append(40 * KIB);
    store.releaseWrites();
    await flush(opened);
    expect(await extents()).toEqual([
      [1, 2],
      [3, 1],
    ]);
    expect(recorded.runWrites).toHaveLength(2);
    await expectWhole(log);
  });

  test('it never goes over the end of an epoch', async () => {
    append(10, 10);
    await flush(opened);
    await crash(opened);
    opened = crashWhenFinished(await openLogs({ clock: opened.clock }, recorded));
    ({ logs, store } = opened);
    log = await logs.openLog('a');
    append(10, 10);
    await flush(opened);
    append(10);
    log.seal(log.segments[0]!);
    await flush(opened);
    const runs = await storedRuns(store, log.number);
    expect(runs.map(({ epoch, firstOffset, count }) => [epoch - runs[0]!.epoch, firstOffset, count])).toEqual(
      [
        [0, 1, 2],
        [1, 3, 3],
      ],
    );
  });

  test('segments that need it are merged in several writes, each of some MiB', async () => {
    const channels = await Promise.all(Array.from({ length: 130 }, (_, i) => logs.openLog(`c${i}`)));
    for (let round = 0; round < 2; round++) {
      for (const channel of channels) publish(logs, channel, opened.clock.nowMs(), 25 * KIB);
      await flush(opened);
    }
    const before = recorded.runWrites.length;
    for (const channel of channels) channel.seal(channel.segments[0]!);
    await flush(opened);
    for (const { put } of recorded.runWrites.slice(before)) {
      expect(put.reduce((sum, { bytes }) => sum + bytes.length, 0)).toBeLessThan(4.5 * MIB);
    }
    for (const channel of channels) expect(await extents(channel)).toEqual([[1, 2]]);
  });
});

describe('a failed write', () => {
  /** What the write that fails is about; each leaves it held. */
  const situations: Record<string, () => Promise<ChannelLog[]>> = {
    'first records': async () => {
      append(10);
      append(10);
      await beginHeldWrite();
      return [log];
    },
    'further parts of an open segment': async () => {
      append(10);
      await flush(opened);
      append(10);
      await flush(opened);
      append(10);
      await beginHeldWrite();
      return [log];
    },
    'the part that completes a sealed segment, and the next one': async () => {
      append(30 * KIB);
      await flush(opened);
      append(30 * KIB);
      append(30 * KIB);
      await beginHeldWrite();
      return [log];
    },
    'a merge alone': async () => {
      append(10);
      await flush(opened);
      append(10);
      await flush(opened);
      log.seal(log.segments[0]!);
      await beginHeldWrite();
      expect(logs.writeBehind.unpersistedBytes).toBe(0);
      return [log];
    },
    'several channels': async () => {
      const channels = [log, await logs.openLog('b'), await logs.openLog('c')];
      for (let i = 0; i < 40; i++) publish(logs, channels[i % 3]!, opened.clock.nowMs(), 30 * KIB);
      store.holdWrites();
      await turns();
      expect(store.heldWrites).toBe(1);
      return channels;
    },
    'more than one write takes': async () => {
      const channels = [log, await logs.openLog('b')];
      store.holdWrites();
      for (let i = 0; i < 40; i++) publish(logs, channels[i % 2]!, opened.clock.nowMs(), 300 * KIB);
      await turns();
      expect(store.heldWrites).toBe(1);
      return channels;
    },
  };
  /** What happens between the failure and the next write. */
  const meanwhiles: Record<string, (channels: readonly ChannelLog[]) => Promise<void>> = {
    nothing: async () => {},
    'more records': async (channels) => {
      for (const channel of channels) publish(logs, channel, opened.clock.nowMs(), 10, 20 * KIB);
    },
    'enough records to seal': async (channels) => {
      for (const channel of channels) publish(logs, channel, opened.clock.nowMs(), 40 * KIB, 40 * KIB);
    },
    'sealing of what is in doubt': async (channels) => {
      for (const channel of channels) channel.seal(channel.segments.at(-1)!);
    },
    'opens that fail': async () => store.failOpens(3),
    'a read that fails while it looks what is stored': async () => store.failNextRead(),
    'another failed write': async () => store.failNextWrite('written-but-reported-failed'),
    'another failed write, and more records': async (channels) => {
      store.failNextWrite('nothing-written');
      for (const channel of channels) publish(logs, channel, opened.clock.nowMs(), 10);
    },
  };

  describe.each(FAULTS)('(%s)', (fault) => {
    describe.each(Object.keys(situations))('of %s', (situation) => {
      test.each(Object.keys(meanwhiles))(
        'and then %s: all is written once, and in time',
        async (meanwhile) => {
          const channels = await situations[situation]!();
          const told: number[] = [];
          logs.writeBehind.afterSync(() => told.push(log.durableOffset));
          const wanted = log.headOffset;
          const durable = channels.map(({ durableOffset }) => durableOffset);
          const waiting = logs.writeBehind.unpersistedBytes;
          await failHeldWrite(fault);
          expect(channels.map(({ durableOffset }) => durableOffset)).toEqual(durable);
          expect(logs.writeBehind.unpersistedBytes).toBe(waiting);
          if (waiting > 0) expect(told).toEqual([]);
          await meanwhiles[meanwhile]!(channels);
          await flush(opened);
          await expectWhole(...channels);
          expect(told).toHaveLength(1);
          if (waiting > 0) expect(told[0]).toBeGreaterThanOrEqual(wanted);
          expect(opened.failures.at(-1)).toBe(undefined);
          for (const channel of channels) channel.seal(channel.segments.at(-1)!);
          await flush(opened);
          await expectWhole(...channels);
          for (const segment of channels.flatMap(({ segments }) => segments)) {
            expect(segment.isEvictable).toBe(true);
          }
        },
      );
    });
  });

  test('is tried again after 50 ms, and ever more rarely while the store cannot be opened', async () => {
    append(10);
    await beginHeldWrite();
    const failedAtMs = opened.clock.nowMs();
    store.failOpens(9);
    await failHeldWrite('nothing-written');
    const triesAtMs: number[] = [];
    let seen = opened.failures.length;
    while (logs.writeBehind.state === 'reopening') {
      opened.clock.advance(10);
      await turns();
      if (opened.failures.length > seen) triesAtMs.push(opened.clock.nowMs() - failedAtMs);
      seen = opened.failures.length;
    }
    const waitsMs = triesAtMs.map((atMs, i) => atMs - (triesAtMs[i - 1] ?? 0));
    expect(waitsMs).toEqual([50, 100, 250, 500, 1000, 2000, 5000, 5000, 5000, 5000]);
    expect(opened.failures).toHaveLength(11);
    expect(opened.failures.at(-1)).toBe(undefined);
    await flush(opened);
    await expectWhole(log);
  });

  test('does not believe what the store said before: what the ring holds and the store does not is written again', async () => {
    append(40 * KIB);
    await flush(opened);
    append(40 * KIB);
    await flush(opened);
    append(40 * KIB);
    await beginHeldWrite();
    store.failOpens(1);
    await failHeldWrite('nothing-written');
    opened.clock.advance(50);
    await turns();
    // The disk has lost a write that it had reported as synced.
    await inner.open();
    await inner.write([{ type: 'del', key: runKey(log.number, log.currentEpoch, 2) }]);
    await inner.close();
    await flush(opened);
    await expectWhole(log);
  });

  test('readers of the ring notice nothing, readers of the store are told to try again', async () => {
    append(10);
    await beginHeldWrite();
    await failHeldWrite('nothing-written');
    const { reader } = logs;
    const cursor = { epoch: logs.epoch, offset: 0 };
    expect(reader.readRing(log, log, cursor, 1000)).toMatchObject({ kind: 'run', count: 1 });
    const stored = { kind: 'stored', epoch: logs.epoch, firstOffset: 1, lastOffset: 1 } as const;
    await expect(reader.readStored(log, stored, 1000)).rejects.toMatchObject({ code: 'store-failed' });
    await flush(opened);
    expect(await reader.readStored(log, stored, 1000)).toMatchObject({ kind: 'run', count: 1 });
  });
});

describe('stopping', () => {
  test('while a write is in flight that then fails, nothing is opened again (it went on for ever)', async () => {
    append(10);
    await beginHeldWrite();
    logs.writeBehind.stop();
    store.failNextWrite('nothing-written');
    store.releaseWrites();
    await turns();
    opened.clock.advance(60_000);
    await turns();
    expect([logs.writeBehind.state, store.openCount, opened.failures]).toEqual(['stopped', 1, []]);
  });

  test('while the store is to be opened again, it is not (a stopped hub held its folder)', async () => {
    append(10);
    await beginHeldWrite();
    await failHeldWrite('nothing-written');
    logs.writeBehind.stop();
    await store.close();
    opened.clock.advance(60_000);
    await turns();
    expect([logs.writeBehind.state, store.openCount]).toEqual(['stopped', 1]);
  });

  test('while the store is being closed to be opened again, it stays closed (it was opened behind its owner’s back)', async () => {
    append(10);
    await beginHeldWrite();
    store.holdReads();
    const read = store.read({});
    await turns();
    await failHeldWrite('nothing-written');
    opened.clock.advance(50);
    await turns();
    logs.writeBehind.stop();
    store.releaseReads();
    await read;
    await turns();
    expect([logs.writeBehind.state, store.openCount]).toEqual(['stopped', 1]);
  });

  test('a flush that waits for a failing store ends with it, and what was not written stays counted', async () => {
    append(10);
    await beginHeldWrite();
    const flushed = logs.writeBehind.flush();
    store.failOpens(100);
    await failHeldWrite('nothing-written');
    logs.writeBehind.stop();
    await drive(opened, flushed);
    expect(logs.writeBehind.unpersistedBytes).toBeGreaterThan(0);
  });
});
