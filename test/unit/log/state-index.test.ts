import { beforeEach, describe, expect, test } from 'vitest';
import type { ChannelLog } from '../../../server/log/channel-log.ts';
import type { LogSet } from '../../../server/log/log-set.ts';
import { createMemoryStore } from '../../../server/log/memory-store.ts';
import { encodeStateOffset, stateKey, stateOffsetKey, stateRange } from '../../../server/log/store-keys.ts';
import { RunReader } from '../../../shared/record-run.ts';
import { type Cursor, ORIGIN } from '../../../shared/terms.ts';
import type { WriteFault } from '../../support/faulty-store.ts';
import {
  crash,
  crashWhenFinished,
  drive,
  flush,
  MAX_DELAY_MS,
  type OpenLogs,
  type OpenOptions,
  openLogs,
  turns,
} from '../../support/open-logs.ts';
import { RecordingStore } from '../../support/recording-store.ts';

const KIB = 1024;
const FAULTS: readonly WriteFault[] = ['nothing-written', 'written-but-reported-failed'];
/** Deletes its key. */
const GONE = null;

let recorded: RecordingStore;
let opened: OpenLogs;
let logs: LogSet;
let log: ChannelLog;

async function open(options: OpenOptions = {}, state: { maxKeys: number } | null = { maxKeys: 4 }) {
  const clock = opened?.clock;
  if (opened) await crash(opened);
  opened = crashWhenFinished(await openLogs({ ...options, state, ...(clock && { clock }) }, recorded));
  ({ logs } = opened);
  log = (await drive(opened, Promise.resolve(logs.openLog('a')))) as ChannelLog;
}

beforeEach(async () => {
  recorded = new RecordingStore(createMemoryStore({ keep: true }));
  opened = undefined as unknown as OpenLogs;
  await open();
});

/** A value is a payload of so many bytes, or a tombstone. */
type Sent = readonly [key: string | null, value: number | typeof GONE];

/** One publish of these records. */
function append(...records: readonly Sent[]): void {
  for (const [key, value] of records) {
    const payload = value === GONE ? Buffer.of(0xc0) : Buffer.alloc(value, 1);
    log.append(opened.clock.nowMs(), key, null, payload);
  }
  logs.writeBehind.endOfPublish();
}

async function write(...records: readonly Sent[]): Promise<void> {
  append(...records);
  await flush(opened);
}

/** Key, offset, and length of the payload of what the state has up to `upTo`. */
async function state(upTo: Cursor = log.durableCursor, maxBytes = 1): Promise<[string, number, number][]> {
  const found: [string, number, number][] = [];
  for (let after = ORIGIN, atEnd = false; !atEnd; ) {
    const page = await drive(opened, logs.reader.readState(log, after, upTo, maxBytes));
    const records = new RunReader(page.records);
    for (const offset of page.offsets) {
      expect(records.next()).toBe(true);
      found.push([records.key!, offset, records.payload.length]);
    }
    expect([records.next(), page.count]).toEqual([false, page.offsets.length]);
    ({ next: after, atEnd } = page);
  }
  return found;
}

/** Offsets that lie in the store, whatever the index says. */
async function storedOffsets(): Promise<number[]> {
  const entries = await opened.store.read({ ...stateRange(log.number), keysOnly: true });
  return entries.map(({ key }) => Number(key.readBigUInt64BE(13)));
}

