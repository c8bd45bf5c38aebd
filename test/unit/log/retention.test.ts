import { beforeEach, describe, expect, test } from 'vitest';
import type { ChannelLog } from '../../../server/log/channel-log.ts';
import { after } from '../../../server/log/log-bounds.ts';
import type { LogSet } from '../../../server/log/log-set.ts';
import { createMemoryStore } from '../../../server/log/memory-store.ts';
import type { OrderedStore } from '../../../server/log/ordered-store.ts';
import type { Cursor, Gap } from '../../../shared/terms.ts';
import {
  crash,
  crashWhenFinished,
  drive,
  flush,
  type OpenLogs,
  type OpenOptions,
  openLogs,
  publish,
  turns,
} from '../../support/open-logs.ts';
import { storedExtents } from '../../support/stored-runs.ts';

const KIB = 1024;
/** One of them is a segment of its own, and a run. */
const RUN = 40 * KIB;
/** What a record of that size takes. */
const RUN_RECORD = RUN + 15;

let inner: OrderedStore;
let opened: OpenLogs;
let logs: LogSet;

/** Opens the folder; where it is open already, after a crash. */
async function open(options: OpenOptions): Promise<void> {
  if (opened && opened.store.openCount > 0) await crash(opened);
  const { clock } = opened ?? {};
  opened = crashWhenFinished(await openLogs(clock ? { ...options, clock } : options, inner));
  ({ logs } = opened);
}

beforeEach(() => {
  inner = createMemoryStore({ keep: true });
  opened = undefined as unknown as OpenLogs;
});

async function write(log: ChannelLog, ...sizes: number[]): Promise<void> {
  publish(logs, log, opened.clock.nowMs(), ...sizes);
  await flush(opened);
}

/** Maintenance, until what it decided is written. */
async function maintain(): Promise<void> {
  await drive(opened, logs.maintain());
  await flush(opened);
}

/** The gaps that a reader is told between `cursor` and the first record that it is given. */
function gapsFrom(log: ChannelLog, cursor: Cursor): Gap[] {
  const gaps: Gap[] = [];
  for (let next = after(log, cursor); next.kind === 'gap'; next = after(log, next.gap.upTo))
    gaps.push(next.gap);
  return gaps;
}

const extents = (log: ChannelLog) => storedExtents(opened.store, log.number);

/** All in the store and nothing in the ring, as after a restart. */
async function storedLog(count: number, options: OpenOptions): Promise<ChannelLog> {
  await open({});
  const log = await logs.openLog('a');
  for (let i = 0; i < count; i++) await write(log, RUN);
  await open(options);
  return await logs.openLog('a');
}

describe('retention of stored runs', () => {
  test('by records keeps at least the limit, and no whole run more', async () => {
    const log = await storedLog(10, { retention: { maxRecords: 4 } });
    await maintain();
    expect(await extents(log)).toEqual([7, 8, 9, 10].map((offset) => [offset, 1]));
    expect([log.oldestOffset, log.headOffset]).toEqual([7, 10]);
  });

  test('by bytes keeps at least the limit, and no whole run more', async () => {
    const log = await storedLog(10, { retention: { maxBytes: 3 * RUN_RECORD + 1 } });
    await maintain();
    expect(await extents(log)).toEqual([7, 8, 9, 10].map((offset) => [offset, 1]));
    expect(log.headBytes - log.oldestBytes).toBe(4 * RUN_RECORD);
  });

  test('by age removes every run whose newest record is too old', async () => {
    await open({});
    const log = await logs.openLog('a');
    await write(log, RUN);
    opened.clock.advance(5000);
    await write(log, RUN);
    await open({ retention: { maxAgeMs: 3000 } });
    const again = await logs.openLog('a');
    await maintain();
    expect(await extents(again)).toEqual([[2, 1]]);
    opened.clock.advance(3001);
    await maintain();
    expect(await extents(again)).toEqual([]);
  });

  test('leaves a run that holds but one record to be kept', async () => {
    await open({});
    const log = await logs.openLog('a');
    await write(log, 10, 10, 10, 10, 10);
    await open({ retention: { maxRecords: 1 } });
    await maintain();
    expect(await extents(await logs.openLog('a'))).toEqual([[1, 5]]);
  });

  test('reaches the channels that nobody has opened', async () => {
    await storedLog(10, { retention: { maxRecords: 4 } });
    await open({ retention: { maxRecords: 2 } });
    expect(logs.get('a')).toBe(undefined);
    await maintain();
    expect(await extents(await logs.openLog('a'))).toEqual([
      [9, 1],
      [10, 1],
    ]);
  });

  test('a failed read is told, and harms nothing', async () => {
    const log = await storedLog(10, { retention: { maxRecords: 4 } });
    opened.store.failNextRead();
    await expect(drive(opened, logs.maintain())).rejects.toMatchObject({ code: 'store-failed' });
    // The round that failed is over; the next one begins anew.
    await maintain();
    await maintain();
    expect(log.oldestOffset).toBe(7);
  });
});

