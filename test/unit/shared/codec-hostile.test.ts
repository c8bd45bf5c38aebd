import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Codec, jsonCodec, msgpackCodec } from '../../../shared/codec.ts';
import { RingcastError } from '../../../shared/errors.ts';
import { encodeValue } from '../../../shared/msgpack.ts';
import { MAX_NESTING, MsgpackError } from '../../../shared/msgpack-bytes.ts';
import { RunReader } from '../../../shared/record-run.ts';
import { expectRefused, hex, json, MiB } from './expect-refused.ts';
import { runOf } from './wire-arbitraries.ts';

const nested = (depth: number, inner: unknown = 1) => {
  let value = inner;
  for (let i = 0; i < depth; i++) value = [value];
  return value;
};

const malformed: Record<string, Uint8Array> = {
  'no bytes at all': hex(''),
  'an array without elements': hex('90'),
  nil: hex('c0'),
  'an integer': hex('08'),
  'a map': hex('81 a2 6f 70 a4 70 69 6e 67'),
  'a string': hex('a4 70 69 6e 67'),
  'an array16 cut in its length': hex('dc 00'),
  'an array32 that claims 4,294,967,295 elements': hex('dd ff ff ff ff 08 01'),
  'a str32 that claims 4 GiB': hex('92 08 db ff ff ff ff'),
  'a bin32 that claims 4 GiB': hex('92 08 c6 ff ff ff ff'),
  'a map32 that claims 4,294,967,295 pairs': hex('92 08 df ff ff ff ff'),
  'an array32 inside that claims more elements than bytes': hex('92 08 dd 00 00 00 05 01'),
  'a frame with a byte behind it': hex('92 08 01 00'),
  'two frames in one message': hex('92 08 01 92 08 02'),
  'an integer cut short': hex('92 08 cf 00 00'),
  'the byte that msgpack never uses': hex('92 08 c1'),
  'a fixext1': hex('92 08 d4 01 00'),
  'a fixext16': hex(`92 08 d8 01 ${'00'.repeat(16)}`),
  'an ext8': hex('92 08 c7 01 05 00'),
  'an ext32 that claims 4 GiB': hex('92 08 c9 ff ff ff ff 01'),
  'msgpackr’s record definition': hex('92 08 d4 72 40'),
  'msgpackr’s bundled strings': hex('92 08 d6 62 00 00 00 01'),
  'a timestamp, which only payloads may hold': hex('92 08 d6 ff 00 00 00 00'),
  'arrays 33 deep': encodeValue(nested(MAX_NESTING + 1, 8)),
  'options 33 deep': encodeValue([2, 1, 'c', 'latest', { deep: nested(MAX_NESTING - 1) }]),
  'arrays 100,000 deep': new Uint8Array(100_000).fill(0x91),
  'maps 100,000 deep': Uint8Array.from({ length: 200_000 }, (_, i) => (i % 2 ? 0xa0 : 0x81)),
  'a MiB of array headers': new Uint8Array(MiB).fill(0xdd),
  'a map whose key is an array': hex('95 02 01 a1 63 a6 6c 61 74 65 73 74 81 91 01 01'),
};

describe('a malformed msgpack frame is refused quickly, as bad-frame', () => {
  it.each(Object.entries(malformed))('%s', (_, bytes) => {
    expectRefused(() => msgpackCodec.decodeClient(bytes), 'bad-frame');
    expectRefused(() => msgpackCodec.decodeServer(bytes), 'bad-frame');
  });

  it('32 levels are no error: the bound is where it is said to be', () => {
    const bytes = encodeValue([2, 1, 'c', 'latest', { deep: nested(MAX_NESTING - 2) }]);
    expect(msgpackCodec.decodeClient(bytes)).toMatchObject({ op: 'subscribe' });
  });

  it('every cut of a good frame', () => {
    const good = encodeValue([4, 300, 'disk', [['orders', [['key', { a: 1 }, encodeValue({ x: [1, 2] })]]]]]);
    expect(msgpackCodec.decodeClient(good)).toMatchObject({ op: 'publish' });
    for (let length = 0; length < good.length; length++) {
      expectRefused(
        () => msgpackCodec.decodeClient(good.subarray(0, length)),
        'bad-frame',
        `cut at ${length}`,
      );
    }
  });
});

