import fc from 'fast-check';
import { expect, test } from 'vitest';
import { SortedEntries } from '../../../server/log/sorted-entries.ts';
import type { NormalRange } from '../../../server/log/store-arguments.ts';

// Chunks of four: splits, joins and ranges over many chunks happen with a few dozen keys.
const CHUNK_ENTRIES = 4;

const all: NormalRange = {
  gte: Buffer.alloc(0),
  upper: undefined,
  reverse: false,
  limit: Number.POSITIVE_INFINITY,
  maxBytes: Number.POSITIVE_INFINITY,
  keysOnly: false,
};

const key = (number: number) => Buffer.from([number]);

test('any puts, deletes and ranges over many chunks give what a sorted array would', () => {
  const number = fc.nat(60);
  const step = fc.record({ number, size: fc.option(fc.nat(5), { freq: 2 }) });
  const bounds = fc.record({ from: number, to: number, inclusive: fc.boolean(), reverse: fc.boolean() });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 150, size: 'max' }), fc.array(bounds), (steps, ranges) => {
      const entries = new SortedEntries(CHUNK_ENTRIES);
      const model = new Map<number, number>();
      for (const { number, size } of steps) {
        if (size === null) {
          entries.delete(key(number));
          model.delete(number);
        } else {
          entries.put(key(number), Buffer.alloc(size));
          model.set(number, size);
        }
      }
      const sorted = [...model.keys()].toSorted((a, b) => a - b);
      for (let probe = 0; probe <= 61; probe += 1) {
        expect(entries.get(key(probe))?.length).toBe(model.get(probe));
      }
      for (const { from, to, inclusive, reverse } of ranges) {
        const upper = { key: key(to), inclusive };
        const found = [...entries.entriesIn({ ...all, gte: key(from), upper, reverse })].map(
          (entry) => entry.key[0],
        );
        const expected = sorted.filter((at) => at >= from && (inclusive ? at <= to : at < to));
        expect(found).toEqual(reverse ? expected.toReversed() : expected);
        const counted = sorted.filter((at) => at >= from && at < to);
        const bytes = counted.reduce((sum, at) => sum + 1 + model.get(at)!, 0);
        expect(entries.bytesBetween(key(from), key(to))).toBe(bytes);
      }
      expect([...entries.entriesIn(all)].map((entry) => entry.key[0])).toEqual(sorted);
      expect([...entries.entriesIn({ ...all, reverse: true })].map((entry) => entry.key[0])).toEqual(
        sorted.toReversed(),
      );
    }),
    { numRuns: 500 },
  );
});

test('a key that begins a chunk is replaced and deleted there, not doubled in the chunk before', () => {
  const entries = new SortedEntries(CHUNK_ENTRIES);
  for (let number = 0; number < 40; number += 1) entries.put(key(number), Buffer.from('old'));
  for (let number = 0; number < 40; number += 1) entries.put(key(number), Buffer.from('new'));
  expect([...entries.entriesIn(all)].map((entry) => entry.value.toString())).toEqual(Array(40).fill('new'));
  for (let number = 0; number < 40; number += 1) entries.delete(key(number));
  expect([...entries.entriesIn(all)]).toEqual([]);
});
