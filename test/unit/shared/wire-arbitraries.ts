/** Random frames, records and msgpack values for the tests of shared/. Each is valid; the hostile ones are in their tests. */
import fc, { type Arbitrary } from 'fast-check';
import { ERROR_CODES } from '../../../shared/errors.ts';
import type { ClientFrame, ServerFrame } from '../../../shared/frames.ts';
import { encodeValue } from '../../../shared/msgpack.ts';
import { maxRecordBytes, writeRecord } from '../../../shared/record-run.ts';
import { type Cursor, GAP_REASONS, type LogRecord, type RecordMeta } from '../../../shared/terms.ts';

/** The borders of msgpack's integer classes, from both sides. */
export const UINT_BORDERS = [
  0,
  1,
  0x7f,
  0x80,
  0xff,
  0x100,
  0xffff,
  0x10000,
  2 ** 31 - 1,
  2 ** 31,
  2 ** 32 - 1,
  2 ** 32,
  2 ** 53 - 2,
  2 ** 53 - 1,
];

export const anyUint: Arbitrary<number> = fc.oneof(fc.constantFrom(...UINT_BORDERS), fc.maxSafeNat());

/** Any Unicode, no lone surrogates, of at most `maxUnits` UTF-16 code units. */
export function anyText(maxUnits: number): Arbitrary<string> {
  return fc.string({ unit: 'binary', maxLength: Math.floor(maxUnits / 2), size: 'medium' });
}

/** What JSON and msgpack both keep as it is; −0 and the key `__proto__`, which they do not, are left out. */
export const anyJson: Arbitrary<unknown> = fc
  .jsonValue({ maxDepth: 4, stringUnit: 'binary' })
  .map((value) => JSON.parse(JSON.stringify(value)))
  .filter((value) => !JSON.stringify(value).includes('__proto__'));

const anyName = anyText(20).filter((name) => name !== '__proto__');

const anyDictionary = fc.dictionary(anyName, anyJson, { maxKeys: 4, noNullPrototype: true });

const anyFiniteNumber = fc
  .double({ noNaN: true, noDefaultInfinity: true })
  .map((value) => (value === 0 ? 0 : value));

export const anyMeta: Arbitrary<RecordMeta> = fc.dictionary(
  anyName,
  fc.oneof(anyText(40), fc.boolean(), anyUint, anyFiniteNumber),
  { maxKeys: 16, noNullPrototype: true },
);

/** Exactly one msgpack value: JSON's, or one that JSON cannot say. */
export const anyPayload: Arbitrary<Uint8Array> = fc.oneof(
  anyJson.map(encodeValue),
  fc.uint8Array({ maxLength: 300 }).map(encodeValue),
  fc.date({ noInvalidDate: true, min: new Date(0), max: new Date(4e12) }).map(encodeValue),
  fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY).map(encodeValue),
);

export const anyRecord: Arbitrary<LogRecord> = fc.record({
  timeMs: anyUint,
  key: fc.option(anyText(254), { nil: null }),
  meta: fc.option(anyMeta, { nil: null }),
  payload: anyPayload,
});

export const anyCursor: Arbitrary<Cursor> = fc.record({ epoch: anyUint, offset: anyUint });

/** The bytes of the records, as the log writes them. */
export function runOf(records: readonly LogRecord[]): Uint8Array {
  const parts = records.map(({ timeMs, key, meta, payload }) => {
    const packedMeta = meta === null ? null : encodeValue(meta);
    const bytes = new Uint8Array(maxRecordBytes(key, packedMeta, payload));
    return bytes.subarray(0, writeRecord(bytes, 0, timeMs, key, packedMeta, payload));
  });
  return new Uint8Array(Buffer.concat(parts));
}

const anyWord = anyText(128);
const anyFeatures = fc.array(anyWord, { maxLength: 5 });
const anyFrom = fc.oneof(
  fc.constantFrom('latest' as const, 'earliest' as const, 'state' as const),
  fc.record({ last: anyUint }),
  fc.record({ since: anyUint }),
  fc.record({ cursor: anyCursor }),
  fc.record({ state: anyCursor, upTo: anyCursor }),
);
const anyEntry = fc.record({
  channel: anyText(1024),
  records: fc.array(fc.record({ key: anyOr(anyText(300)), meta: anyOr(anyMeta), payload: anyPayload }), {
    minLength: 1,
    maxLength: 4,
  }),
  sequence: maybe(anyUint),
  first: maybe(fc.boolean()),
  expectedCursor: maybe(anyCursor),
});