const malformedJson: Record<string, Uint8Array> = {
  'no bytes at all': json(''),
  'an array': json('[8,1]'),
  null: json('null'),
  'a number': json('8'),
  'a string': json('"ping"'),
  'an object cut short': json('{"op":"ping","id":1'),
  'an object with text behind it': json('{"op":"ping","id":1}x'),
  'two objects': json('{"op":"ping","id":1}{"op":"ping","id":2}'),
  'bytes that are not UTF-8': Uint8Array.from([...json('{"op":"'), 0xff, ...json('"}')]),
  'arrays 100,000 deep': json('['.repeat(100_000)),
  'closed arrays 100,000 deep': json(`${'['.repeat(100_000)}${']'.repeat(100_000)}`),
  'a payload 100,000 deep': json(
    `{"op":"publish","id":1,"ack":"memory","entries":[{"channel":"c","records":[{"data":${'['.repeat(100_000)}${']'.repeat(100_000)}}]}]}`,
  ),
  'a payload 33 deep': json({
    op: 'publish',
    id: 1,
    ack: 'memory',
    entries: [{ channel: 'c', records: [{ data: nested(MAX_NESTING + 1) }] }],
  }),
};

describe('a malformed JSON frame is refused quickly, as bad-frame', () => {
  it.each(Object.entries(malformedJson))('%s', (_, bytes) => {
    expectRefused(() => jsonCodec.decodeClient(bytes), 'bad-frame');
  });

  it('and the codec still works afterwards', () => {
    expect(jsonCodec.decodeClient(json({ op: 'ping', id: 1 }))).toEqual({ op: 'ping', id: 1 });
    expect(msgpackCodec.decodeClient(encodeValue([8, 1]))).toEqual({ op: 'ping', id: 1 });
  });
});

describe('an unknown frame from a client is refused as unknown-opcode', () => {
  it.each([
    0,
    9,
    0x41,
    0x44,
    0x4c,
    0xff,
    -1,
    1.5,
    2 ** 53,
    null,
    true,
    'ping',
    'x'.repeat(MiB),
    [[8]],
    { op: 8 },
  ])('msgpack %#', (opcode) =>
    expectRefused(() => msgpackCodec.decodeClient(encodeValue([opcode, 1])), 'unknown-opcode'),
  );

  it('a MiB of bytes for an opcode is not put into the message', () => {
    expectRefused(() => msgpackCodec.decodeClient(encodeValue([new Uint8Array(MiB)])), 'unknown-opcode');
  });

  it.each(['Ping', 'batch', 'constructor', '__proto__', 'toString', 8, null, ['ping'], {}, 'x'.repeat(MiB)])(
    'JSON %#',
    (op) => expectRefused(() => jsonCodec.decodeClient(json({ op, id: 1 })), 'unknown-opcode'),
  );

  it('JSON without op', () => expectRefused(() => jsonCodec.decodeClient(json({ id: 1 })), 'unknown-opcode'));
});

