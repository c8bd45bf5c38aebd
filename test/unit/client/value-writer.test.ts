import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { UNUSUAL, writeValue } from '../../../client/value-writer.ts';
import { encodeValue } from '../../../shared/msgpack.ts';

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

describe('written values', () => {
  test('have the bytes that the library gives them, or are left to it', () => {
    const value = fc.anything({
      withDate: true,
      withBigInt: true,
      withMap: true,
      withNullPrototype: true,
      maxDepth: 4,
      values: [
        fc.boolean(),
        fc.integer(),
        fc.double(),
        fc.maxSafeInteger(),
        fc.string({ unit: 'binary', maxLength: 300 }),
        fc.constantFrom(null, undefined, -0, -32, -33, -128, -129, -32768, -32769, 2 ** 32),
        fc.uint8Array({ maxLength: 300 }),
      ],
    });
    fc.assert(
      fc.property(value, fc.nat(400), (each, roomBytes) => {
        let expected: Uint8Array;
        try {
          expected = encodeValue(each);
        } catch {
          return;
        }
        const bytes = new Uint8Array(expected.length);
        const end = writeValue(bytes, 0, each);
        if (end === UNUSUAL) return;
        expect(end).toBe(expected.length);
        expect(hex(bytes)).toBe(hex(expected));
        expect(writeValue(new Uint8Array(roomBytes), 0, each)).toBe(expected.length);
      }),
      { numRuns: 2000 },
    );
  });

  test('of JSON and bytes are never left to the library', () => {
    fc.assert(
      fc.property(fc.oneof(fc.jsonValue({ maxDepth: 5 }), fc.uint8Array()), (each) => {
        expect(writeValue(new Uint8Array(10), 0, each)).toBeGreaterThan(0);
      }),
    );
  });

  test('are left to the library where they are functions, dates, deep or cyclic', () => {
    const cycle: unknown[] = [];
    cycle.push(cycle);
    const unusual = [
      () => 1,
      new Date(),
      1n,
      Symbol('s'),
      new Map(),
      new Float32Array(1),
      cycle,
      { f: () => 1 },
    ];
    for (const each of [...unusual, ...unusual.map((inner) => [{ inner }])]) {
      expect(writeValue(new Uint8Array(100), 0, each)).toBe(UNUSUAL);
    }
  });

  test.each([15, 16, 65_535, 65_536])('of %i items and members have the right counts', (count) => {
    const names = Array.from({ length: count }, (_, i) => i);
    for (const each of [names, Object.fromEntries(names.map((i) => [`k${i}`, i]))]) {
      const expected = encodeValue(each);
      const bytes = new Uint8Array(expected.length);
      expect(writeValue(bytes, 0, each)).toBe(expected.length);
      expect(Buffer.compare(bytes, expected)).toBe(0);
    }
  });
});
