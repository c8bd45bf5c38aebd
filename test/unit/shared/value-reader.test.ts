import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { Packr, Unpackr } from 'msgpackr';
import { describe, expect, it, vi } from 'vitest';
import { encodeValue } from '../../../shared/msgpack.ts';
import { MsgpackError, skipValue } from '../../../shared/msgpack-bytes.ts';
import { readValue } from '../../../shared/value-reader.ts';

const unpackr = new Unpackr({ useRecords: false, mapsAsObjects: true, int64AsType: 'number' });
const packr = new Packr({ useRecords: false, variableMapSize: true });
const fromHex = (hex: string) => Uint8Array.from(Buffer.from(hex, 'hex'));
const read = (bytes: Uint8Array, dates = true) => readValue(bytes, 0, bytes.length, dates);

/** Bytes that are msgpack more often than not: heads of all kinds with little behind them. */
const hostile = fc
  .array(
    fc.oneof(
      fc.integer({ min: 0x80, max: 0xa7 }),
      fc.integer({ min: 0xc0, max: 0xdf }),
      fc.integer({ min: 0, max: 8 }),
      fc.integer({ min: 0, max: 255 }),
    ),
    { maxLength: 24 },
  )
  .map((units) => Uint8Array.from(units));

describe('readValue', () => {
  it('reads any value as the library does that wrote it', () => {
    const value = fc.anything({
      withDate: true,
      withTypedArray: false,
      withNullPrototype: false,
      maxDepth: 4,
      key: fc.string({ unit: 'grapheme', maxLength: 40 }),
      values: [
        fc.boolean(),
        fc.integer(),
        fc.double(),
        fc.maxSafeInteger(),
        fc.string({ unit: 'grapheme', maxLength: 300 }),
        fc.constant(null),
        fc.date({ noInvalidDate: true, min: new Date('1800-01-01'), max: new Date('2900-01-01') }),
      ],
    });
    fc.assert(
      fc.property(value, (each) => {
        const bytes = Uint8Array.from(packr.pack(each));
        expect(read(bytes)).toEqual(unpackr.unpack(bytes));
      }),
    );
  });

  it('accepts exactly what the check of values accepts, and then reads what the library reads', () => {
    fc.assert(
      fc.property(hostile, fc.boolean(), (bytes, dates) => {
        let isValue = true;
        try {
          isValue = skipValue(bytes, 0, bytes.length, dates) === bytes.length;
        } catch {
          isValue = false;
        }
        let theirs: unknown;
        try {
          theirs = isValue && unpackr.unpack(bytes);
        } catch {
          isValue = false;
        }
        if (isValue) expect(read(bytes, dates)).toEqual(theirs);
        else expect(() => read(bytes, dates)).toThrow(MsgpackError);
      }),
      { numRuns: 5000 },
    );
  });

  it.each([
    ['d0ff', -1],
    ['d1ff00', -256],
    ['d280000000', -(2 ** 31)],
    ['d3ffffffffffffffff', -1],
    ['cfffffffffffffffff', 2 ** 64],
    ['ca3fc00000', 1.5],
    ['d6ff00000001', new Date(1000)],
    ['d7ff7735940000000001', new Date(1500)],
    ['c70cff1dcd6500ffffffffffffffff', new Date(-500)],
  ])('reads %s as %s', (hex, value) => {
    expect(read(fromHex(hex))).toEqual(value);
  });

  it('reads only its stretch of the bytes, and views of them where it holds bin', () => {
    const bytes = fromHex('ffc40207080a');
    const view = readValue(bytes, 1, 5, false) as Uint8Array;
    expect([...view]).toEqual([7, 8]);
    expect(view.buffer).toBe(bytes.buffer);
  });

  it('keeps maps from reaching the prototype, and reads keys apart that look alike', () => {
    const map = read(fromHex('81a95f5f70726f746f5f5f8101c3')) as object;
    expect(Object.getPrototypeOf(map)).toBe(Object.prototype);
    // Fewer places for known keys than keys: many share one.
    const keys = Array.from({ length: 5000 }, (_, i) => `k${i}`);
    for (const key of [...keys, 'é', 'Ã©', ...keys]) {
      expect(Object.keys(read(encodeValue({ [key]: 1 })) as object)).toEqual([key]);
    }
  });

  it('reads on rightly after a value that it refused', () => {
    for (let i = 0; i < 40; i++) expect(() => read(fromHex('9191c1'))).toThrow(MsgpackError);
    expect(read(fromHex('919101'))).toEqual([[1]]);
  });

  it('reads text where a polyfill has what Node calls the same, and reads no plain bytes with it', async () => {
    class Polyfill extends Uint8Array {
      utf8Slice(from: number, to: number): string {
        return this.toString().slice(from, to);
      }
    }
    vi.stubGlobal('Buffer', Polyfill);
    vi.resetModules();
    try {
      const anew = await import('../../../shared/value-reader.ts');
      const bytes = Uint8Array.of(0xad, ...new TextEncoder().encode('hello, world!'));
      expect(anew.readValue(bytes, 0, bytes.length, false)).toBe('hello, world!');
    } finally {
      vi.unstubAllGlobals();
    }
  });

  it('refuses as malformed what the runtime does not let it make', () => {
    const bytes = encodeValue({ taken: 1 });
    Object.defineProperty(Object.prototype, 'taken', { value: 0, writable: false, configurable: true });
    try {
      expect(() => read(bytes)).toThrow(expect.objectContaining({ cause: expect.any(TypeError) }));
      expect(() => read(bytes)).toThrow(MsgpackError);
    } finally {
      delete (Object.prototype as { taken?: number }).taken;
    }
  });

  it('keeps no bytes once it is done', async () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const kept = (() => {
      const bytes = Uint8Array.of(0xc3);
      read(bytes);
      return new WeakRef(bytes);
    })();
    await new Promise((resolve) => setImmediate(resolve));
    collect();
    expect(kept.deref()).toBeUndefined();
  });
});
