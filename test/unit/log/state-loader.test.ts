import { beforeEach, describe, expect, test } from 'vitest';
import type { ChannelLog } from '../../../server/log/channel-log.ts';
import { encodeStateOffset, stateKey, stateOffsetKey, stateRange } from '../../../server/log/store-keys.ts';
import { ORIGIN } from '../../../shared/terms.ts';
import { GONE, KeyedLog } from '../../support/keyed-log.ts';
import { drive, MAX_DELAY_MS, type OpenOptions, turns } from '../../support/open-logs.ts';

const KIB = 1024;

let keyed: KeyedLog;
beforeEach(async () => {
  keyed = new KeyedLog();
  await keyed.open();
});

describe('a channel that kept no state for a while', () => {
  const KEEPS_ONE = { retention: { maxRecords: 1 }, ring: { maxRecords: 1 } };

  async function trimToLast(): Promise<void> {
    for (const segment of keyed.log.segments) keyed.log.seal(segment);
    await keyed.flush();
    await keyed.maintain();
  }

  test('has it from the records since, what was replaced and deleted in them too', async () => {
    await keyed.write(['k', 1], ['l', 1], ['m', 1]);
    await keyed.open({}, null);
    await keyed.write(['k', 2], ['l', GONE]);
    await keyed.write(['n', 1]);
    expect(await keyed.storedOffsets()).toEqual([1, 2, 3]);
    await keyed.open();
    expect((await keyed.state()).map(([key, offset]) => [key, offset])).toEqual([
      ['m', 3],
      ['k', 4],
      ['n', 6],
    ]);
    expect([keyed.log.state!.keyCount, await keyed.storedOffsets()]).toEqual([3, [3, 4, 6]]);
  });

  test('has it anew from what retention left, where that took some of the records since', async () => {
    await keyed.write(['k', 1], ['l', 1]);
    await keyed.open(KEEPS_ONE, null);
    await keyed.write(['k', 2]);
    for (const segment of keyed.log.segments) keyed.log.seal(segment);
    await keyed.write(['m', 1]);
    await trimToLast();
    expect(keyed.log.oldestOffset).toBe(4);
    await keyed.open();
    expect(await keyed.state()).toEqual([['m', 4, 1]]);
    expect([keyed.log.state!.keyCount, await keyed.storedOffsets()]).toEqual([1, [4]]);
  });

  test('has it from the records since where retention took older ones only', async () => {
    await keyed.write(['k', 1]);
    await keyed.write(['l', 1]);
    await keyed.open(KEEPS_ONE, null);
    await keyed.write(['m', 1]);
    await trimToLast();
    expect(keyed.log.oldestOffset).toBe(3);
    await keyed.open();
    expect(await keyed.stateOffsets()).toEqual([1, 2, 3]);
  });

  test('shows it once it is written; until then its readers wait, and crashes change nothing', async () => {
    await keyed.open({}, null);
    await keyed.write(['k', 1]);
    await keyed.open();
    keyed.store.holdWrites();
    const reading = keyed.reader.readState(keyed.log, ORIGIN, keyed.log.durableCursor, KIB);
    let isRead = false;
    reading.then(() => {
      isRead = true;
    });
    keyed.opened.clock.advance(MAX_DELAY_MS);
    await turns();
    expect([isRead, keyed.store.heldWrites]).toEqual([false, 1]);
    keyed.store.releaseWrites();
    expect(await drive(keyed.opened, reading)).toMatchObject({ offsets: [1], atEnd: true });
    await keyed.open();
    expect(keyed.log.state!.isUnsaved).toBe(false);
  });

  test('has it with the keys of records that come meanwhile', async () => {
    await keyed.open({}, null);
    await keyed.write(['k', 1], ['l', 1]);
    await keyed.open();
    await keyed.write(['k', 2]);
    expect(await keyed.state()).toEqual([
      ['l', 2, 1],
      ['k', 3, 2],
    ]);
  });
});

describe('a log that only maintenance looks at', () => {
  /** Opened again, and looked at by maintenance. */
  async function look(options: OpenOptions = {}): Promise<ChannelLog> {
    await keyed.write(['k', 1]);
    await keyed.start({ ...options, mayForget: () => false });
    await drive(keyed.opened, keyed.logs.maintain());
    return keyed.logs.get('a')!;
  }

  test('has no state in memory, and has it when it is asked for', async () => {
    const looked = await look();
    expect([looked.contents, looked.state]).toEqual(['bare', null]);
    keyed.log = await keyed.logs.openLog('a');
    expect([keyed.log === looked, keyed.log.contents, await keyed.state()]).toEqual([
      true,
      'complete',
      [['k', 1, 1]],
    ]);
  });

  test('is asked for by many at once and loaded once', async () => {
    const looked = await look();
    const asked = [keyed.logs.openLog('a'), keyed.logs.openLog('a')];
    expect(await asked[0]).toBe(looked);
    const { state } = looked;
    expect(await asked[1]).toBe(looked);
    expect([looked.state === state, looked.pins, state?.keyCount]).toEqual([true, 0, 1]);
  });

  test('is not opened by halves: where a read fails, it is tried again', async () => {
    const looked = await look();
    keyed.store.failNextRead();
    await expect(keyed.logs.openLog('a')).rejects.toMatchObject({ code: 'store-failed' });
    expect([looked.contents, looked.pins]).toEqual(['bare', 0]);
    keyed.log = await keyed.logs.openLog('a');
    expect(await keyed.state()).toEqual([['k', 1, 1]]);
  });

  test('is not trimmed while its state is made from its records', async () => {
    await keyed.open({}, null);
    const looked = await look({ retention: { maxAgeMs: 100 } });
    keyed.store.holdReads();
    const opening = Promise.resolve(keyed.logs.openLog('a'));
    keyed.opened.clock.advance(1000);
    const maintained = keyed.logs.maintain();
    await turns();
    expect([looked.contents, looked.oldestOffset]).toEqual(['loading', 1]);
    keyed.store.releaseReads();
    keyed.log = await drive(keyed.opened, opening);
    await drive(keyed.opened, maintained);
    expect(await keyed.state()).toEqual([['k', 1, 1]]);
  });
});

test('a state that says to be beyond the log is dropped and made anew', async () => {
  await keyed.write(['k', 1], ['l', 1]);
  await keyed.store.write([
    { type: 'put', key: stateOffsetKey(keyed.log.number), value: encodeStateOffset(9) },
    {
      type: 'put',
      key: stateKey(keyed.log.number, { epoch: keyed.logs.epoch, offset: 9 }),
      value: (await keyed.store.read(stateRange(keyed.log.number)))[0]!.value,
    },
  ]);
  await keyed.open();
  await keyed.flush();
  expect((await keyed.state()).map(([key, offset]) => [key, offset])).toEqual([
    ['k', 1],
    ['l', 2],
  ]);
  expect(await keyed.storedOffsets()).toEqual([1, 2]);
});
