/** Part of ordered-store-suite: what is read is what was written, in order, within its bounds and limits. */
import { expect, test } from 'vitest';
import type { OrderedStore, StoreOperation, StoreRange } from '../../server/log/ordered-store.ts';
import { content, del, hex, hexKeys, put, type StoreMaker } from './store-operations.ts';

export function orderAndRanges(openStore: StoreMaker): void {
  /** In bytewise order: a prefix before what it begins, 0xff last. */
  const ORDERED = ['00', '0000', '0001', '00ff', '01', '7f', '80', 'fe', 'ff', 'ff00', 'ffff'];
  const filled = async () => {
    const store = await openStore();
    const shuffled = [7, 2, 9, 0, 5, 10, 3, 8, 1, 6, 4].map((index) => ORDERED[index]!);
    await store.write(shuffled.map((key) => put(key, `value of ${key}`)));
    return store;
  };
  const keysOf = async (store: OrderedStore, range: StoreRange) => hexKeys(await store.read(range));

  test('keys come in bytewise order, a prefix before what it begins, each with its value', async () => {
    const store = await filled();
    const entries = await store.read({});
    expect(hexKeys(entries)).toEqual(ORDERED);
    expect(entries.map((entry) => entry.value.toString())).toEqual(ORDERED.map((key) => `value of ${key}`));
  });

  test('reverse gives the same entries from the last one down', async () => {
    const store = await filled();
    expect(await keysOf(store, { reverse: true })).toEqual(ORDERED.toReversed());
  });

  test('gte and lte include their key, lt leaves it out, in both directions', async () => {
    const store = await filled();
    for (const reverse of [false, true]) {
      const ordered = (...keys: string[]) => (reverse ? keys.toReversed() : keys);
      const read = (range: StoreRange) => keysOf(store, { ...range, reverse });
      expect(await read({ gte: hex('00ff'), lt: hex('80') })).toEqual(ordered('00ff', '01', '7f'));
      expect(await read({ gte: hex('00ff'), lte: hex('80') })).toEqual(ordered('00ff', '01', '7f', '80'));
      expect(await read({ gte: hex('ff00') })).toEqual(ordered('ff00', 'ffff'));
      expect(await read({ lt: hex('0001') })).toEqual(ordered('00', '0000'));
      expect(await read({ lte: hex('ffffff') })).toEqual(ordered(...ORDERED));
    }
  });

  test('bounds need not be keys', async () => {
    const store = await filled();
    expect(await keysOf(store, { gte: hex('02'), lt: hex('90') })).toEqual(['7f', '80']);
    expect(await keysOf(store, { gte: hex('02'), lte: hex('90'), reverse: true })).toEqual(['80', '7f']);
  });

  test('of two upper bounds the tighter one counts', async () => {
    const store = await filled();
    for (const reverse of [false, true]) {
      const first = async (range: StoreRange) =>
        (await keysOf(store, { ...range, reverse }))[reverse ? 0 : 3];
      expect(await first({ lt: hex('01'), lte: hex('fe') })).toBe('00ff');
      expect(await first({ lt: hex('fe'), lte: hex('00ff') })).toBe('00ff');
      expect(await first({ lt: hex('01'), lte: hex('01') })).toBe('00ff');
    }
  });

  test('a range that is empty, upside down or ends at the empty key gives nothing', async () => {
    const store = await filled();
    for (const reverse of [false, true]) {
      expect(await store.read({ gte: hex('02'), lt: hex('03'), reverse })).toEqual([]);
      expect(await store.read({ gte: hex('80'), lt: hex('01'), reverse })).toEqual([]);
      expect(await store.read({ gte: hex('01'), lt: hex('01'), reverse })).toEqual([]);
      expect(await store.read({ lt: hex(''), reverse })).toEqual([]);
      expect(await store.read({ lte: hex(''), reverse })).toEqual([]);
    }
  });

  test('an empty lower bound is no bound', async () => {
    const store = await filled();
    expect(await keysOf(store, { gte: hex('') })).toEqual(ORDERED);
  });

  test('limit counts entries from the side where the read begins; 0 gives none', async () => {
    const store = await filled();
    expect(await keysOf(store, { limit: 3 })).toEqual(ORDERED.slice(0, 3));
    expect(await keysOf(store, { limit: 2, reverse: true })).toEqual(['ffff', 'ff00']);
    expect(await keysOf(store, { limit: 2 ** 40 })).toEqual(ORDERED);
    expect(await keysOf(store, { limit: 0 })).toEqual([]);
  });

  test('maxBytes stops after the entry that reaches it, and lets the first one pass', async () => {
    const store = await openStore();
    const keys = ['01', '02', '03', '04'];
    await store.write(keys.map((key) => put(key, 'x'.repeat(99))));
    expect(await keysOf(store, { maxBytes: 0 })).toEqual(['01']);
    expect(await keysOf(store, { maxBytes: 100 })).toEqual(['01']);
    expect(await keysOf(store, { maxBytes: 101 })).toEqual(['01', '02']);
    expect(await keysOf(store, { maxBytes: 300 })).toEqual(['01', '02', '03']);
    expect(await keysOf(store, { maxBytes: 300, reverse: true })).toEqual(['04', '03', '02']);
    expect(await keysOf(store, { maxBytes: 1000 })).toEqual(keys);
    expect(await keysOf(store, { maxBytes: 300, limit: 2 })).toEqual(['01', '02']);
  });

  test('keysOnly leaves the values out, and maxBytes then counts keys alone', async () => {
    const store = await filled();
    const entries = await store.read({ keysOnly: true, gte: hex('fe') });
    expect(hexKeys(entries)).toEqual(['fe', 'ff', 'ff00', 'ffff']);
    expect(entries.map((entry) => entry.value.length)).toEqual([0, 0, 0, 0]);
    expect(await keysOf(store, { keysOnly: true, maxBytes: 3 })).toEqual(['00', '0000']);
  });

  test('get finds the exact key, and tells absent from empty', async () => {
    const store = await filled();
    await store.write([put('05', '')]);
    expect((await store.get(hex('00')))?.toString()).toBe('value of 00');
    expect(await store.get(hex('05'))).toEqual(Buffer.alloc(0));
    for (const absent of ['000000', '02', 'ff01', 'ffffff'])
      expect(await store.get(hex(absent))).toBeUndefined();
  });
}

