import { expect, test } from 'vitest';
import { createMemoryStore, type MemoryStoreOptions } from '../../../server/log/memory-store.ts';

async function afterReopening(options?: MemoryStoreOptions): Promise<number> {
  const store = createMemoryStore(options);
  await store.open();
  await store.write([{ type: 'put', key: Buffer.from('a'), value: Buffer.from('1') }]);
  await store.close();
  await store.open();
  const entries = await store.read({});
  await store.close();
  return entries.length;
}

test('the content is gone after close, unless it is to be kept', async () => {
  expect(await afterReopening()).toBe(0);
  expect(await afterReopening({ keep: false })).toBe(0);
  expect(await afterReopening({ keep: true })).toBe(1);
});

test('it promises no durability', () => {
  expect(createMemoryStore().durable).toBe(false);
});

test('a write is not seen before it resolves', async () => {
  const store = createMemoryStore();
  await store.open();
  const writing = store.write([{ type: 'put', key: Buffer.from('a'), value: Buffer.from('1') }]);
  expect(await store.read({})).toEqual([]);
  await writing;
  expect(await store.read({})).toHaveLength(1);
  await store.close();
});
