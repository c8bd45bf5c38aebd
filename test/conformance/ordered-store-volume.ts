/** Part of ordered-store-suite: many keys, many bytes, and random work compared with the plainest model. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { StoreEntry, StoreOperation, StoreRange } from '../../server/log/ordered-store.ts';
import { content, line, type StoreMaker } from './store-operations.ts';

export function volume(openStore: StoreMaker): void {
  test('100,000 keys stay in order and are found from anywhere', async () => {
    const store = await openStore();
    const count = 100_000;
    const key = (number: number) => {
      const buffer = Buffer.alloc(8);
      buffer.writeUInt32BE(number);
      return buffer;
    };
    // 7,919 is prime, so its multiples modulo the count visit each number once, far from in order.
    const numbers = Array.from({ length: count }, (_, index) => (index * 7919) % count);
    for (let start = 0; start < count; start += 10_000) {
      const batch = numbers.slice(start, start + 10_000);
      await store.write(batch.map((number) => ({ type: 'put', key: key(number), value: key(number) })));
    }
    const numbersOf = (entries: StoreEntry[]) => entries.map((entry) => entry.value.readUInt32BE());

    const all = numbersOf(await store.read({}));
    expect(all).toHaveLength(count);
    expect(all.every((number, index) => number === index)).toBe(true);
    expect(numbersOf(await store.read({ gte: key(54_321), limit: 2 }))).toEqual([54_321, 54_322]);
    expect(numbersOf(await store.read({ lt: key(54_321), limit: 2, reverse: true }))).toEqual([
      54_320, 54_319,
    ]);

    await store.write(
      numbers.filter((number) => number % 3 !== 0).map((number) => ({ type: 'del', key: key(number) })),
    );
    const thirds = numbersOf(await store.read({}));
    expect(thirds).toHaveLength(33_334);
    expect(thirds.every((number, index) => number === index * 3)).toBe(true);
  }, 60_000);

  test('approximateBytes grows with what lies in the range', async () => {
    const store = await openStore();
    // Incompressible, and far beyond what a store may still hold back in memory.
    const value = Buffer.alloc(1 << 20);
    let state = 1;
    for (let at = 0; at < value.length; at += 4) {
      state = Math.imul(state ^ (state << 13), 0x9e3779b1) ^ (state >>> 7);
      value.writeInt32LE(state, at);
    }
    for (let number = 0; number < 32; number += 1) {
      await store.write([{ type: 'put', key: Buffer.from([number]), value }]);
    }
    expect(await store.approximateBytes(Buffer.from([0]), Buffer.from([32]))).toBeGreaterThan(24 << 20);
    const whole = await store.approximateBytes(Buffer.from([0]), Buffer.from([0xff]));
    const part = await store.approximateBytes(Buffer.from([0]), Buffer.from([8]));
    expect(part).toBeGreaterThan(6 << 20);
    expect(part).toBeLessThan(whole / 2);
    expect(await store.approximateBytes(Buffer.from([0xf0]), Buffer.from([0xff]))).toBeLessThan(1 << 16);
    expect(await store.approximateBytes(Buffer.from([16]), Buffer.from([0]))).toBe(0);
    expect(await store.approximateBytes(Buffer.from([16]), Buffer.from([16]))).toBe(0);
  }, 60_000);

  test('any batches and ranges give what a sorted array would', async () => {
    const store = await openStore();
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(anyOperation, { maxLength: 20 }), { maxLength: 6 }),
        fc.array(anyRange),
        async (batches, ranges) => {
          await store.write((await store.read({ keysOnly: true })).map(({ key }) => ({ type: 'del', key })));
          const model = new SortedArray();
          for (const batch of batches) {
            await store.write(batch);
            for (const operation of batch) model.apply(operation);
            expect(await content(store)).toEqual(model.read({}).map(line));
          }
          for (const range of ranges)
            expect((await store.read(range)).map(line)).toEqual(model.read(range).map(line));
        },
      ),
      { numRuns: 100 },
    );
  }, 60_000);
}

/** The plainest thing that keeps the contract, to compare with. */
class SortedArray {
  #entries: StoreEntry[] = [];

  apply(operation: StoreOperation): void {
    this.#entries = this.#entries.filter((entry) => !entry.key.equals(operation.key));
    if (operation.type === 'put') this.#entries.push({ key: operation.key, value: operation.value });
    this.#entries.sort((a, b) => Buffer.compare(a.key, b.key));
  }

  read({ gte, lt, lte, reverse, limit = Infinity, maxBytes = Infinity, keysOnly }: StoreRange): StoreEntry[] {
    const inRange = this.#entries.filter(
      ({ key }) =>
        (!gte || Buffer.compare(key, gte) >= 0) &&
        (!lt || Buffer.compare(key, lt) < 0) &&
        (!lte || Buffer.compare(key, lte) <= 0),
    );
    const taken: StoreEntry[] = [];
    let bytes = 0;
    for (const { key, value } of reverse ? inRange.toReversed() : inRange) {
      if (taken.length >= limit || (taken.length > 0 && bytes >= maxBytes)) break;
      const shown = keysOnly ? Buffer.alloc(0) : value;
      taken.push({ key, value: shown });
      bytes += key.length + shown.length;
    }
    return taken;
  }
}

/** Few bytes and short keys, so that keys meet, nest and overwrite one another often. */
const anyBytes = (minLength: number) =>
  fc
    .array(fc.constantFrom(0x00, 0x01, 0x7f, 0x80, 0xff), { minLength, maxLength: 3 })
    .map((bytes) => Buffer.from(bytes));

const anyOperation: fc.Arbitrary<StoreOperation> = fc.oneof(
  fc.record({
    type: fc.constant('put' as const),
    key: anyBytes(1),
    value: fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
  }),
  fc.record({ type: fc.constant('del' as const), key: anyBytes(1) }),
);

const anyRange: fc.Arbitrary<StoreRange> = fc.record(
  {
    gte: anyBytes(0),
    lt: anyBytes(0),
    lte: anyBytes(0),
    reverse: fc.boolean(),
    limit: fc.nat(12),
    maxBytes: fc.nat(200),
    keysOnly: fc.boolean(),
  },
  { requiredKeys: [] },
);
