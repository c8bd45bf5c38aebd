import { describe, expect, it } from 'vitest';
import { CLIENT_LAYOUTS } from '../../../shared/client-layouts.ts';
import { jsonCodec, msgpackCodec } from '../../../shared/codec.ts';
import { encodeValue } from '../../../shared/msgpack.ts';
import { expectRefused, json, MiB } from './expect-refused.ts';

const NOT_UINT = [null, -1, 1.5, 2 ** 53, 1e300, '1', true, [], {}];
const NOT_TEXT = [5, true, [], {}];
const NOT_FROM = [
  null,
  'newest',
  5,
  [],
  ['latest'],
  {},
  { last: -1 },
  { last: '1' },
  { last: null },
  { since: 1.5 },
  { cursor: 5 },
  { cursor: '3' },
  { cursor: '03-1' },
  { cursor: '9007199254740992-1' },
  { cursor: null },
  { state: 5 },
  { state: '3' },
  { state: null },
  { state: {} },
  { cursor: '1-2', state: '1-2', upTo: '1-2' },
  { state: '1-2' },
  { state: '1-2', upTo: '3' },
  { last: 1, since: 1 },
];
const NOT_CURSOR = [5, 'x', '', '1-', '-1', '1-2-3', ' 1-2', '1-2\n', [], {}];
const NOT_FLAG = [1, 0, 'true', [], {}];
/** An entry of a publish, without what a producer adds. */
const ENTRY = ['c', [[null, null, Buffer.of(1)]]];

/** A good value of each field, and values that it must not have. */
const fields: Record<string, Record<string, [good: unknown, bad: unknown[]]>> = {
  hello: {
    token: ['t', [...NOT_TEXT, 'x'.repeat(16_385)]],
    client: ['c', [...NOT_TEXT, 'x'.repeat(129)]],
    features: [[], [null, 'x', 5, {}, [5], [null], ['x'.repeat(129)], Array(65).fill('f')]],
    producerId: ['p', [...NOT_TEXT, 'x'.repeat(129)]],
  },
  subscribe: {
    id: [1, NOT_UINT],
    channel: ['c', [null, ...NOT_TEXT, 'x'.repeat(1025)]],
    from: ['latest', NOT_FROM],
    options: [{}, ['x', 5, true, []]],
  },
  unsubscribe: { id: [1, NOT_UINT], channelNumber: [1, NOT_UINT] },
  publish: {
    id: [1, NOT_UINT],
    ack: ['disk', [null, 'none', 'DISK', '', 1, []]],
    entries: [
      [ENTRY],
      [
        null,
        'x',
        5,
        {},
        [],
        [null],
        [5],
        ['c'],
        [['c', []]],
        ...NOT_UINT.slice(1).map((bad) => [[...ENTRY, bad]]),
        ...NOT_FLAG.map((bad) => [[...ENTRY, 1, bad]]),
        ...NOT_CURSOR.map((bad) => [[...ENTRY, 1, true, bad]]),
        Array(1025).fill(ENTRY),
      ],
    ],
    firstSentMs: [1, NOT_UINT.slice(1)],
  },
  pull: {
    id: [1, NOT_UINT],
    channel: ['c', [null, ...NOT_TEXT, 'x'.repeat(1025)]],
    from: ['latest', NOT_FROM],
    limit: [1, NOT_UINT.slice(1)],
    reverse: [true, NOT_FLAG],
    upTo: ['1-2', NOT_CURSOR],
    durable: [true, NOT_FLAG],
  },
  credit: { channelNumber: [1, NOT_UINT], bytes: [1, NOT_UINT] },
  refresh: { id: [1, NOT_UINT], token: ['t', [null, ...NOT_TEXT, 'x'.repeat(16_385)]] },
  ping: { id: [1, NOT_UINT] },
};

/** Where a good value differs between the forms. */
const jsonSample = (op: string) =>
  op === 'publish' ? { entries: [{ channel: 'c', records: [{ data: 1 }] }] } : {};