describe('the state of a channel', () => {
  test('is the newest record of each key, in the order of the log, and none without a key', async () => {
    await write(['k', 1], ['l', 2], [null, 3], ['k', 4]);
    expect(await state()).toEqual([
      ['l', 2, 2],
      ['k', 4, 4],
    ]);
    await write(['l', 5]);
    expect(await state()).toEqual([
      ['k', 4, 4],
      ['l', 5, 5],
    ]);
    expect(await storedOffsets()).toEqual([4, 5]);
  });

  test('has no keys that a tombstone deleted, and those again that come after it', async () => {
    await write(['k', 1], ['l', 1]);
    await write(['k', GONE], ['l', GONE], ['m', GONE]);
    expect([await state(), log.state?.keyCount]).toEqual([[], 0]);
    await write(['k', 7]);
    expect([await state(), log.state?.keyCount]).toEqual([[['k', 6, 7]], 1]);
  });

  test('takes a nil without a key, and what only begins as a nil, for no tombstone', async () => {
    log.append(0, 'k', null, Buffer.of(0xc0, 0xc0));
    log.append(0, null, null, Buffer.of(0xc0));
    logs.writeBehind.endOfPublish();
    await flush(opened);
    expect(await state()).toEqual([['k', 1, 2]]);
  });

  test('comes back after a crash and after an epoch, older ones first', async () => {
    await write(['k', 1], ['l', 1]);
    append(['m', 1]);
    await open();
    const [first, second] = [log.epochs[0]!.epoch, logs.epoch];
    await write(['l', 9]);
    expect(await state()).toEqual([
      ['k', 1, 1],
      ['l', 3, 9],
    ]);
    const page = await logs.reader.readState(log, ORIGIN, log.durableCursor, 64 * KIB);
    expect(page).toMatchObject({
      epoch: first,
      offsets: [1],
      atEnd: false,
      next: { epoch: first, offset: 1 },
    });
    expect(await logs.reader.readState(log, page.next, log.durableCursor, 64 * KIB)).toMatchObject({
      epoch: second,
      offsets: [3],
      atEnd: true,
    });
  });

  test('outlives retention', async () => {
    await open({ retention: { maxAgeMs: 100 } });
    await write(['k', 1]);
    opened.clock.advance(1000);
    await drive(opened, logs.maintain());
    await flush(opened);
    expect(log.oldestOffset).toBe(2);
    expect(await state()).toEqual([['k', 1, 1]]);
    await open();
    expect(await state()).toEqual([['k', 1, 1]]);
  });

  test('costs a channel without it nothing', async () => {
    await open({}, null);
    await write(['k', 1]);
    expect([log.state, await storedOffsets()]).toEqual([null, []]);
    await expect(logs.reader.readState(log, ORIGIN, log.head, 1)).rejects.toThrow(TypeError);
  });
});

describe('a page of the state', () => {
  test('begins after its cursor, passes over what is later than its end, and has at least one record', async () => {
    await write(['k', 1000], ['l', 1000], ['m', 1000]);
    const { epoch } = logs;
    const page = (after: number, upTo: number, maxBytes: number) =>
      logs.reader.readState(log, { epoch, offset: after }, { epoch, offset: upTo }, maxBytes);
    expect(await page(0, 3, 1)).toMatchObject({ offsets: [1], atEnd: false });
    expect(await page(1, 3, 9999)).toMatchObject({ offsets: [2, 3], atEnd: true });
    expect(await page(1, 2, 9999)).toMatchObject({ offsets: [2], atEnd: true });
    expect(await page(3, 3, 9999)).toMatchObject({ offsets: [], count: 0, atEnd: true });
  });

  test('of a later moment leaves out what was replaced behind the end', async () => {
    await write(['k', 1], ['l', 1]);
    const upTo = log.durableCursor;
    const first = await logs.reader.readState(log, ORIGIN, upTo, 1);
    await write(['l', 2]);
    expect(first.offsets).toEqual([1]);
    expect(await logs.reader.readState(log, first.next, upTo, 1)).toMatchObject({ offsets: [], atEnd: true });
  });
});

describe('the room for keys', () => {
  test('is for so many as are configured, those that are not written yet counted', async () => {
    await write(['a', 1], ['b', 1]);
    append(['c', 1]);
    expect(log.state!.hasRoomFor(['a', 'b', 'c', 'd'])).toBe(true);
    expect(log.state!.hasRoomFor(['d', 'e', 'd'])).toBe(false);
    append(['d', 1]);
    expect(log.state!.hasRoomFor(['e'])).toBe(false);
    expect(log.state!.hasRoomFor(['a', 'd'])).toBe(true);
    append(['a', GONE]);
    expect(log.state!.hasRoomFor(['e'])).toBe(true);
    expect(log.state!.hasRoomFor(['a', 'e'])).toBe(false);
  });

  test('is the same after a restart, and none where there are more keys than are configured now', async () => {
    await write(['a', 1], ['b', 1], ['c', 1], ['d', 1]);
    await open();
    expect([log.state!.hasRoomFor(['e']), log.state!.hasRoomFor(['a'])]).toEqual([false, true]);
    await open({}, { maxKeys: 2 });
    expect([log.state!.hasRoomFor(['e']), log.state!.hasRoomFor(['a'])]).toEqual([false, true]);
  });
});

