import fc from 'fast-check';
import { Packr } from 'msgpackr';
import { describe, expect, it } from 'vitest';
import { decodeExactly, decodeValue, encodeValue } from '../../../shared/msgpack.ts';
import { MsgpackError } from '../../../shared/msgpack-bytes.ts';
import { anyText, anyUint, plain } from './wire-arbitraries.ts';

describe('encodeValue and decodeValue', () => {
  it('say no to what msgpack cannot say, with a TypeError', () => {
    const cycle: unknown[] = [];
    cycle.push(cycle);
    let deep: unknown = 1;
    for (let i = 0; i < 100_000; i++) deep = [deep];
    const refused: Record<string, unknown> = {
      'a cycle': cycle,
      'nested 100,000 deep': deep,
      'a function': () => 1,
      'a function inside': { f: () => 1 },
      'a symbol': Symbol('s'),
      'an integer beyond 64 bits': 2n ** 70n,
      'an invalid date': new Date(Number.NaN),
    };
    for (const [what, value] of Object.entries(refused)) {
      expect(() => encodeValue(value), what).toThrow(TypeError);
    }
    expect(decodeValue(encodeValue({ still: 'works' }), { timestamps: false })).toEqual({ still: 'works' });
  });

  it('say no to memory that is not bytes, of which the library would send other memory', () => {
    for (const value of [
      new ArrayBuffer(2),
      new Float32Array(1),
      new Uint16Array(1),
      new DataView(new ArrayBuffer(2)),
    ]) {
      expect(() => encodeValue(value)).toThrow(TypeError);
      expect(() => encodeValue({ inside: [value] })).toThrow(TypeError);
    }
    expect(plain(encodeValue(Uint8Array.of(1)))).toEqual({ hex: 'c40101' });
    expect(plain(encodeValue(Buffer.of(1)))).toEqual({ hex: 'c40101' });
  });

  it('take Date as the timestamp, Uint8Array as bin, undefined as nil', () => {
    const date = new Date(1_732_380_600_123);
    const value = { date, bytes: Uint8Array.of(1, 2), nothing: undefined };
    const read = decodeValue(encodeValue(value), { timestamps: true }) as typeof value;
    expect(plain(read.bytes)).toEqual({ hex: '0102' });
    expect(read.date.getTime()).toBe(date.getTime());
    expect(read.nothing).toBeNull();
    expect(() => decodeValue(encodeValue(value), { timestamps: false })).toThrow(MsgpackError);
  });

  it('the bytes of a value are its own, and stay as they are while others are encoded', () => {
    const first = encodeValue({ a: 'first' });
    expect(first.buffer.byteLength).toBe(first.length);
    const before = Buffer.from(first).toString('hex');
    for (let i = 0; i < 10_000; i++) encodeValue({ a: `other ${i}` });
    expect(Buffer.from(first).toString('hex')).toBe(before);
  });

  it('what any other packer made of a value is read as that value', () => {
    const other = new Packr({ useRecords: false, variableMapSize: false });
    fc.assert(
      fc.property(anyText(40), anyUint, (text, number) => {
        const value = { [`k${text}`]: [number, -number - 1, text, null, true, 0.5] };
        expect(decodeValue(other.pack(value), { timestamps: false })).toEqual(value);
      }),
    );
  });
});

describe('decodeExactly', () => {
  it('keeps what decodeValue would round or rename: maps with any key, 64-bit integers', () => {
    const read = (hex: string) => decodeExactly(Buffer.from(hex, 'hex'));
    expect(read('8101a161')).toEqual(new Map([[1, 'a']]));
    expect(read('81a95f5f70726f746f5f5f01')).toEqual(new Map([['__proto__', 1]]));
    expect(read('cfffffffffffffffff')).toBe(2n ** 64n - 1n);
    expect(read('d6ff00000001')).toEqual(new Date(1000));
  });

  it.each(['', '0102', '92', 'd40100', 'c1'])('throws MsgpackError for "%s"', (hex) => {
    expect(() => decodeExactly(Buffer.from(hex, 'hex'))).toThrow(MsgpackError);
  });
});