describe('retention of the ring', () => {
  test('removes whole segments with all their values', async () => {
    await open({ retention: { maxRecords: 2 } });
    const log = await logs.openLog('a');
    for (let i = 0; i < 9; i++) await write(log, 20 * KIB);
    await maintain();
    expect(await extents(log)).toEqual([7, 8, 9].map((offset) => [offset, 1]));
    expect(log.ringFirstOffset).toBe(7);
  });

  test('an open segment goes in parts, when all of it is too old', async () => {
    await open({ retention: { maxAgeMs: 1000 } });
    const log = await logs.openLog('a');
    await write(log, 10);
    await write(log, 10);
    expect(await extents(log)).toHaveLength(2);
    opened.clock.advance(2000);
    await maintain();
    expect(await extents(log)).toEqual([]);
    expect(log).toMatchObject({ headOffset: 2, oldestOffset: 3, durableOffset: 2 });
  });

  test('a segment whose merge is in flight goes with the merged value', async () => {
    await open({ retention: { maxAgeMs: 1000 } });
    const log = await logs.openLog('a');
    await write(log, 10);
    await write(log, 10);
    opened.store.holdWrites();
    log.seal(log.segments[0]!);
    opened.clock.advance(2000);
    await turns();
    expect(opened.store.heldWrites).toBe(1);
    await logs.maintain();
    expect(log.segments).toHaveLength(0);
    opened.store.releaseWrites();
    await flush(opened);
    expect(await extents(log)).toEqual([]);
  });

  test('and so it does when that merge fails, whatever it left on disk', async () => {
    for (const fault of ['nothing-written', 'written-but-reported-failed'] as const) {
      await open({ retention: { maxAgeMs: 1000 } });
      const log = await logs.openLog(fault);
      await write(log, 10);
      await write(log, 10);
      opened.store.holdWrites();
      log.seal(log.segments[0]!);
      opened.clock.advance(2000);
      await turns();
      expect(opened.store.heldWrites).toBe(1);
      await logs.maintain();
      opened.store.failNextWrite(fault);
      opened.store.releaseWrites();
      await flush(opened);
      expect(opened.failures).toEqual([expect.anything(), undefined]);
      expect(await extents(log)).toEqual([]);
      await open({});
      expect(await logs.openLog(fault)).toMatchObject({ headOffset: 2, oldestOffset: 3 });
    }
  });
});