function maybe<T>(arbitrary: Arbitrary<T>): Arbitrary<T | undefined> {
  return fc.option(arbitrary, { nil: undefined });
}

function anyOr<T>(arbitrary: Arbitrary<T>): Arbitrary<T | null> {
  return fc.option(arbitrary, { nil: null });
}

type ByOp<F extends { op: string }> = { readonly [K in F as K['op']]: Arbitrary<Omit<K, 'op'>> };

/** The fields of each frame; an op that is missing here does not compile. */
export const anyClientFields: ByOp<ClientFrame> = {
  hello: fc.record({
    token: anyOr(anyText(2000)),
    client: anyOr(anyWord),
    features: anyFeatures,
    producerId: anyOr(anyWord),
  }),
  subscribe: fc.record({
    id: anyUint,
    channel: anyText(1024),
    from: anyFrom,
    options: anyOr(anyDictionary),
  }),
  unsubscribe: fc.record({ id: anyUint, channelNumber: anyUint }),
  publish: fc.record({
    id: anyUint,
    ack: fc.constantFrom('memory', 'disk'),
    entries: fc.array(anyEntry, { minLength: 1, maxLength: 4 }),
    firstSentMs: maybe(anyUint),
  }),
  pull: fc.record({
    id: anyUint,
    channel: anyText(1024),
    from: anyFrom,
    limit: anyOr(anyUint),
    reverse: anyOr(fc.boolean()),
    upTo: anyOr(anyCursor),
    durable: maybe(fc.boolean()),
  }),
  credit: fc.record({ channelNumber: anyUint, bytes: anyUint }),
  refresh: fc.record({ id: anyUint, token: anyText(2000) }),
  ping: fc.record({ id: anyUint }),
};

const anyReason = fc.constantFrom(...GAP_REASONS);
const anyGap = fc.record({ after: anyCursor, upTo: anyCursor, count: anyOr(anyUint), reason: anyReason });
const anyRunFields = fc
  .record({
    epoch: anyUint,
    prevOffset: anyUint,
    firstOffset: fc.nat(),
    records: fc.array(anyRecord, { maxLength: 20 }),
  })
  .map(({ records, ...position }) => ({ ...position, count: records.length, run: runOf(records) }));
/** Records that each have an offset of their own. */
const anySparseRun = fc.array(fc.tuple(anyUint, anyRecord), { maxLength: 20 }).map((placed) => ({
  count: placed.length,
  offsets: placed.map(([offset]) => offset),
  run: runOf(placed.map(([, record]) => record)),
}));

export const anyServerFields: ByOp<ServerFrame> = {
  welcome: fc.record({
    connectionId: anyWord,
    features: anyFeatures,
    limits: anyDictionary,
    publishCreditBytes: anyUint,
    tokenExpiresAtMs: anyOr(anyUint),
    server: anyWord,
    timeMs: maybe(anyUint),
  }),
  ok: fc.record({ id: anyUint, result: anyOr(anyDictionary) }),
  error: fc.record({
    id: anyOr(anyUint),
    code: fc.constantFrom(...ERROR_CODES),
    message: anyText(4096),
    details: anyOr(anyDictionary),
  }),
  batch: fc
    .record({ channelNumber: anyUint, run: anyRunFields })
    .map(({ run, ...head }) => ({ ...head, ...run })),
  gap: fc.record({ channelNumber: anyUint, gap: anyGap }).map(({ gap, ...head }) => ({ ...head, ...gap })),
  published: fc.record({
    answers: fc.array(
      fc.record({ id: anyUint, epoch: anyUint, firstOffsets: fc.array(anyOr(anyUint), { maxLength: 5 }) }),
    ),
  }),
  'publish-credit': fc.record({ bytes: anyUint }),
  'token-expiring': fc.record({ expiresAtMs: anyUint }),
  'going-away': fc.record({ reconnectAfterMs: anyUint }),
  pong: fc.record({ id: anyUint }),
  page: fc
    .record({
      id: anyUint,
      next: anyCursor,
      atEnd: fc.boolean(),
      gaps: fc.array(anyGap, { maxLength: 4 }),
      run: anyRunFields,
    })
    .map(({ run, ...head }) => ({ ...head, ...run })),
  'sparse-batch': fc
    .record({
      channelNumber: anyUint,
      epoch: anyUint,
      prevOffset: anyUint,
      missing: fc.array(fc.record({ index: anyUint, count: anyOr(anyUint), reason: anyReason })),
      run: anySparseRun,
    })
    .map(({ run, ...head }) => ({ ...head, ...run })),
  state: fc
    .record({ channelNumber: anyUint, epoch: anyUint, atEnd: fc.boolean(), run: anySparseRun })
    .map(({ run, ...head }) => ({ ...head, ...run })),
  head: fc.record({ channelNumber: anyUint, head: anyCursor, live: fc.boolean() }),
};

