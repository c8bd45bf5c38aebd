import { beforeEach, describe, expect, test } from 'vitest';
import { ORIGIN } from '../../../shared/terms.ts';
import type { WriteFault } from '../../support/faulty-store.ts';
import { GONE, KeyedLog } from '../../support/keyed-log.ts';
import { MAX_DELAY_MS, turns } from '../../support/open-logs.ts';

const KIB = 1024;
const FAULTS: readonly WriteFault[] = ['nothing-written', 'written-but-reported-failed'];

let keyed: KeyedLog;
beforeEach(async () => {
  keyed = new KeyedLog();
  await keyed.open();
});

describe('the state of a channel', () => {
  test('is the newest record of each key, in the order of the keyed.log, and none without a key', async () => {
    await keyed.write(['k', 1], ['l', 2], [null, 3], ['k', 4]);
    expect(await keyed.state()).toEqual([
      ['l', 2, 2],
      ['k', 4, 4],
    ]);
    await keyed.write(['l', 5]);
    expect(await keyed.state()).toEqual([
      ['k', 4, 4],
      ['l', 5, 5],
    ]);
    expect(await keyed.storedOffsets()).toEqual([4, 5]);
  });

  test('has no keys that a tombstone deleted, and those again that come after it', async () => {
    await keyed.write(['k', 1], ['l', 1]);
    await keyed.write(['k', GONE], ['l', GONE], ['m', GONE]);
    expect([await keyed.state(), keyed.log.state?.keyCount]).toEqual([[], 0]);
    await keyed.write(['k', 7]);
    expect([await keyed.state(), keyed.log.state?.keyCount]).toEqual([[['k', 6, 7]], 1]);
  });

  test('takes a nil without a key, and what only begins as a nil, for no tombstone', async () => {
    keyed.log.append(0, 'k', null, Buffer.of(0xc0, 0xc0));
    keyed.log.append(0, null, null, Buffer.of(0xc0));
    keyed.logs.writeBehind.endOfPublish();
    await keyed.flush();
    expect(await keyed.state()).toEqual([['k', 1, 2]]);
  });

  test('comes back after a crash and after an epoch, older ones first', async () => {
    await keyed.write(['k', 1], ['l', 1]);
    keyed.append(['m', 1]);
    await keyed.open();
    const [first, second] = [keyed.log.epochs[0]!.epoch, keyed.logs.epoch];
    await keyed.write(['l', 9]);
    expect(await keyed.state()).toEqual([
      ['k', 1, 1],
      ['l', 3, 9],
    ]);
    const page = await keyed.reader.readState(keyed.log, ORIGIN, keyed.log.durableCursor, 64 * KIB);
    expect(page).toMatchObject({
      epoch: first,
      offsets: [1],
      atEnd: false,
      next: { epoch: first, offset: 1 },
    });
    expect(
      await keyed.reader.readState(keyed.log, page.next, keyed.log.durableCursor, 64 * KIB),
    ).toMatchObject({
      epoch: second,
      offsets: [3],
      atEnd: true,
    });
  });

  test('outlives retention', async () => {
    await keyed.open({ retention: { maxAgeMs: 100 } });
    await keyed.write(['k', 1]);
    keyed.opened.clock.advance(1000);
    await keyed.maintain();
    expect(keyed.log.oldestOffset).toBe(2);
    expect(await keyed.state()).toEqual([['k', 1, 1]]);
    await keyed.open();
    expect(await keyed.state()).toEqual([['k', 1, 1]]);
  });

  test('costs a channel without it nothing', async () => {
    await keyed.open({}, null);
    await keyed.write(['k', 1]);
    expect([keyed.log.state, await keyed.storedOffsets()]).toEqual([null, []]);
    await expect(keyed.reader.readState(keyed.log, ORIGIN, keyed.log.head, 1)).rejects.toThrow(TypeError);
  });
});

describe('a page of the state', () => {
  test('begins after its cursor, passes over what is later than its end, and has at least one record', async () => {
    await keyed.write(['k', 1000], ['l', 1000], ['m', 1000]);
    const { epoch } = keyed.logs;
    const page = (after: number, upTo: number, maxBytes: number) =>
      keyed.reader.readState(keyed.log, { epoch, offset: after }, { epoch, offset: upTo }, maxBytes);
    expect(await page(0, 3, 1)).toMatchObject({ offsets: [1], atEnd: false });
    expect(await page(1, 3, 9999)).toMatchObject({ offsets: [2, 3], atEnd: true });
    expect(await page(1, 2, 9999)).toMatchObject({ offsets: [2], atEnd: true });
    expect(await page(3, 3, 9999)).toMatchObject({ offsets: [], count: 0, atEnd: true });
  });

  test('is no larger than was asked for, but for a record that is so alone', async () => {
    for (const [key, bytes] of Object.entries({ k: 10, l: 10, m: 70_000, n: 10 })) {
      keyed.log.append(0, key, null, Buffer.alloc(bytes, 1));
    }
    keyed.logs.writeBehind.endOfPublish();
    await keyed.flush();
    const pages: (readonly number[])[] = [];
    for (let after = ORIGIN, atEnd = false; !atEnd; ) {
      const page = await keyed.reader.readState(keyed.log, after, keyed.log.durableCursor, 64 * KIB);
      pages.push(page.offsets);
      ({ next: after, atEnd } = page);
    }
    expect(pages).toEqual([[1, 2], [3], [4]]);
  });

  test('of a later moment leaves out what was replaced behind the end', async () => {
    await keyed.write(['k', 1], ['l', 1]);
    const upTo = keyed.log.durableCursor;
    const first = await keyed.reader.readState(keyed.log, ORIGIN, upTo, 1);
    await keyed.write(['l', 2]);
    expect(first.offsets).toEqual([1]);
    expect(await keyed.reader.readState(keyed.log, first.next, upTo, 1)).toMatchObject({
      offsets: [],
      atEnd: true,
    });
  });
});