describe('a write', () => {
  test('of some of the records has the state at their end', async () => {
    opened.store.holdWrites();
    for (let i = 0; i < 8; i++) append(['k', 1024 * KIB], ['l', i]);
    await turns();
    opened.store.releaseWrites();
    await turns(2);
    await open();
    const { headOffset } = log;
    expect(headOffset).toBeGreaterThan(0);
    expect(headOffset).toBeLessThan(16);
    expect(await storedOffsets()).toEqual([headOffset - 1, headOffset]);
    expect(log.state!.storedOffset).toBe(headOffset);
  });

  test.each(FAULTS)('that failed is made good by the next, whatever it left (%s)', async (fault) => {
    await write(['k', 1], ['l', 1]);
    append(['k', 2], ['m', 1]);
    opened.store.holdWrites();
    opened.clock.advance(MAX_DELAY_MS);
    await turns();
    opened.store.failNextWrite(fault);
    append(['k', 3], ['m', GONE]);
    opened.store.releaseWrites();
    await flush(opened);
    expect(await state()).toEqual([
      ['l', 2, 1],
      ['k', 5, 3],
    ]);
    expect([await storedOffsets(), log.state!.isUnsaved]).toEqual([[2, 5], false]);
  });

  describe('that the store had only said to have made (on a dead handle one may seem to succeed)', () => {
    beforeEach(async () => {
      await write(['o', 1], ['k', 1], ['l', 1]);
      const kept = await opened.store.read({});
      await write(['k', 2], ['l', GONE], ['m', 1]);
      // The disk as it was before.
      for (const { key } of await opened.store.read({})) await opened.store.write([{ type: 'del', key }]);
      await opened.store.write(kept.map((entry) => ({ type: 'put', ...entry })));
    });

    async function expectMadeGood(...offsets: number[]): Promise<void> {
      await flush(opened);
      expect([await storedOffsets(), (await state()).map(([, offset]) => offset)]).toEqual([
        offsets,
        offsets,
      ]);
      await open();
      expect([log.state!.storedOffset, await storedOffsets()]).toEqual([log.headOffset, offsets]);
    }

    test('is made again with the next records', async () => {
      append(['n', 1]);
      opened.store.failNextWrite('nothing-written');
      await expectMadeGood(1, 4, 6, 7);
    });

    test('is made again where no record follows', async () => {
      log.seal(log.segments[0]!);
      opened.store.failNextWrite('nothing-written');
      await expectMadeGood(1, 4, 6);
    });
  });
});

describe('a channel that kept no state for a while', () => {
  const KEEPS_ONE = { retention: { maxRecords: 1 }, ring: { maxRecords: 1 } };

  async function trimToLast(): Promise<void> {
    for (const segment of log.segments) log.seal(segment);
    await flush(opened);
    await drive(opened, logs.maintain());
    await flush(opened);
  }

  test('has it from the records since, what was replaced and deleted in them too', async () => {
    await write(['k', 1], ['l', 1], ['m', 1]);
    await open({}, null);
    await write(['k', 2], ['l', GONE]);
    await write(['n', 1]);
    expect(await storedOffsets()).toEqual([1, 2, 3]);
    await open();
    expect((await state()).map(([key, offset]) => [key, offset])).toEqual([
      ['m', 3],
      ['k', 4],
      ['n', 6],
    ]);
    expect([log.state!.keyCount, await storedOffsets()]).toEqual([3, [3, 4, 6]]);
  });

  test('has it anew from what retention left, where that took some of the records since', async () => {
    await write(['k', 1], ['l', 1]);
    await open(KEEPS_ONE, null);
    await write(['k', 2]);
    for (const segment of log.segments) log.seal(segment);
    await write(['m', 1]);
    await trimToLast();
    expect(log.oldestOffset).toBe(4);
    await open();
    expect(await state()).toEqual([['m', 4, 1]]);
    expect([log.state!.keyCount, await storedOffsets()]).toEqual([1, [4]]);
  });

  test('has it from the records since where retention took older ones only', async () => {
    await write(['k', 1]);
    await write(['l', 1]);
    await open(KEEPS_ONE, null);
    await write(['m', 1]);
    await trimToLast();
    expect(log.oldestOffset).toBe(3);
    await open();
    expect((await state()).map(([, offset]) => offset)).toEqual([1, 2, 3]);
  });

  test('shows it once it is written; until then its readers wait, and crashes change nothing', async () => {
    await open({}, null);
    await write(['k', 1]);
    await open();
    opened.store.holdWrites();
    const reading = logs.reader.readState(log, ORIGIN, log.durableCursor, KIB);
    let isRead = false;
    reading.then(() => {
      isRead = true;
    });
    opened.clock.advance(MAX_DELAY_MS);
    await turns();
    expect([isRead, opened.store.heldWrites]).toEqual([false, 1]);
    opened.store.releaseWrites();
    expect(await drive(opened, reading)).toMatchObject({ offsets: [1], atEnd: true });
    await open();
    expect(log.state!.isUnsaved).toBe(false);
  });

  test('has it with the keys of records that come meanwhile', async () => {
    await open({}, null);
    await write(['k', 1], ['l', 1]);
    await open();
    await write(['k', 2]);
    expect(await state()).toEqual([
      ['l', 2, 1],
      ['k', 3, 2],
    ]);
  });
});

