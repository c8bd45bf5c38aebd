import { expect, test } from 'vitest';
import { KeyBudget, KeyIndex } from '../../../server/hub/key-index.ts';
import { writeRecord } from '../../../shared/record-run.ts';

const at = (offset: number) => ({ epoch: 1, offset });

/** Records that follow `after`, each with a letter for its key. */
function page(after: number, keys: string) {
  const bytes = Buffer.alloc(100 * keys.length);
  let end = 0;
  for (const key of keys) end = writeRecord(bytes, end, 1, key, null, Uint8Array.of(1));
  const place = { epoch: 1, firstOffset: after + 1, count: keys.length };
  const slices = [{ bytes, start: 0, end, ...place }];
  return { kind: 'run', ...place, prevOffset: after, bytes: end, slices } as const;
}

test('what all indexes note is bounded together, and given back by each that is no longer needed', () => {
  const budget = new KeyBudget(3);
  const index = new KeyIndex(at(10), budget);
  index.scanned(index.next(at(10), 12)!, page(10, 'ab'));
  const other = new KeyIndex(at(0), budget);
  other.scanned(other.next(at(0), 3)!, page(0, 'aba'));
  // Of "b" nothing is known, so its records stay.
  expect([other.isSuperseded('a', 1), other.isSuperseded('b', 1)]).toEqual([true, false]);
  expect(budget.left).toBe(0);
  other.release();
  index.release();
  expect(budget.left).toBe(3);
});

test('a key that is met in both parts of an index counts once', () => {
  const budget = new KeyBudget(10);
  const index = new KeyIndex(at(10), budget);
  index.scanned(index.next(at(10), 13)!, page(10, 'abc'));
  index.scanned(index.next(at(8), 13)!, page(8, 'cd'));
  expect(index.next(at(8), 13)).toBeUndefined();
  expect([index.isSuperseded('c', 9), index.isSuperseded('d', 9)]).toEqual([true, true]);
  expect(budget.left).toBe(6);
  index.release();
  expect(budget.left).toBe(10);
});

test('an index that begins anew for a reader far beyond it gives back what it noted', () => {
  const budget = new KeyBudget(10);
  const index = new KeyIndex(at(0), budget);
  index.scanned(index.next(at(0), 2)!, page(0, 'ab'));
  expect(index.next(at(4), 9)).toMatchObject({ from: 0, at: at(2) });
  expect(index.next(at(5), 9)).toMatchObject({ from: 5, at: at(5) });
  expect(budget.left).toBe(10);
});
