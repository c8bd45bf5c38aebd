/**
 * What every store must do: the contract of server/log/ordered-store as tests. A new implementation is held to it by
 * a file of a few lines, like rocks-store.test.ts.
 */
import { describe, expect, onTestFinished, test } from 'vitest';
import type { OrderedStore, StoreOperation, StoreRange } from '../../server/log/ordered-store.ts';
import { orderAndRanges, writes } from './ordered-store-ranges.ts';
import { volume } from './ordered-store-volume.ts';
import { content, hex, put, type StoreMaker } from './store-operations.ts';

const MISUSE = { name: 'TypeError' };
const STORE_FAILED = { name: 'RingcastError', code: 'store-failed' };

/** `factory` makes a closed store over an empty place; its content must survive close and open of the same object. */
export function orderedStoreSuite(name: string, factory: () => OrderedStore | Promise<OrderedStore>): void {
  /** A store that is closed after the test, whatever becomes of it. */
  const closedStore = async () => {
    const store = await factory();
    onTestFinished(() => store.close());
    return store;
  };
  const openStore = async () => {
    const store = await closedStore();
    await store.open();
    return store;
  };

  describe(`${name}: order and ranges`, () => orderAndRanges(openStore));
  describe(`${name}: writes`, () => writes(openStore));
  describe(`${name}: concurrency`, () => concurrency(openStore));
  describe(`${name}: open and close`, () => openAndClose(closedStore));
  describe(`${name}: misuse`, () => misuse(openStore));
  describe(`${name}: volume`, () => volume(openStore));
}

function concurrency(openStore: StoreMaker): void {
  test('each operation is asked for once, before the promise is there, and its memory is used again', async () => {
    const store = await openStore();
    const key = Buffer.alloc(1);
    const value = Buffer.alloc(1);
    const operation = { type: 'put' as const, key, value };
    let asked = 0;
    function* operations() {
      for (; asked < 5; asked += 1) {
        key[0] = asked;
        value[0] = 0x61 + asked;
        yield operation;
      }
    }
    const write = store.write(operations());
    expect(asked).toBe(5);
    key[0] = 9;
    value[0] = 0;
    await write;
    expect(await content(store)).toEqual(['00=a', '01=b', '02=c', '03=d', '04=e']);
  });

  test('a second write while one is in flight is refused, and harms neither the first nor the store', async () => {
    const store = await openStore();
    const first = store.write([put('01', 'first')]);
    await expect(store.write([put('02', 'second')])).rejects.toMatchObject(MISUSE);
    await first;
    await store.write([put('03', 'third')]);
    expect(await content(store)).toEqual(['01=first', '03=third']);
  });

  test('a read beside a write shows each batch whole or not at all', async () => {
    const store = await openStore();
    // Together more than a store may fetch in one go, so that only one view of the whole read can pass.
    const keys = Array.from({ length: 48 }, (_, index) => Buffer.from([index]));
    const writeVersion = (version: number) =>
      store.write(keys.map((key) => ({ type: 'put', key, value: Buffer.alloc(32_768, version) })));
    await writeVersion(0);
    let writing = true;
    const writer = (async () => {
      for (let version = 1; version <= 40; version += 1) await writeVersion(version);
      writing = false;
    })();
    let latest = 0;
    const seen = new Set<number>();
    while (writing) {
      const entries = await store.read({});
      const versions = new Set(entries.map((entry) => entry.value[0]!));
      expect(entries).toHaveLength(keys.length);
      expect([...versions]).toHaveLength(1);
      const [version] = [...versions] as [number];
      expect(version).toBeGreaterThanOrEqual(latest);
      latest = version;
      seen.add(version);
    }
    await writer;
    expect(seen.size).toBeGreaterThan(1);
  });

  test('a read that begins after a write resolved sees it', async () => {
    const store = await openStore();
    for (let round = 0; round < 20; round += 1) {
      await store.write([put('01', `round ${round}`)]);
      expect(await content(store)).toEqual([`01=round ${round}`]);
    }
  });

  test('close lets running reads and the running write finish', async () => {
    const store = await openStore();
    const value = Buffer.alloc(65_536, 7);
    const keys = Array.from({ length: 64 }, (_, index) => Buffer.from([index]));
    await store.write(keys.map((key) => ({ type: 'put', key, value })));
    const finished: string[] = [];
    const note = async <Result>(what: string, work: Promise<Result>) => {
      const result = await work;
      finished.push(what);
      return result;
    };
    const reads = Array.from({ length: 8 }, () => note('read', store.read({})));
    const write = note('write', store.write([put('ff', 'last')]));
    const get = note('get', store.get(keys[1]!));
    await note('close', store.close());
    expect(finished).toHaveLength(11);
    expect(finished.at(-1)).toBe('close');
    for (const entries of await Promise.all(reads)) expect(entries).toHaveLength(64);
    expect((await get)?.equals(value)).toBe(true);
    await write;
    await store.open();
    expect((await store.get(hex('ff')))?.toString()).toBe('last');
  });
}