export function writes(openStore: StoreMaker): void {
  test('the operations of one write are applied in order', async () => {
    const store = await openStore();
    await store.write([put('01', 'old'), put('02', 'old')]);
    await store.write([
      put('01', 'new'),
      del('01'),
      del('02'),
      put('02', 'new'),
      put('03', 'a'),
      put('03', 'b'),
      del('04'),
    ]);
    expect(await content(store)).toEqual(['02=new', '03=b']);
  });

  test('a put replaces the value, longer or shorter', async () => {
    const store = await openStore();
    for (const value of ['short', 'much longer than before', '']) {
      await store.write([put('01', value)]);
      expect(await content(store)).toEqual([`01=${value}`]);
    }
  });

  test('what is deleted is gone for get and read, and can be written again', async () => {
    const store = await openStore();
    await store.write([put('01', 'a'), put('02', 'b'), put('03', 'c')]);
    await store.write([del('02')]);
    expect(await store.get(hex('02'))).toBeUndefined();
    expect(await content(store)).toEqual(['01=a', '03=c']);
    await store.write([put('02', 'again')]);
    expect(await content(store)).toEqual(['01=a', '02=again', '03=c']);
  });

  test('an empty write does nothing', async () => {
    const store = await openStore();
    await store.write([]);
    expect(await content(store)).toEqual([]);
  });

  test('the caller may reuse its buffers as soon as write has returned its promise', async () => {
    const store = await openStore();
    const small = { key: hex('01'), value: Buffer.from('kept') };
    const large = { key: hex('02'), value: Buffer.alloc(100_000, 'k') };
    const operations: StoreOperation[] = [
      { type: 'put', ...small },
      { type: 'put', ...large },
    ];
    const written = store.write(operations);
    for (const buffer of [small.key, small.value, large.key, large.value]) buffer.fill(0xee);
    operations.length = 0;
    await written;
    expect((await store.get(hex('01')))?.toString()).toBe('kept');
    expect((await store.get(hex('02')))?.equals(Buffer.alloc(100_000, 'k'))).toBe(true);
    expect(await store.get(hex('ee'))).toBeUndefined();
  });

  test('the bytes that come from a read are the reader’s own', async () => {
    const store = await openStore();
    await store.write([put('01', 'kept')]);
    (await store.get(hex('01')))!.fill(0);
    const [entry] = await store.read({});
    entry!.key.fill(0);
    entry!.value.fill(0);
    expect(await content(store)).toEqual(['01=kept']);
  });

  test('values of 1 MiB come back whole, also where maxBytes is far below', async () => {
    const store = await openStore();
    const values = [1, 2, 3].map((byte) => Buffer.alloc(1 << 20, byte));
    await store.write(values.map((value, index) => ({ type: 'put', key: Buffer.from([index]), value })));
    const all = await store.read({});
    expect(all.map((entry, index) => entry.value.equals(values[index]!))).toEqual([true, true, true]);
    expect(await store.read({ maxBytes: 100 })).toHaveLength(1);
    expect((await store.get(Buffer.from([1])))?.equals(values[1]!)).toBe(true);
  });
}