describe('a malformed batch is refused as bad-frame', () => {
  const record = '94 cf 00 00 00 00 00 00 00 01 c0 c0 c4 01 01';
  it.each([
    ['a count that is not that of the records', `97 44 01 01 00 01 02 dd 00 00 00 01 ${record}`],
    ['records that are no array', '97 44 01 01 00 01 01 a1 61'],
    ['no records', '96 44 01 01 00 01 01'],
    ['an opcode alone', '91 44'],
    ['nothing behind the last header', '97 44 01 01 00 01 00'],
    ['an array16 of records cut in its length', '97 44 01 01 00 01 00 dc'],
    ['an array16 of records cut in the middle of its length', '97 44 01 01 00 01 00 dc 00'],
    ['an array32 of records cut in its length', '97 44 01 01 00 01 00 dd 00 00 00'],
    ['a negative offset', `97 44 01 01 ff 01 01 dd 00 00 00 01 ${record}`],
    ['an offset of NaN', `97 44 01 01 cb 7f f8 00 00 00 00 00 00 01 01 dd 00 00 00 01 ${record}`],
    ['an array16 header, which no hub writes', `dc 00 07 44 01 01 00 01 01 dd 00 00 00 01 ${record}`],
    ['an opcode of two bytes, which no hub writes', `97 cc 44 01 01 00 01 01 dd 00 00 00 01 ${record}`],
  ])('%s', (_, text) => expectRefused(() => msgpackCodec.decodeServer(hex(text)), 'bad-frame'));

  it.each([
    ['an offset too few', `98 4c 01 01 00 02 91 05 90 dd 00 00 00 02 ${record} ${record}`],
    ['an offset too many', `98 4c 01 01 00 01 92 05 06 90 dd 00 00 00 01 ${record}`],
    ['a count that is not that of the records', `98 4c 01 01 00 02 92 05 06 90 dd 00 00 00 01 ${record}`],
    ['offsets that are no array', `98 4c 01 01 00 01 05 90 dd 00 00 00 01 ${record}`],
    ['a negative offset', `98 4c 01 01 00 01 91 ff 90 dd 00 00 00 01 ${record}`],
    ['nothing said of what is missing', `97 4c 01 01 00 01 91 05 dd 00 00 00 01 ${record}`],
    ['a hole without a reason', `98 4c 01 01 00 01 91 05 91 92 00 01 dd 00 00 00 01 ${record}`],
    [
      'a hole for a reason that does not exist',
      `98 4c 01 01 00 01 91 05 91 93 00 01 a1 78 dd 00 00 00 01 ${record}`,
    ],
    [
      'a hole before a record −1',
      `98 4c 01 01 00 01 91 05 91 93 ff 01 a4 6c 6f 73 74 dd 00 00 00 01 ${record}`,
    ],
  ])('sparse: %s', (_, text) => expectRefused(() => msgpackCodec.decodeServer(hex(text)), 'bad-frame'));

  it.each([
    ['an offset too few', `97 4d 01 01 c3 02 91 05 dd 00 00 00 02 ${record} ${record}`],
    ['an offset too many', `97 4d 01 01 c3 01 92 05 06 dd 00 00 00 01 ${record}`],
    ['a number for atEnd', `97 4d 01 01 01 01 91 05 dd 00 00 00 01 ${record}`],
    ['no word of whether it is the last', `97 4d 01 01 c0 01 91 05 dd 00 00 00 01 ${record}`],
  ])('state: %s', (_, text) => expectRefused(() => msgpackCodec.decodeServer(hex(text)), 'bad-frame'));

  it('those above are refused for what they say: mended, they are read', () => {
    const sparse = `98 4c 01 01 00 01 91 05 91 93 00 c0 a4 6c 6f 73 74 dd 00 00 00 01 ${record}`;
    expect(msgpackCodec.decodeServer(hex(sparse))).toMatchObject({
      op: 'sparse-batch',
      offsets: [5],
      missing: [{ index: 0, count: null, reason: 'lost' }],
    });
    const state = `97 4d 01 01 c3 01 91 05 dd 00 00 00 01 ${record}`;
    expect(msgpackCodec.decodeServer(hex(state))).toMatchObject({ op: 'state', atEnd: true, offsets: [5] });
  });

  it('bytes behind its records are found by whoever reads the run', () => {
    const run = runOf([{ timeMs: 1, key: null, meta: null, payload: encodeValue(1) }]);
    const reader = new RunReader(Uint8Array.from([...run, 0xc1]));
    expect(reader.next()).toBe(true);
    expect(() => reader.next()).toThrow(MsgpackError);
  });
});