function openAndClose(closedStore: StoreMaker): void {
  test('after close and open on the same object everything is there, again and again', async () => {
    const store = await closedStore();
    const expected: string[] = [];
    for (let round = 1; round <= 3; round += 1) {
      await store.open();
      expect(await content(store)).toEqual(expected);
      await store.write([put(`0${round}`, `round ${round}`)]);
      expected.push(`0${round}=round ${round}`);
      await store.close();
    }
  });

  test('close is safe before open, while opening, and twice', async () => {
    const store = await closedStore();
    await store.close();
    const opening = store.open();
    await Promise.all([store.close(), store.close()]);
    await opening;
    await store.close();
    await store.open();
    await store.write([put('01', 'a')]);
    expect(await content(store)).toEqual(['01=a']);
  });

  test('every call while the store is not open rejects with store-failed', async () => {
    const store = await closedStore();
    const calls = () => [
      store.get(hex('01')),
      store.read({}),
      store.write([put('01', 'a')]),
      store.approximateBytes(hex('00'), hex('ff')),
    ];
    const refusals = async () => {
      for (const call of calls()) await expect(call).rejects.toMatchObject(STORE_FAILED);
    };
    await refusals();
    await store.open();
    await Promise.all(calls());
    const closing = store.close();
    await refusals();
    await closing;
    await refusals();
  });

  test('open of a store that is opening or open is misuse, and harms nothing', async () => {
    const store = await closedStore();
    const opening = store.open();
    await expect(store.open()).rejects.toMatchObject(MISUSE);
    await opening;
    await expect(store.open()).rejects.toMatchObject(MISUSE);
    await store.write([put('01', 'a')]);
    expect(await content(store)).toEqual(['01=a']);
  });
}

function misuse(openStore: StoreMaker): void {
  /** What JavaScript callers may hand in, whatever the types say. */
  const wrong = <Type>(value: unknown) => value as Type;
  const value = Buffer.from('v');

  test('keys that are empty or no Buffer are refused, and the store lives on', async () => {
    const store = await openStore();
    for (const key of [Buffer.alloc(0), new Uint8Array([1]), '01', 1, null, undefined]) {
      const calls = [
        store.get(wrong(key)),
        store.write([put('01', 'not written'), { type: 'put', key: wrong<Buffer>(key), value }]),
        store.write([put('01', 'not written'), { type: 'del', key: wrong<Buffer>(key) }]),
      ];
      for (const call of calls) await expect(call).rejects.toMatchObject(MISUSE);
    }
    await store.write([put('02', 'written')]);
    expect(await content(store)).toEqual(['02=written']);
  });

  test('malformed operations are refused whole, and the store lives on', async () => {
    const store = await openStore();
    const malformed = [
      { type: 'put', key: hex('01'), value: new Uint8Array([1]) },
      { type: 'put', key: hex('01') },
      { type: 'merge', key: hex('01'), value },
      null,
    ];
    for (const operation of malformed) {
      const write = store.write([put('01', 'not written'), wrong<StoreOperation>(operation)]);
      await expect(write).rejects.toMatchObject(MISUSE);
    }
    await expect(store.write(wrong('operations'))).rejects.toMatchObject(MISUSE);
    await store.write([put('02', 'written')]);
    expect(await content(store)).toEqual(['02=written']);
  });

  test('malformed ranges are refused', async () => {
    const store = await openStore();
    for (const range of [
      { limit: -1 },
      { limit: 1.5 },
      { limit: Number.NaN },
      { maxBytes: -1 },
      { maxBytes: '9' },
      { gte: '01' },
      { lt: new Uint8Array([1]) },
      { lte: 7 },
    ]) {
      await expect(store.read(wrong<StoreRange>(range))).rejects.toMatchObject(MISUSE);
    }
    await expect(store.approximateBytes(wrong('a'), hex('ff'))).rejects.toMatchObject(MISUSE);
  });
}
