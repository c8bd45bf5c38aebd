import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeExactly, encodeValue } from '../../../shared/msgpack.ts';
import { MAX_NESTING } from '../../../shared/msgpack-bytes.ts';
import { readValue } from '../../../shared/value-reader.ts';
import { valueBytes, writeValue } from '../../../shared/value-writer.ts';

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

class Point {
  x = 1;
  y = [2];
  get sum() {
    return 3;
  }
}

class Price {
  toJSON() {
    return { cents: 5 };
  }
}

const anyDate = fc.oneof(
  fc.date({ noInvalidDate: true }),
  fc.date({ noInvalidDate: true, min: new Date('1969-12-31'), max: new Date('1970-01-02') }),
  fc.integer({ min: -1, max: 2 ** 34 }).map((seconds) => new Date(seconds * 1000)),
);

const anyValue = fc.anything({
  withDate: true,
  withBigInt: true,
  withMap: true,
  withSet: true,
  withNullPrototype: true,
  maxDepth: 4,
  values: [
    fc.boolean(),
    fc.integer(),
    fc.double(),
    fc.maxSafeInteger(),
    fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n - 1n }),
    anyDate,
    fc.string({ unit: 'binary', maxLength: 300 }),
    fc.constantFrom<unknown>(null, undefined, -0, -32, -33, -128, -129, -32768, -32769, 2 ** 32),
    fc.constantFrom<unknown>(-(2n ** 63n), 2n ** 63n, 2n ** 64n - 1n, -1n, new Point(), new Price(), /a/g),
    fc.constant(new RangeError('far', { cause: 'why' })),
    fc.uint8Array({ maxLength: 300 }),
  ],
});

describe('written values', () => {
  test('have the bytes that the library gives them, or are refused as there', () => {
    fc.assert(
      fc.property(anyValue, fc.nat(400), (each, roomBytes) => {
        let expected: Uint8Array;
        try {
          expected = encodeValue(each);
        } catch {
          expect(() => valueBytes(each)).toThrow(TypeError);
          return;
        }
        expect(hex(valueBytes(each))).toBe(hex(expected));
        expect(writeValue(new Uint8Array(roomBytes), 0, each)).toBe(expected.length);
      }),
      { numRuns: 3000 },
    );
  });

  test('are read as the library reads them, by the reader of the same house', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 5 }), (each) => {
        const bytes = valueBytes(each);
        const plain = JSON.parse(JSON.stringify(each).replaceAll('"__proto__"', '"__proto_"'));
        expect(JSON.stringify(readValue(bytes, 0, bytes.length, true))).toBe(JSON.stringify(plain));
        expect(() => decodeExactly(bytes)).not.toThrow();
      }),
    );
  });

  test('are refused with a TypeError where msgpack cannot say them', () => {
    const cycle: unknown[] = [];
    cycle.push(cycle);
    const endless = { __proto__: { toJSON: () => ({ ...endless, __proto__: endless }) } };
    const refused: readonly unknown[] = [
      () => 1,
      Symbol('s'),
      new Date(Number.NaN),
      2n ** 64n,
      -(2n ** 63n) - 1n,
      new ArrayBuffer(2),
      new Float32Array(1),
      new DataView(new ArrayBuffer(1)),
      cycle,
      endless,
    ];
    for (const each of [...refused, ...refused.map((inner) => new Map([[[{ inner }], 1]]))]) {
      expect(() => writeValue(new Uint8Array(100), 0, each)).toThrow(TypeError);
    }
  });

  test('may be nested as deep as a reader takes, and no deeper', () => {
    const nested = (levels: number, inner: unknown) => {
      let value = inner;
      for (let i = 0; i < levels; i++) value = i % 2 ? { value } : [value];
      return value;
    };
    for (const inner of [1, new Date(0), Uint8Array.of(1)]) {
      const bytes = valueBytes(nested(MAX_NESTING, inner));
      expect(readValue(bytes, 0, bytes.length, true)).toEqual(nested(MAX_NESTING, inner));
    }
    for (const inner of [[], {}, new Map(), new Set()]) {
      expect(() => valueBytes(nested(MAX_NESTING, inner))).toThrow(TypeError);
    }
  });

  test('stay apart where the getter of one has another written', () => {
    const outer = {
      a: 'outer',
      get b() {
        return [...valueBytes({ inner: 'another' })].length;
      },
      c: 'end',
    };
    expect(hex(valueBytes(outer))).toBe(hex(valueBytes({ a: 'outer', b: 15, c: 'end' })));
  });

  test.each([15, 16, 65_535, 65_536])('of %i items and members have the right counts', (count) => {
    const names = Array.from({ length: count }, (_, i) => i);
    for (const each of [names, Object.fromEntries(names.map((i) => [`k${i}`, i]))]) {
      expect(Buffer.compare(valueBytes(each), encodeValue(each))).toBe(0);
    }
  });
});