describe('retention over a crash', () => {
  test('a channel that lost its last record keeps its head and size', async () => {
    await storedLog(3, { retention: { maxAgeMs: 1000 } });
    opened.clock.advance(2000);
    await maintain();
    await open({});
    const log = await logs.openLog('a');
    expect(log).toMatchObject({ headOffset: 3, oldestOffset: 4, headBytes: 3 * RUN_RECORD });
    expect(log.oldestBytes).toBe(log.headBytes);
    publish(logs, log, opened.clock.nowMs(), 10);
    expect(log.headOffset).toBe(4);
  });

  test('the size is kept right where newer records are not synced yet (they were counted)', async () => {
    const log = await storedLog(3, { retention: { maxAgeMs: 1000 } });
    opened.clock.advance(2000);
    await drive(opened, logs.maintain());
    opened.store.holdWrites();
    // The trim goes first; what is published in the meantime is in the ring, and the crash takes it.
    await turns();
    opened.clock.advance(50);
    await turns();
    expect(opened.store.heldWrites).toBe(1);
    publish(logs, log, opened.clock.nowMs(), 500);
    opened.store.failNextWrite('nothing-written');
    opened.store.releaseWrites();
    await turns();
    // The failed trim is planned again while the ring begins behind what it keeps.
    log.metaDirty = true;
    expect(log.bytesThrough(3)).toBe(3 * RUN_RECORD);
    expect(log.durableBytes).toBe(3 * RUN_RECORD);
  });

  test('nothing goes on the strength of records that a crash may take (the channel fell below its limit)', async () => {
    const log = await storedLog(3, { retention: { maxRecords: 2 } });
    opened.store.holdWrites();
    for (let i = 0; i < 5; i++) publish(logs, log, opened.clock.nowMs(), RUN);
    await drive(opened, logs.maintain());
    expect(log.oldestOffset).toBe(2);
    const crashed = opened;
    crashed.store.failNextWrite('nothing-written');
    await open({});
    const again = await logs.openLog('a');
    expect(again.headOffset - again.oldestOffset + 1).toBeGreaterThanOrEqual(2);
  });

  test('nor by bytes', async () => {
    const log = await storedLog(3, { retention: { maxBytes: 2 * RUN_RECORD } });
    opened.store.holdWrites();
    for (let i = 0; i < 5; i++) publish(logs, log, opened.clock.nowMs(), RUN);
    await drive(opened, logs.maintain());
    expect(log.oldestOffset).toBe(2);
  });

  test('a reader of an epoch that retention took whole is told exactly what, and where it ended', async () => {
    let log = await storedLog(3, {});
    for (let i = 0; i < 3; i++) await write(log, RUN);
    const [first, second] = log.epochs;
    expect(log.epochs).toEqual([
      { epoch: first!.epoch, prevOffset: 0 },
      { epoch: first!.epoch + 1, prevOffset: 3 },
    ]);
    await open({ retention: { maxRecords: 4 } });
    log = await logs.openLog('a');
    await maintain();
    expect([log.oldestOffset, log.epochs]).toEqual([3, [first, second]]);
    await open({ retention: { maxRecords: 3 } });
    log = await logs.openLog('a');
    await maintain();
    expect([log.oldestOffset, log.epochs]).toEqual([4, [first, second]]);
    await open({ retention: { maxRecords: 1 } });
    log = await logs.openLog('a');
    await write(log, RUN);
    await maintain();
    const last = { epoch: log.currentEpoch, prevOffset: 6 };
    expect([log.oldestOffset, log.epochs]).toEqual([7, [first, second, last]]);
    const at = (start: typeof last, offset: number) => ({ epoch: start.epoch, offset });
    expect(gapsFrom(log, at(first!, 1))).toEqual([
      { after: at(first!, 1), upTo: at(first!, 3), count: 2, reason: 'retention' },
      { after: at(first!, 3), upTo: at(second!, 3), count: null, reason: 'lost' },
      { after: at(second!, 3), upTo: at(second!, 6), count: 3, reason: 'retention' },
      { after: at(second!, 6), upTo: at(last, 6), count: null, reason: 'lost' },
    ]);
  });

  test('of many epochs without a kept record only the last are remembered', async () => {
    for (let i = 0; i < 20; i++) {
      await open({});
      await write(await logs.openLog('a'), RUN);
    }
    await open({ retention: { maxRecords: 1 } });
    const log = await logs.openLog('a');
    const { epochs } = log;
    expect(epochs).toHaveLength(20);
    await maintain();
    expect([log.oldestOffset, log.epochs]).toEqual([20, epochs.slice(-17)]);
  });
});

test('a segment that is merged and evicted during the look is not taken for its first part (all of it was deleted)', async () => {
  await open({ ring: { maxAgeMs: 1000 }, retention: { maxRecords: 4 } });
  const log = await logs.openLog('a');
  await write(log, RUN);
  await write(log, RUN);
  opened.clock.advance(2000);
  await drive(opened, logs.maintain());
  await flush(opened);
  await write(log, 10, 10, 10);
  await write(log, 10, 10, 10, 10);
  expect(log.ringFirstOffset).toBe(3);
  expect(await extents(log)).toEqual([
    [1, 1],
    [2, 1],
    [3, 3],
    [6, 4],
  ]);
  opened.store.holdReads();
  const maintained = logs.maintain();
  await turns();
  // The first look reads one run. The second reads on, over the parts of the segment that the ring still holds.
  await passRead();
  log.seal(log.segments[0]!);
  await flush(opened);
  log.dropOldestSegment();
  opened.store.releaseReads();
  await drive(opened, maintained);
  await flush(opened);
  expect(await extents(log)).toEqual([[3, 7]]);
  expect(log.oldestOffset).toBe(3);
});

/** Lets the read that is held go on, and holds the next. */
async function passRead(): Promise<void> {
  expect(opened.store.heldReads).toBe(1);
  opened.store.releaseReads();
  opened.store.holdReads();
  await turns();
  expect(opened.store.heldReads).toBe(1);
}

test('a channel that outgrew its limits is trimmed in the next round, however many others there are (it waited for its turn)', async () => {
  await open({ retention: { maxRecords: 2 } });
  for (let i = 0; i < 450; i++) await logs.openLog(`quiet.${i}`);
  const log = await logs.openLog('busy');
  for (let i = 0; i < 10; i++) await write(log, RUN);
  await maintain();
  expect(log.oldestOffset).toBe(9);
});
