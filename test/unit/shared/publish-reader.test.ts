import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { msgpackCodec } from '../../../shared/codec.ts';
import { CLIENT_LAYOUTS, type Publish } from '../../../shared/frames.ts';
import { decodeValue, encodeValue } from '../../../shared/msgpack.ts';
import { readPublish } from '../../../shared/publish-reader.ts';
import { anyClientFields } from './wire-arbitraries.ts';

/** What the layouts make of it; undefined for what they refuse. */
function readByLayout(bytes: Uint8Array): unknown {
  try {
    const items = decodeValue(bytes, { timestamps: false });
    if (!Array.isArray(items) || items[0] !== 0x04) return undefined;
    return { op: 'publish', ...CLIENT_LAYOUTS.publish.kind.fromWire(items.slice(1), 'publish') };
  } catch {
    return undefined;
  }
}

const plain = (frame: unknown) => {
  const { entries, ...rest } = frame as Publish;
  const records = entries.flatMap((entry) =>
    entry.records.map(({ key, meta, payload }) => [
      entry.channel,
      key,
      meta,
      Buffer.from(payload).toString('base64'),
    ]),
  );
  return JSON.stringify([rest, entries.length, records]);
};
const encode = (fields: object) => msgpackCodec.encodeClient({ op: 'publish', ...fields } as Publish);
const usual = {
  id: 7,
  ack: 'memory',
  entries: [{ channel: 'a.b', records: [{ key: 'k', meta: null, payload: Buffer.of(1) }] }],
};

const anyAscii = (maxLength: number) => fc.stringMatching(/^[ -~]*$/).map((text) => text.slice(0, maxLength));
/** Most of them usual. */
const anyPublish = fc.record({
  id: fc.nat(2 ** 32 - 1),
  ack: fc.constantFrom('memory', 'disk'),
  entries: fc.array(
    fc.record({
      channel: anyAscii(255),
      records: fc.array(
        fc.record({
          key: fc.option(anyAscii(255)),
          meta: fc.constant(null),
          payload: fc
            .oneof(fc.nat(300), fc.constantFrom(255, 256, 65_535, 65_536))
            .map((length) => new Uint8Array(length).fill(7)),
        }),
        { minLength: 1, maxLength: 18 },
      ),
    }),
    { minLength: 1, maxLength: 20 },
  ),
});

describe('the quick way to read a publish', () => {
  it('takes the usual form, and gives what the layouts give', () => {
    const bytes = encode(usual);
    expect(plain(readPublish(bytes))).toBe(plain(readByLayout(bytes)));
    expect(plain(readPublish(bytes))).toContain('"a.b","k",null,"AQ=="');
  });

  it('gives what the layouts give, or leaves it to them, for any publish', () => {
    let taken = 0;
    fc.assert(
      fc.property(fc.oneof(anyPublish, anyClientFields.publish), (fields) => {
        const bytes = encode(fields);
        const frame = readPublish(bytes);
        if (!frame) return;
        taken++;
        expect(plain(frame)).toBe(plain(readByLayout(bytes)));
      }),
      { numRuns: 100 },
    );
    expect(taken).toBeGreaterThan(20);
  });

  it('never takes what the layouts refuse: any frame cut short or with bytes changed', () => {
    const bytes = encode({ ...usual, id: 70_000 });
    for (let end = 0; end < bytes.length; end++) expect(readPublish(bytes.subarray(0, end))).toBeUndefined();
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(bytes.length - 1), fc.nat(255)), { minLength: 1, maxLength: 3 }),
        (changes) => {
          const changed = Uint8Array.from(bytes);
          for (const [at, byte] of changes) changed[at] = byte;
          const frame = readPublish(changed);
          if (frame) expect(plain(frame)).toBe(plain(readByLayout(changed)));
        },
      ),
      { numRuns: 5000 },
    );
  });

  it.each([
    [
      'meta',
      {
        ...usual,
        entries: [{ channel: 'a', records: [{ key: null, meta: { a: 1 }, payload: Buffer.of(1) }] }],
      },
    ],
    ['a channel that is not ASCII', { ...usual, entries: [{ ...usual.entries[0]!, channel: 'ä' }] }],
    ['an id beyond 32 bits', { ...usual, id: 2 ** 40 }],
    ['more entries than allowed', { ...usual, entries: Array(1025).fill(usual.entries[0]) }],
    ['no entries', { ...usual, entries: [] }],
  ])('leaves %s to the layouts', (_what, fields) => {
    expect(readPublish(encode(fields))).toBeUndefined();
  });

  it('leaves other frames alone', () => {
    expect(readPublish(msgpackCodec.encodeClient({ op: 'ping', id: 4 }))).toBeUndefined();
    expect(readPublish(encodeValue([4]))).toBeUndefined();
    expect(readPublish(new Uint8Array(0))).toBeUndefined();
  });
});