describe('the room for keys', () => {
  test('is for so many as are configured, those that are not written yet counted', async () => {
    await keyed.write(['a', 1], ['b', 1]);
    keyed.append(['c', 1]);
    expect(keyed.log.state!.hasRoomFor(['a', 'b', 'c', 'd'])).toBe(true);
    expect(keyed.log.state!.hasRoomFor(['d', 'e', 'd'])).toBe(false);
    keyed.append(['d', 1]);
    expect(keyed.log.state!.hasRoomFor(['e'])).toBe(false);
    expect(keyed.log.state!.hasRoomFor(['a', 'd'])).toBe(true);
    keyed.append(['a', GONE]);
    expect(keyed.log.state!.hasRoomFor(['e'])).toBe(true);
    expect(keyed.log.state!.hasRoomFor(['a', 'e'])).toBe(false);
  });

  test('is the same after a restart, and none where there are more keys than are configured now', async () => {
    await keyed.write(['a', 1], ['b', 1], ['c', 1], ['d', 1]);
    await keyed.open();
    expect([keyed.log.state!.hasRoomFor(['e']), keyed.log.state!.hasRoomFor(['a'])]).toEqual([false, true]);
    await keyed.open({}, { maxKeys: 2 });
    expect([keyed.log.state!.hasRoomFor(['e']), keyed.log.state!.hasRoomFor(['a'])]).toEqual([false, true]);
  });
});

describe('a write', () => {
  test('of some of the records has the state at their end', async () => {
    keyed.store.holdWrites();
    for (let i = 0; i < 8; i++) keyed.append(['k', 1024 * KIB], ['l', i]);
    await turns();
    keyed.store.releaseWrites();
    await turns(2);
    await keyed.open();
    const { headOffset } = keyed.log;
    expect(headOffset).toBeGreaterThan(0);
    expect(headOffset).toBeLessThan(16);
    expect(await keyed.storedOffsets()).toEqual([headOffset - 1, headOffset]);
    expect(keyed.log.state!.storedOffset).toBe(headOffset);
  });

  test.each(FAULTS)('that failed is made good by the next, whatever it left (%s)', async (fault) => {
    await keyed.write(['k', 1], ['l', 1]);
    keyed.append(['k', 2], ['m', 1]);
    keyed.store.holdWrites();
    keyed.opened.clock.advance(MAX_DELAY_MS);
    await turns();
    keyed.store.failNextWrite(fault);
    keyed.append(['k', 3], ['m', GONE]);
    keyed.store.releaseWrites();
    await keyed.flush();
    expect(await keyed.state()).toEqual([
      ['l', 2, 1],
      ['k', 5, 3],
    ]);
    expect([await keyed.storedOffsets(), keyed.log.state!.isUnsaved]).toEqual([[2, 5], false]);
  });

  describe('that the store had only said to have made (on a dead handle one may seem to succeed)', () => {
    beforeEach(async () => {
      await keyed.write(['o', 1], ['k', 1], ['l', 1]);
      const kept = await keyed.store.read({});
      await keyed.write(['k', 2], ['l', GONE], ['m', 1]);
      // The disk as it was before.
      for (const { key } of await keyed.store.read({})) await keyed.store.write([{ type: 'del', key }]);
      await keyed.store.write(kept.map((entry) => ({ type: 'put', ...entry })));
    });

    async function expectMadeGood(...offsets: number[]): Promise<void> {
      await keyed.flush();
      expect([await keyed.storedOffsets(), await keyed.stateOffsets()]).toEqual([offsets, offsets]);
      await keyed.open();
      expect([keyed.log.state!.storedOffset, await keyed.storedOffsets()]).toEqual([
        keyed.log.headOffset,
        offsets,
      ]);
    }

    test('is made again with the next records', async () => {
      keyed.append(['n', 1]);
      keyed.store.failNextWrite('nothing-written');
      await expectMadeGood(1, 4, 6, 7);
    });

    test('is made again where no record follows', async () => {
      keyed.log.seal(keyed.log.segments[0]!);
      keyed.store.failNextWrite('nothing-written');
      await expectMadeGood(1, 4, 6);
    });
  });
});
