import { expect, test } from 'vitest';
import { encodeFitting, MAX_FIGURES_BYTES, shortened } from '../../../server/figures/fitting.ts';
import { decodeValue } from '../../../shared/msgpack.ts';

const decoded = (items: readonly unknown[]) => {
  const bytes = encodeFitting(items, (fitting) => ({ total: items.length, items: fitting }));
  const value = decodeValue(bytes, { timestamps: false }) as { total: number; items: unknown[] };
  return { bytes: bytes.length, ...value };
};

test('as many as fit are taken, from the first on', () => {
  const long = Array.from({ length: 64 }, (_, i) => `${i}`.padEnd(500, 'x'));
  const { bytes, total, items } = decoded(long);
  expect(total).toBe(64);
  expect(bytes).toBeLessThanOrEqual(MAX_FIGURES_BYTES);
  expect(bytes).toBeGreaterThan(MAX_FIGURES_BYTES - 600);
  expect(items).toEqual(long.slice(0, items.length));
  expect(decoded(['a', 'b']).items).toEqual(['a', 'b']);
});

test('where even the first is too large none is taken', () => {
  expect(decoded(['x'.repeat(20_000), 'a']).items).toEqual([]);
});

test('long names are told by their beginning', () => {
  expect([shortened(null), shortened('desk-7')]).toEqual([null, 'desk-7']);
  expect(shortened('x'.repeat(10_000))).toBe(`${'x'.repeat(59)}…`);
});