describe('no frame reaches a prototype', () => {
  const untouched = () => {
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
    expect(Object.getOwnPropertyNames(Object.prototype)).not.toContain('polluted');
  };

  it('a __proto__ key in options, meta, from or a payload of a msgpack frame', () => {
    const evil = hex('81 a9 5f 5f 70 72 6f 74 6f 5f 5f 81 a8 70 6f 6c 6c 75 74 65 64 c3');
    const subscribe = Uint8Array.from([0x95, 2, 1, 0xa1, 0x63, ...encodeValue('latest'), ...evil]);
    const decoded = msgpackCodec.decodeClient(subscribe) as { options: object };
    expect(Object.getPrototypeOf(decoded.options)).toBe(Object.prototype);
    expect((decoded.options as { polluted?: unknown }).polluted).toBeUndefined();
    expectRefused(
      () => msgpackCodec.decodeClient(Uint8Array.from([0x94, 2, 1, 0xa1, 0x63, ...evil])),
      'bad-frame',
    );
    expectRefused(
      () =>
        msgpackCodec.decodeClient(
          Uint8Array.from([
            0x94,
            4,
            1,
            ...encodeValue('disk'),
            0x91,
            0x92,
            0xa1,
            0x63,
            0x91,
            0x93,
            0xc0,
            ...evil,
            0xc4,
            1,
            1,
          ]),
        ),
      'bad-frame',
    );
    untouched();
  });

  it('a __proto__ member anywhere in a JSON frame', () => {
    const evil = '"__proto__":{"polluted":true,"id":1,"last":3,"data":1}';
    const decoded = jsonCodec.decodeClient(
      json(`{"op":"subscribe","id":1,"channel":"c","from":"latest","options":{${evil}},${evil}}`),
    ) as { options: object };
    expect(Object.getPrototypeOf(decoded.options)).toBe(Object.prototype);
    expectRefused(() => jsonCodec.decodeClient(json(`{"op":"ping",${evil}}`)), 'bad-frame');
    expectRefused(
      () => jsonCodec.decodeClient(json(`{"op":"subscribe","id":1,"channel":"c","from":{${evil}}}`)),
      'bad-frame',
    );
    expectRefused(
      () =>
        jsonCodec.decodeClient(
          json(`{"op":"publish","id":1,"ack":"disk","entries":[{"channel":"c","records":[{${evil}}]}]}`),
        ),
      'bad-frame',
    );
    untouched();
  });

  it('a payload with a __proto__ key is shown in JSON with that key as its own', () => {
    const payload = hex('81 a9 5f 5f 70 72 6f 74 6f 5f 5f 01');
    const run = runOf([{ timeMs: 1, key: null, meta: null, payload }]);
    const text = Buffer.from(
      jsonCodec.encodeServer({
        op: 'batch',
        channelNumber: 1,
        epoch: 1,
        prevOffset: 0,
        firstOffset: 1,
        count: 1,
        run,
      }),
    ).toString();
    expect(text).toContain('"data":{"__proto__":1}');
  });
});

describe('whatever the bytes, only RingcastErrors come out', () => {
  const survives = (codec: Codec, bytes: Uint8Array) => {
    for (const read of [codec.decodeClient, codec.decodeServer]) {
      try {
        read(bytes);
      } catch (error) {
        expect(error).toBeInstanceOf(RingcastError);
        expect(['bad-frame', 'unknown-opcode']).toContain((error as RingcastError).code);
      }
    }
  };

  it('random bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        survives(msgpackCodec, bytes);
        survives(jsonCodec, bytes);
      }),
      { numRuns: 2000 },
    );
  });

  it('good frames with some bytes changed', () => {
    const good = [
      encodeValue([1, 'token', 'client', ['f'], null]),
      encodeValue([2, 1, 'market.us', { cursor: '1732380000-110' }, { a: [1] }]),
      encodeValue([4, 300, 'disk', [['orders', [['key', { a: 1 }, encodeValue({ x: [1, 2] })]]]]]),
      encodeValue([4, 300, 'disk', [['orders', [['key', null, encodeValue(1)]], 7, true, '1-2']], 1e12]),
      encodeValue([6, 7, 65_536]),
      encodeValue([0x45, 7, '1-2', '1-5', 3, 'retention']),
      msgpackCodec.encodeServer({
        op: 'sparse-batch',
        channelNumber: 7,
        epoch: 1,
        prevOffset: 1,
        count: 1,
        offsets: [5],
        missing: [{ index: 0, count: 3, reason: 'conflated' }],
        run: runOf([{ timeMs: 1, key: 'k', meta: { a: 1 }, payload: encodeValue('x') }]),
      }),
      msgpackCodec.encodeServer({
        op: 'page',
        id: 1,
        next: { epoch: 1, offset: 2 },
        atEnd: true,
        gaps: [{ after: { epoch: 1, offset: 0 }, upTo: { epoch: 1, offset: 1 }, count: 1, reason: 'lost' }],
        epoch: 1,
        prevOffset: 1,
        firstOffset: 2,
        count: 1,
        run: runOf([{ timeMs: 1, key: 'k', meta: { a: 1 }, payload: encodeValue('x') }]),
      }),
    ];
    fc.assert(
      fc.property(
        fc.constantFrom(...good),
        fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { minLength: 1, maxLength: 4 }),
        (frame, changes) => {
          const bytes = Uint8Array.from(frame);
          for (const [at, value] of changes) bytes[at % bytes.length] = value;
          survives(msgpackCodec, bytes);
        },
      ),
      { numRuns: 5000 },
    );
  });
});
