import fc from 'fast-check';
import { Unpackr } from 'msgpackr';
import { describe, expect, it } from 'vitest';
import { decodeExactly, encodeValue } from '../../../shared/msgpack.ts';
import {
  binHeaderBytes,
  MAX_NESTING,
  MsgpackError,
  maxTextBytes,
  readText,
  readUint16,
  readUint32,
  readUint64,
  skipValue,
  writeBinHeader,
  writeText,
  writeUint,
  writeUint32,
  writeUint64,
} from '../../../shared/msgpack-bytes.ts';
import { anyMsgpackBytes, anyText, anyUint, UINT_BORDERS } from './wire-arbitraries.ts';

/** msgpackr as anyone would use it, beside the project's own configuration. */
const library = new Unpackr({ useRecords: false, int64AsType: 'number' });

function written(write: (bytes: Uint8Array, at: number) => number, room: number): Uint8Array {
  const bytes = new Uint8Array(room + 8).fill(0xaa);
  const end = write(bytes, 3);
  expect(end - 3).toBeLessThanOrEqual(room);
  expect(bytes.subarray(0, 3)).toEqual(new Uint8Array(3).fill(0xaa));
  expect(bytes.subarray(end).every((byte) => byte === 0xaa)).toBe(true);
  return bytes.slice(3, end);
}

/** A view whose every index that is read is noted. */
function watched(bytes: Uint8Array): { view: Uint8Array; highest: () => number } {
  let highest = -1;
  const view = new Proxy(bytes, {
    get(target, name) {
      if (typeof name === 'string' && /^\d+$/.test(name)) highest = Math.max(highest, Number(name));
      return Reflect.get(target, name, target);
    },
  });
  return { view, highest: () => highest };
}

describe('writeUint', () => {
  const shortest = (value: number) =>
    value < 0x80 ? 1 : value < 0x100 ? 2 : value < 0x10000 ? 3 : value < 2 ** 32 ? 5 : 9;

  it.each(UINT_BORDERS)('writes %d in its shortest form, and a library reads it back', (value) => {
    const bytes = written((out, at) => writeUint(out, at, value), 9);
    expect(bytes.length).toBe(shortest(value));
    expect(library.unpack(bytes)).toBe(value);
  });

  it('does so for any integer below 2^53', () => {
    fc.assert(
      fc.property(anyUint, (value) => {
        const bytes = written((out, at) => writeUint(out, at, value), 9);
        expect(bytes.length).toBe(shortest(value));
        expect(library.unpack(bytes)).toBe(value);
      }),
    );
  });
});

describe('fixed-size integers', () => {
  it('come back, and lie big-endian', () => {
    fc.assert(
      fc.property(anyUint, (value) => {
        const bytes = new Uint8Array(8);
        writeUint64(bytes, 0, value);
        expect(readUint64(bytes, 0)).toBe(value);
        expect(new DataView(bytes.buffer).getBigUint64(0)).toBe(BigInt(value));
        const low = value % 2 ** 32;
        writeUint32(bytes, 2, low);
        expect(readUint32(bytes, 2)).toBe(low);
        expect(new DataView(bytes.buffer).getUint32(2)).toBe(low);
        expect(readUint16(bytes, 2)).toBe(new DataView(bytes.buffer).getUint16(2));
      }),
    );
  });
});

describe('writeText and readText', () => {
  const ROUND = [0, 1, 23, 24, 31, 32, 85, 86, 255, 256, 21_845, 65_535];

  it.each(ROUND)('ASCII of %d bytes', (length) => {
    const text = 'k'.repeat(length);
    const bytes = written((out, at) => writeText(out, at, text), maxTextBytes(text));
    expect(library.unpack(bytes)).toBe(text);
    expect(bytes.length).toBe(length + (length < 32 ? 1 : length < 256 ? 2 : 3));
  });

  it('any text, of one to four bytes a character', () => {
    fc.assert(
      fc.property(anyText(600), (text) => {
        const bytes = written((out, at) => writeText(out, at, text), maxTextBytes(text));
        expect(library.unpack(bytes)).toBe(text);
        const encoded = new TextEncoder().encode(text);
        expect(readText(encoded, 0, encoded.length)).toBe(text);
      }),
    );
  });

  it('text that becomes longer than 31 bytes only as UTF-8 gets the longer header', () => {
    const text = 'é'.repeat(16);
    const bytes = written((out, at) => writeText(out, at, text), maxTextBytes(text));
    expect([bytes[0], bytes[1]]).toEqual([0xd9, 32]);
  });

  it.each(['ff', 'c328', 'eda080', `${'61'.repeat(40)}ff`])('bytes that are not UTF-8 throw: %s', (hex) => {
    const bytes = Buffer.from(hex, 'hex');
    expect(() => readText(bytes, 0, bytes.length)).toThrow(MsgpackError);
  });
});

