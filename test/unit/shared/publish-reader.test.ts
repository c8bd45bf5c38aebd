import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CLIENT_LAYOUTS } from '../../../shared/client-layouts.ts';
import { msgpackCodec } from '../../../shared/codec.ts';
import type { Publish } from '../../../shared/frames.ts';
import { decodeValue, encodeValue } from '../../../shared/msgpack.ts';
import { readPublish } from '../../../shared/publish-reader.ts';
import { wireForm } from '../../../shared/wire-kinds.ts';
import { anyClientFields } from './wire-arbitraries.ts';

/** What the layouts make of it; undefined for what they refuse. */
function readByLayout(bytes: Uint8Array): unknown {
  try {
    const items = decodeValue(bytes, { timestamps: false });
    if (!Array.isArray(items) || items[0] !== 0x04) return undefined;
    return { op: 'publish', ...CLIENT_LAYOUTS.publish.kind.read(items.slice(1), 'publish', wireForm) };
  } catch {
    return undefined;
  }
}

const plain = (frame: unknown) => {
  const { entries, ...rest } = frame as Publish;
  const plainEntries = entries.map(({ records, ...entry }) => ({
    ...entry,
    records: records.map(({ key, meta, payload }) => [key, meta, Buffer.from(payload).toString('base64')]),
  }));
  return JSON.stringify([rest, plainEntries]);
};
const encode = (fields: object) => msgpackCodec.encodeClient({ op: 'publish', ...fields } as Publish);
const usual = {
  id: 7,
  ack: 'memory',
  entries: [{ channel: 'a.b', records: [{ key: 'k', meta: null, payload: Buffer.of(1) }] }],
};
const withEntry = (part: object) => ({ ...usual, entries: [{ ...usual.entries[0]!, ...part }] });

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
      sequence: fc.option(fc.nat(2 ** 32 - 1), { nil: undefined }),
      first: fc.option(fc.boolean(), { nil: undefined }),
    }),
    { minLength: 1, maxLength: 20 },
  ),
});

describe('the quick way to read a publish', () => {
  it('takes the usual form, and gives what the layouts give', () => {
    const bytes = encode(usual);
    expect(plain(readPublish(bytes))).toBe(plain(readByLayout(bytes)));
    expect(plain(readPublish(bytes))).toContain('"channel":"a.b","records":[["k",null,"AQ=="]]');
  });

  it.each<[string, object]>([
    ['a sequence', { sequence: 7 }],
    ['a sequence of 32 bits', { sequence: 2 ** 32 - 1 }],
    ['a sequence that is flagged first', { sequence: 1, first: true }],
    ['a sequence that is flagged not first', { sequence: 70_000, first: false }],
  ])('takes an entry with %s', (_what, part) => {
    const bytes = encode({ ...usual, entries: [{ ...usual.entries[0]!, ...part }, usual.entries[0]!] });
    const frame = readPublish(bytes);
    expect(frame?.entries[0]).toMatchObject(part);
    expect(Object.keys(frame!.entries[1]!)).toEqual(['channel', 'records']);
    expect(plain(frame)).toBe(plain(readByLayout(bytes)));
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
      { numRuns: 300 },
    );
    expect(taken).toBeGreaterThan(20);
  });

  it('never takes what the layouts refuse: any frame cut short or with bytes changed', () => {
    const entries = [{ ...usual.entries[0]!, sequence: 300, first: true }];
    const bytes = encode({ ...usual, entries, id: 70_000 });
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
    ['a resent frame', { ...usual, firstSentMs: 1 }],
    ['an expected cursor', withEntry({ sequence: 1, first: true, expectedCursor: { epoch: 1, offset: 2 } })],
    ['an expected cursor alone', withEntry({ expectedCursor: { epoch: 1, offset: 2 } })],
    ['a sequence beyond 32 bits', withEntry({ sequence: 2 ** 32 })],
    ['first without a sequence', withEntry({ first: true })],
    ['more entries than allowed', { ...usual, entries: Array(1025).fill(usual.entries[0]) }],
    ['no entries', { ...usual, entries: [] }],
  ])('leaves %s to the layouts', (_what, fields) => {
    expect(readPublish(encode(fields))).toBeUndefined();
  });

  it('leaves an entry with elements of a later version to the layouts, which pass them over', () => {
    const entry = ['a.b', [['k', null, Buffer.of(1)]], 1, true, null, 'later'];
    const bytes = encodeValue([4, 7, 'memory', [entry]]);
    expect(readPublish(bytes)).toBeUndefined();
    expect(plain(readByLayout(bytes))).toBe(
      plain({ op: 'publish', ...withEntry({ sequence: 1, first: true }) }),
    );
  });

  it('leaves other frames alone', () => {
    expect(readPublish(msgpackCodec.encodeClient({ op: 'ping', id: 4 }))).toBeUndefined();
    expect(readPublish(encodeValue([4]))).toBeUndefined();
    expect(readPublish(new Uint8Array(0))).toBeUndefined();
  });
});