// msgpack bytes of any encoder ---------------------------------------------------------------------------------------

function big(value: number | bigint, size: number): number[] {
  return Array.from({ length: size }, (_, i) =>
    Number((BigInt(value) >> BigInt(8 * (size - 1 - i))) & 0xffn),
  );
}

/** Headers of `base` and `size` length bytes, whatever the length: encoders need not choose the shortest. */
function headers(
  length: number,
  fixed: [base: number, max: number] | null,
  sized: [head: number, size: number][],
) {
  const found: number[][] = [];
  if (fixed && length <= fixed[1]) found.push([fixed[0] | length]);
  for (const [head, size] of sized) if (length < 256 ** size) found.push([head, ...big(length, size)]);
  return fc.constantFrom(...found);
}

const scalarBytes: Arbitrary<number[]> = fc.oneof(
  fc.constantFrom(0xc0, 0xc2, 0xc3).map((head) => [head]),
  fc.integer({ min: 0, max: 0x7f }).map((value) => [value]),
  fc.integer({ min: 0xe0, max: 0xff }).map((value) => [value]),
  fc
    .constantFrom(
      [0xcc, 1],
      [0xcd, 2],
      [0xce, 4],
      [0xcf, 8],
      [0xd0, 1],
      [0xd1, 2],
      [0xd2, 4],
      [0xd3, 8],
      [0xca, 4],
      [0xcb, 8],
    )
    .chain(([head, size]) =>
      fc.uint8Array({ minLength: size!, maxLength: size! }).map((rest) => [head!, ...rest]),
    ),
  anyText(60).chain((text) => {
    const bytes = [...new TextEncoder().encode(text)];
    return headers(
      bytes.length,
      [0xa0, 31],
      [
        [0xd9, 1],
        [0xda, 2],
        [0xdb, 4],
      ],
    ).map((head) => [...head, ...bytes]);
  }),
  fc.uint8Array({ maxLength: 40 }).chain((bytes) =>
    headers(bytes.length, null, [
      [0xc4, 1],
      [0xc5, 2],
      [0xc6, 4],
    ]).map((head) => [...head, ...bytes]),
  ),
  fc
    .constantFrom(
      { head: [0xd6, 0xff], size: 4 },
      { head: [0xd7, 0xff], size: 8 },
      { head: [0xc7, 12, 0xff], size: 12 },
    )
    .chain(({ head, size }) =>
      fc.uint8Array({ minLength: size, maxLength: size }).map((rest) => [...head, ...rest]),
    ),
);

/** One valid msgpack value in any of its encodings, timestamps included, in plain bytes. */
export const anyMsgpackBytes: Arbitrary<Uint8Array> = fc
  .letrec<{ value: number[] }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 5, withCrossShrink: true },
      { weight: 3, arbitrary: scalarBytes },
      {
        weight: 1,
        arbitrary: fc.array(tie('value'), { maxLength: 5 }).chain((items) =>
          headers(
            items.length,
            [0x90, 15],
            [
              [0xdc, 2],
              [0xdd, 4],
            ],
          ).map((head) => [...head, ...items.flat()]),
        ),
      },
      {
        weight: 1,
        arbitrary: fc.array(fc.tuple(tie('value'), tie('value')), { maxLength: 4 }).chain((pairs) =>
          headers(
            pairs.length,
            [0x80, 15],
            [
              [0xde, 2],
              [0xdf, 4],
            ],
          ).map((head) => [...head, ...pairs.flat(2)]),
        ),
      },
    ),
  }))
  .value.map((bytes) => Uint8Array.from(bytes));

/** Byte arrays as hex, whatever their class, so that frames compare by value. */
export function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return { hex: Buffer.from(value).toString('hex') };
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, plain(item)]));
  }
  return value;
}