describe('a field of a wrong type makes a bad-frame', () => {
  it('every field of every client frame is in the table', () => {
    const codecNames = (op: string) => {
      const sample = Object.fromEntries(Object.entries(fields[op]!).map(([name, [good]]) => [name, good]));
      const { op: _, ...decoded } = jsonCodec.decodeClient(json({ op, ...sample, ...jsonSample(op) }));
      return Object.keys(decoded);
    };
    expect(Object.keys(fields).sort()).toEqual(Object.keys(CLIENT_LAYOUTS).sort());
    for (const op of Object.keys(fields)) expect(Object.keys(fields[op]!)).toEqual(codecNames(op));
  });

  const cases = Object.entries(fields).flatMap(([op, table]) =>
    Object.keys(table).map((name) => [op, name] as const),
  );

  it.each(cases)('%s.%s', (op, name) => {
    const table = fields[op]!;
    const opcode = CLIENT_LAYOUTS[op as keyof typeof CLIENT_LAYOUTS].opcode;
    const names = Object.keys(table);
    const items = names.map((n) => table[n]![0]);
    expect(msgpackCodec.decodeClient(encodeValue([opcode, ...items])).op).toBe(op);
    const isNumber = typeof table[name]![0] === 'number';
    const more = isNumber ? [Number.NaN, Number.POSITIVE_INFINITY] : [];
    for (const bad of [...table[name]![1], ...more, new Uint8Array([1])]) {
      const withBad = names.map((n, i) => (n === name ? bad : items[i]));
      expectRefused(
        () => msgpackCodec.decodeClient(encodeValue([opcode, ...withBad])),
        'bad-frame',
        String(bad),
      );
    }
    for (const bad of table[name]![1]) {
      const good = { ...Object.fromEntries(names.map((n, i) => [n, items[i]])), ...jsonSample(op) };
      const object = { ...good, [name]: bad };
      expectRefused(() => jsonCodec.decodeClient(json({ op, ...object })), 'bad-frame', String(bad));
    }
  });

  it.each<[string, object]>([
    ['a sequence that is text', { sequence: '1' }],
    ['a sequence below 0', { sequence: -1 }],
    ['a number for first', { sequence: 1, first: 1 }],
    ['a condition that is no cursor', { expectedCursor: '3' }],
    ['a condition in parts', { expectedCursor: { epoch: 1, offset: 2 } }],
  ])('a JSON entry with %s', (_, part) => {
    const entry = { channel: 'c', records: [{ data: 1 }] };
    const frame = (more: object) =>
      json({ op: 'publish', id: 1, ack: 'memory', entries: [{ ...entry, ...more }] });
    expect(jsonCodec.decodeClient(frame({})).op).toBe('publish');
    expectRefused(() => jsonCodec.decodeClient(frame(part)), 'bad-frame');
  });

  const payload = encodeValue(1);
  it.each<[string, unknown]>([
    ['not an array', 'x'],
    ['a map', { key: null }],
    ['empty', []],
    ['without a payload', [null, null]],
    ['with text for a payload', [null, null, 'x']],
    ['with an array for a payload', [null, null, [1]]],
    ['with a number for a key', [5, null, payload]],
    ['with a key of 1,025 units', ['k'.repeat(1025), null, payload]],
    ['with an array for meta', [null, ['a'], payload]],
    ['with text for meta', [null, 'a', payload]],
    ['with a map in meta', [null, { a: {} }, payload]],
    ['with nil in meta', [null, { a: null }, payload]],
    ['with NaN in meta', [null, { a: Number.NaN }, payload]],
    [
      'with 17 entries in meta',
      [null, Object.fromEntries(Array.from({ length: 17 }, (_, i) => [i, i])), payload],
    ],
    ['with a MiB for a name in meta', [null, { ['m'.repeat(MiB)]: null }, payload]],
  ])('a record %s', (_, record) => {
    expectRefused(
      () => msgpackCodec.decodeClient(encodeValue([4, 1, 'memory', [['c', [record]]]])),
      'bad-frame',
    );
  });

  it.each<[string, unknown]>([
    ['not an object', 'x'],
    ['an array', [null, null, 'x']],
    ['without data', { key: 'k' }],
    ['with a number for a key', { key: 5, data: 1 }],
    ['with an array for meta', { meta: [], data: 1 }],
    ['with null in meta', { meta: { a: null }, data: 1 }],
    ['with base64 that is none', { payloadBase64: 'a*b=' }],
  ])('a JSON record %s', (_, record) => {
    const frame = { op: 'publish', id: 1, ack: 'memory', entries: [{ channel: 'c', records: [record] }] };
    expectRefused(() => jsonCodec.decodeClient(json(frame)), 'bad-frame');
  });

  it('more records in one entry than allowed', () => {
    const records = Array(65_537).fill([null, null, new Uint8Array(0)]);
    expectRefused(
      () => msgpackCodec.decodeClient(encodeValue([4, 1, 'memory', [['c', records]]])),
      'bad-frame',
    );
  });
});
