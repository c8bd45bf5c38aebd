import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { createMemoryStore } from '../../server/log/memory-store.ts';
import type { StoreOperation } from '../../server/log/ordered-store.ts';
import { orderedStoreSuite } from '../conformance/ordered-store-suite.ts';
import { FaultyStore } from './faulty-store.ts';
import { until } from './until.ts';

const STORE_FAILED = { name: 'RingcastError', code: 'store-failed' };

const put = (key: string): StoreOperation => ({
  type: 'put',
  key: Buffer.from(key),
  value: Buffer.from('v'),
});

const faultyStore = () => new FaultyStore(createMemoryStore({ keep: true }));

orderedStoreSuite('faulty store without a fault', faultyStore);

describe('faulty store', () => {
  let store: FaultyStore;
  beforeEach(async () => {
    store = faultyStore();
    onTestFinished(() => store.close());
    await store.open();
  });
  const keysOf = async () => (await store.read({})).map((entry) => entry.key.toString());

  test.each([
    ['nothing-written', ['before']],
    ['written-but-reported-failed', ['before', 'failed']],
  ] as const)('a write that fails with %s ends the store, and shows after reopening', async (fault, kept) => {
    await store.write([put('before')]);
    store.failNextWrite(fault);
    await expect(store.write([put('failed')])).rejects.toMatchObject(STORE_FAILED);
    await expect(store.write([put('after')])).rejects.toMatchObject(STORE_FAILED);
    await expect(store.read({})).rejects.toMatchObject(STORE_FAILED);
    await store.close();
    await store.open();
    expect(await keysOf()).toEqual(kept);
    await store.write([put('zz')]);
    expect(await keysOf()).toEqual([...kept, 'zz']);
    expect(store).toMatchObject({ writeCount: 2, openCount: 2 });
  });

  test('a held write has written nothing, and goes on when released', async () => {
    store.holdWrites();
    const operation = put('held');
    const writing = store.write([operation]);
    operation.key.fill(0);
    await until(() => store.heldWrites === 1, { what: 'the write to be held' });
    expect(await keysOf()).toEqual([]);
    store.releaseWrites();
    await writing;
    expect(store.heldWrites).toBe(0);
    expect(await keysOf()).toEqual(['held']);
  });

  test('a fault that is set while a write is held is that write’s', async () => {
    store.holdWrites();
    const writing = store.write([put('held')]);
    store.failNextWrite('nothing-written');
    store.releaseWrites();
    await expect(writing).rejects.toMatchObject(STORE_FAILED);
  });

  test('a held read shows what there was when it began', async () => {
    store.holdReads();
    const reading = store.read({});
    await until(() => store.heldReads === 1, { what: 'the read to be held' });
    await store.write([put('later')]);
    store.releaseReads();
    expect(await reading).toEqual([]);
    expect(await keysOf()).toEqual(['later']);
  });

  test('a failed read harms only itself', async () => {
    store.failNextRead();
    await expect(store.get(Buffer.from('a'))).rejects.toMatchObject(STORE_FAILED);
    await store.write([put('a')]);
    expect(await keysOf()).toEqual(['a']);
  });

  test('opens fail as often as told, each until close', async () => {
    await store.close();
    store.failOpens(2);
    for (let attempt = 0; attempt < 2; attempt += 1) {
      await expect(store.open()).rejects.toMatchObject(STORE_FAILED);
      await expect(store.read({})).rejects.toMatchObject(STORE_FAILED);
      await store.close();
    }
    await store.open();
    expect(await keysOf()).toEqual([]);
  });
});