describe('writeBinHeader', () => {
  it.each([
    [0, 'c400'],
    [255, 'c4ff'],
    [256, 'c50100'],
    [65_535, 'c5ffff'],
    [65_536, 'c600010000'],
    [2 ** 32 - 1, 'c6ffffffff'],
  ])('of %d bytes', (length, hex) => {
    const bytes = written((out, at) => writeBinHeader(out, at, length), 5);
    expect(Buffer.from(bytes).toString('hex')).toBe(hex);
    expect(binHeaderBytes(length)).toBe(bytes.length);
  });
});

describe('skipValue', () => {
  it('ends where the value ends, in every encoding, whatever follows', () => {
    fc.assert(
      fc.property(anyMsgpackBytes, fc.uint8Array({ maxLength: 5 }), (value, behind) => {
        const bytes = Uint8Array.from([...value, ...behind]);
        expect(skipValue(bytes, 0, bytes.length, true)).toBe(value.length);
        expect(() => decodeExactly(value)).not.toThrow();
      }),
      { numRuns: 1000 },
    );
  });

  it('ends where msgpackr’s own encoding of a value ends', () => {
    fc.assert(
      fc.property(fc.anything({ withTypedArray: false, maxDepth: 4 }), (value) => {
        let bytes: Uint8Array;
        try {
          bytes = encodeValue(value);
        } catch {
          return; // Not for msgpack.
        }
        expect(skipValue(bytes, 0, bytes.length, true)).toBe(bytes.length);
      }),
    );
  });

  it('throws for every cut of a value, and reads nothing beyond the end', () => {
    fc.assert(
      fc.property(anyMsgpackBytes, (value) => {
        for (let end = 0; end < value.length; end++) {
          const { view, highest } = watched(value);
          expect(() => skipValue(view, 0, end, true), `cut at ${end}`).toThrow(MsgpackError);
          expect(highest(), `cut at ${end}`).toBeLessThan(end);
        }
      }),
      { numRuns: 300 },
    );
  });

  it('on random bytes throws MsgpackError or stays within them, and msgpackr can read what it passed', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 48 }), (bytes) => {
        const { view, highest } = watched(bytes);
        let end: number;
        try {
          end = skipValue(view, 0, bytes.length, true);
        } catch (error) {
          expect(error).toBeInstanceOf(MsgpackError);
          return;
        } finally {
          expect(highest()).toBeLessThan(bytes.length);
        }
        expect(end).toBeGreaterThan(0);
        expect(end).toBeLessThanOrEqual(bytes.length);
        expect(() => decodeExactly(bytes.subarray(0, end))).not.toThrow();
      }),
      { numRuns: 5000 },
    );
  });

  it('allows 32 levels and no more', () => {
    const deep = (levels: number) => Uint8Array.from([...new Array(levels).fill(0x91), 0xc0]);
    expect(skipValue(deep(MAX_NESTING), 0, MAX_NESTING + 1)).toBe(MAX_NESTING + 1);
    expect(() => skipValue(deep(MAX_NESTING + 1), 0, MAX_NESTING + 2)).toThrow(MsgpackError);
  });

  it('allows the three timestamps where asked to, and no other extension type', () => {
    const stamps = ['d6ff00000000', `d7ff${'00'.repeat(8)}`, `c70cff${'00'.repeat(12)}`];
    for (const hex of stamps) {
      const bytes = Buffer.from(hex, 'hex');
      expect(skipValue(bytes, 0, bytes.length, true)).toBe(bytes.length);
      expect(() => skipValue(bytes, 0, bytes.length)).toThrow(MsgpackError);
    }
    const others = [
      'c1',
      'd4ff00',
      'd5ff0000',
      'd60100000000',
      'd77200000000000000000',
      `d8ff${'00'.repeat(16)}`,
    ];
    const sized = [
      `c70bff${'00'.repeat(11)}`,
      `c70c01${'00'.repeat(12)}`,
      `c8000cff${'00'.repeat(12)}`,
      'c900000001ff00',
    ];
    for (const hex of [...others, ...sized]) {
      const bytes = Buffer.from(hex, 'hex');
      expect(() => skipValue(bytes, 0, bytes.length, true), hex).toThrow(MsgpackError);
    }
  });

  it.each(['dd', 'df'])('refuses a length that cannot fit (%s) before it walks anything', (head) => {
    const bytes = Uint8Array.from([...Buffer.from(`${head}7fffffff`, 'hex'), ...new Uint8Array(100)]);
    const { view, highest } = watched(bytes);
    expect(() => skipValue(view, 0, bytes.length)).toThrow(MsgpackError);
    expect(highest()).toBe(4);
  });
});