describe('a log that only maintenance looks at', () => {
  /** Opened again, and looked at by maintenance. */
  async function look(options: OpenOptions = {}): Promise<ChannelLog> {
    await write(['k', 1]);
    await crash(opened);
    opened = crashWhenFinished(
      await openLogs({ ...options, state: { maxKeys: 4 }, mayForget: () => false }, recorded),
    );
    ({ logs } = opened);
    await drive(opened, logs.maintain());
    return logs.get('a')!;
  }

  test('has no state in memory, and has it when it is asked for', async () => {
    const looked = await look();
    expect([looked.contents, looked.state]).toEqual(['bare', null]);
    log = await logs.openLog('a');
    expect([log === looked, log.contents, await state()]).toEqual([true, 'complete', [['k', 1, 1]]]);
  });

  test('is asked for by many at once and loaded once', async () => {
    const looked = await look();
    const asked = [logs.openLog('a'), logs.openLog('a')];
    expect(await asked[0]).toBe(looked);
    const { state } = looked;
    expect(await asked[1]).toBe(looked);
    expect([looked.state === state, looked.pins, state?.keyCount]).toEqual([true, 0, 1]);
  });

  test('is not opened by halves: where a read fails, it is tried again', async () => {
    const looked = await look();
    opened.store.failNextRead();
    await expect(logs.openLog('a')).rejects.toMatchObject({ code: 'store-failed' });
    expect([looked.contents, looked.pins]).toEqual(['bare', 0]);
    log = await logs.openLog('a');
    expect(await state()).toEqual([['k', 1, 1]]);
  });

  test('is not trimmed while its state is made from its records', async () => {
    await open({}, null);
    const looked = await look({ retention: { maxAgeMs: 100 } });
    opened.store.holdReads();
    const opening = Promise.resolve(logs.openLog('a'));
    opened.clock.advance(1000);
    const maintained = logs.maintain();
    await turns();
    expect([looked.contents, looked.oldestOffset]).toEqual(['loading', 1]);
    opened.store.releaseReads();
    log = await drive(opened, opening);
    await drive(opened, maintained);
    expect(await state()).toEqual([['k', 1, 1]]);
  });
});

test('a state that says to be beyond the log is dropped and made anew', async () => {
  await write(['k', 1], ['l', 1]);
  await opened.store.write([
    { type: 'put', key: stateOffsetKey(log.number), value: encodeStateOffset(9) },
    {
      type: 'put',
      key: stateKey(log.number, { epoch: logs.epoch, offset: 9 }),
      value: (await opened.store.read(stateRange(log.number)))[0]!.value,
    },
  ]);
  await open();
  await flush(opened);
  expect((await state()).map(([key, offset]) => [key, offset])).toEqual([
    ['k', 1],
    ['l', 2],
  ]);
  expect(await storedOffsets()).toEqual([1, 2]);
});
