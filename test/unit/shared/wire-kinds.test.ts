import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { jsonForm, payloadToJson } from '../../../shared/json-form.ts';
import { encodeValue } from '../../../shared/msgpack.ts';
import { recordInput } from '../../../shared/record-input.ts';
import type { RecordInput } from '../../../shared/terms.ts';
import { meta, wireForm } from '../../../shared/wire-kinds.ts';
import { anyJson, anyMsgpackBytes, anyPayload, plain } from './wire-arbitraries.ts';

const fromHex = (hex: string) => Uint8Array.from(Buffer.from(hex.replaceAll(' ', ''), 'hex'));

describe('payloadToJson', () => {
  it('gives the value where JSON can say it', () => {
    fc.assert(
      fc.property(anyJson, (value) => {
        const shown = payloadToJson(encodeValue(value));
        expect(JSON.parse(JSON.stringify(shown))).toEqual({ data: value });
      }),
    );
  });

  it.each<[string, string, unknown]>([
    ['a uint64 below 2^53', 'cf 00 1f ff ff ff ff ff ff', 2 ** 53 - 1],
    ['an int64 above −2^53', 'd3 ff e0 00 00 00 00 00 01', -(2 ** 53) + 1],
    ['a float64 beyond 2^53', 'cb 43 f0 00 00 00 00 00 00', 2 ** 64],
    ['a float32', 'ca 3f 00 00 00', 0.5],
    ['a map in a longer form', 'de 00 01 d9 01 61 dc 00 01 01', { a: [1] }],
  ])('gives the value of %s', (_, hex, data) => {
    expect(payloadToJson(fromHex(hex))).toEqual({ data });
  });

  it.each<[string, string]>([
    ['bin', 'c4 02 de ad'],
    ['bin inside', '91 c4 01 00'],
    ['a timestamp', 'd6 ff 00 00 00 00'],
    ['a uint64 from 2^53 on, which a number would round', 'cf 00 20 00 00 00 00 00 01'],
    ['an int64 from −2^53 on', '91 d3 80 00 00 00 00 00 00 00'],
    ['NaN', 'cb 7f f8 00 00 00 00 00 00'],
    ['an infinity', '81 a1 61 cb 7f f0 00 00 00 00 00 00'],
    ['−0, which JSON.stringify would make 0', 'cb 80 00 00 00 00 00 00 00'],
    ['a map with an integer key, which would become text', '81 01 a1 61'],
    ['a map with a nil key', '81 c0 01'],
    ['a map with an array for a key', '81 91 01 01'],
    ['no value at all', ''],
    ['half a value', '92 01'],
    ['two values', '01 02'],
    ['an extension type', 'd4 01 00'],
    ['a value 33 deep', `${'91'.repeat(33)}01`],
  ])('gives the bytes of %s', (_, hex) => {
    const payload = fromHex(hex);
    expect(payloadToJson(payload)).toEqual({ payloadBase64: Buffer.from(payload).toString('base64') });
  });

  it('never throws, and never shows a value that JSON changes', () => {
    fc.assert(
      fc.property(fc.oneof(anyMsgpackBytes, fc.uint8Array({ maxLength: 40 })), (payload) => {
        const shown = payloadToJson(payload);
        if ('payloadBase64' in shown) {
          expect(plain(Buffer.from(shown.payloadBase64, 'base64'))).toEqual(plain(payload));
        } else {
          expect(JSON.parse(JSON.stringify(shown))).toEqual(shown);
        }
      }),
      { numRuns: 2000 },
    );
  });

  it('copes with a payload as large as a frame', () => {
    const payload = new Uint8Array(2 ** 20).fill(0xc1);
    expect(payloadToJson(payload)).toEqual({ payloadBase64: Buffer.from(payload).toString('base64') });
  });
});

describe('a record to publish', () => {
  it('comes back from JSON with its payload byte for byte, if this project encoded it', () => {
    fc.assert(
      fc.property(anyPayload, (payload) => {
        const record: RecordInput = { key: 'k', meta: { a: 1 }, payload };
        const json = JSON.parse(JSON.stringify(recordInput.write(record, jsonForm)));
        expect(plain(recordInput.read(json, 'r', jsonForm))).toEqual(plain(record));
      }),
    );
  });

  it('takes payloadBase64 before data, and null for a payload too', () => {
    const both = recordInput.read({ data: 1, payloadBase64: 'xALerQ==' }, 'r', jsonForm);
    expect(plain(both.payload)).toEqual({ hex: 'c402dead' });
    expect(plain(recordInput.read({ data: null }, 'r', jsonForm).payload)).toEqual({ hex: 'c0' });
  });

  it('needs neither key nor meta', () => {
    expect(recordInput.read({ data: 1 }, 'r', jsonForm)).toMatchObject({ key: null, meta: null });
    expect(recordInput.read([null, null, encodeValue(1)], 'r', wireForm)).toMatchObject({
      key: null,
      meta: null,
    });
  });
});

describe('meta', () => {
  it('may have 16 entries, and not 17', () => {
    const entries = (count: number) =>
      Object.fromEntries(Array.from({ length: count }, (_, i) => [`m${i}`, i]));
    expect(meta.read(entries(16), 'meta', wireForm)).toEqual(entries(16));
    expect(() => meta.read(entries(17), 'meta', wireForm)).toThrow(
      expect.objectContaining({ code: 'bad-frame' }),
    );
  });
});
