import fc from 'fast-check';
import { Packr, Unpackr } from 'msgpackr';
import { describe, expect, it } from 'vitest';
import { decodeValue, encodeValue } from '../../../shared/msgpack.ts';
import { MsgpackError } from '../../../shared/msgpack-bytes.ts';
import {
  BATCH_HEADER_MAX_BYTES,
  BATCH_OPCODE,
  maxRecordBytes,
  RECORD_OVERHEAD_BYTES,
  RunReader,
  recordTimeMs,
  skipRecord,
  skipRecords,
  writeBatchHeader,
  writeRecord,
} from '../../../shared/record-run.ts';
import type { LogRecord } from '../../../shared/terms.ts';
import { anyRecord, anyUint, plain, runOf, UINT_BORDERS } from './wire-arbitraries.ts';

const library = new Unpackr({ useRecords: false, int64AsType: 'number' });
const libraryPackr = new Packr({ useRecords: false });

/** The records that a RunReader finds, in the form that went in. */
function read(run: Uint8Array, start = 0, end = run.length): LogRecord[] {
  const found: LogRecord[] = [];
  for (const reader = new RunReader(run, start, end); reader.next(); ) {
    const { timeMs, key, meta, payload } = reader;
    found.push({
      timeMs,
      key,
      meta: meta === null ? null : (decodeValue(meta, { timestamps: false }) as LogRecord['meta']),
      payload,
    });
  }
  return found;
}

const asArray = ({ timeMs, key, meta, payload }: LogRecord) => [timeMs, key, meta, payload];
const record = (more: Partial<LogRecord>): LogRecord => ({
  timeMs: 1_732_380_600_123,
  key: null,
  meta: null,
  payload: encodeValue(1),
  ...more,
});

const PAYLOAD_BYTES = [0, 1, 255, 256, 65_535, 65_536, 200_000];
const KEYS = [0, 1, 23, 24, 31, 32, 85, 86, 255, 256, 1000].flatMap((n) => [
  'k'.repeat(n),
  'é'.repeat(n),
  '漢'.repeat(n),
  '😀'.repeat(n),
]);

describe('a record', () => {
  it.each(PAYLOAD_BYTES)('with a payload of %d bytes is read the same by hand and by msgpackr', (length) => {
    const one = record({ key: 'k', payload: new Uint8Array(length).map((_, i) => i * 7) });
    const run = runOf([one]);
    expect(plain(library.unpack(run))).toEqual(plain(asArray(one)));
    expect(plain(read(run))).toEqual(plain([one]));
  });

  it('with a key of any length and script is read the same by hand and by msgpackr', () => {
    for (const key of KEYS) {
      const one = record({ key });
      const run = runOf([one]);
      expect(plain(library.unpack(run))).toEqual(plain(asArray(one)));
      expect(plain(read(run))).toEqual(plain([one]));
    }
  });

  it.each(UINT_BORDERS)('with the time %d is read the same by hand and by msgpackr', (timeMs) => {
    const run = runOf([record({ timeMs })]);
    expect((library.unpack(run) as unknown[])[0]).toBe(timeMs);
    expect(recordTimeMs(run, 0)).toBe(timeMs);
    expect(read(run)[0]!.timeMs).toBe(timeMs);
  });

  it('takes no more bytes than was said, and exactly that many without a key', () => {
    fc.assert(
      fc.property(anyRecord, ({ timeMs, key, meta, payload }) => {
        const packedMeta = meta === null ? null : encodeValue(meta);
        const bytes = new Uint8Array(4 * 65_536);
        const length = writeRecord(bytes, 0, timeMs, key, packedMeta, payload);
        const bound = maxRecordBytes(key, packedMeta, payload);
        if (key === null) expect(length).toBe(bound);
        else expect(length).toBeLessThanOrEqual(bound);
        const keyBytes = key === null ? 0 : Buffer.byteLength(key);
        const parts = keyBytes + (packedMeta?.length ?? 0) + payload.length;
        expect(length).toBeLessThanOrEqual(parts + RECORD_OVERHEAD_BYTES);
      }),
    );
  });

  it('reaches the overhead that was said, and not one byte less', () => {
    const payload = new Uint8Array(65_536);
    const run = runOf([record({ key: 'k'.repeat(256), payload })]);
    expect(run.length).toBe(256 + payload.length + RECORD_OVERHEAD_BYTES);
  });
});

describe('a run', () => {
  it('is read the same by hand and by msgpackr, wherever it lies', () => {
    fc.assert(
      fc.property(fc.array(anyRecord, { maxLength: 12 }), fc.nat({ max: 9 }), (records, before) => {
        const run = runOf(records);
        const bytes = new Uint8Array(before + run.length + 5).fill(0x94);
        bytes.set(run, before);
        const end = before + run.length;
        expect(plain(read(bytes, before, end))).toEqual(plain(records));
        const values = run.length === 0 ? [] : (library.unpackMultiple(run) as unknown[]);
        expect(plain(values)).toEqual(plain(records.map(asArray)));
        expect(skipRecords(bytes, before, end, records.length)).toBe(end);
      }),
    );
  });

  it('tells where each record begins and ends', () => {
    fc.assert(
      fc.property(fc.array(anyRecord, { minLength: 1, maxLength: 8 }), (records) => {
        const run = runOf(records);
        let at = 0;
        for (const reader = new RunReader(run); reader.next(); ) {
          expect(reader.start).toBe(at);
          expect(reader.end).toBe(skipRecord(run, at, run.length));
          at = reader.end;
        }
        expect(at).toBe(run.length);
      }),
    );
  });

  it('that msgpackr wrote is read, whatever number type it chose for the time', () => {
    fc.assert(
      fc.property(fc.array(anyRecord, { maxLength: 8 }), (records) => {
        const run = Buffer.concat(
          records.map((one) =>
            Uint8Array.from(libraryPackr.pack([one.timeMs, one.key, one.meta, one.payload])),
          ),
        );
        expect(plain(read(run))).toEqual(plain(records));
      }),
    );
  });

  it('with elements that a later version put behind the payload is read without them', () => {
    const run = Uint8Array.from([
      ...libraryPackr.pack([1, 'a', null, Uint8Array.of(1), { later: [1, 2] }, 'more']),
      ...libraryPackr.pack([2, 'b', null, Uint8Array.of(2)]),
    ]);
    expect(read(run).map(({ timeMs, key }) => [timeMs, key])).toEqual([
      [1, 'a'],
      [2, 'b'],
    ]);
  });

  it('cut anywhere but between records throws MsgpackError', () => {
    const records = [
      record({ key: 'é', meta: { a: 1 } }),
      record({ key: 'k'.repeat(40), payload: new Uint8Array(300) }),
    ];
    const run = runOf(records);
    const border = skipRecord(run, 0, run.length);
    for (let end = 1; end < run.length; end++) {
      if (end === border) expect(read(run, 0, end)).toHaveLength(1);
      else expect(() => read(run, 0, end), `cut at ${end}`).toThrow(MsgpackError);
    }
  });

  it.each<[string, string]>([
    ['no array', 'c0'],
    ['an array of three', '93 01 c0 c0 c4 00'],
    ['a string of four', 'a4 01 c0 c0 c4 00'],
    ['an array16 of four', 'dc 00 04 01 c0 c0 c4 00'],
    ['a time that is text', '94 a1 31 c0 c0 c4 00'],
    ['a time that is nil', '94 c0 c0 c0 c4 00'],
    ['a negative time', '94 ff c0 c0 c4 00'],
    ['a negative time of 64 bits', '94 d3 ff ff ff ff ff ff ff ff c0 c0 c4 00'],
    ['a time with a fraction', '94 cb 3f f8 00 00 00 00 00 00 c0 c0 c4 00'],
    ['a time of NaN', '94 cb 7f f8 00 00 00 00 00 00 c0 c0 c4 00'],
    ['a time of 2^53', '94 cf 00 20 00 00 00 00 00 00 c0 c0 c4 00'],
    ['a key that is a number', '94 01 05 c0 c4 00'],
    ['a key that is not UTF-8', '94 01 a1 ff c0 c4 00'],
    ['a payload that is text', '94 01 c0 c0 a1 61'],
    ['a payload that claims 4 GiB', '94 01 c0 c0 c6 ff ff ff ff'],
    ['a meta that claims 4 billion pairs', '94 01 c0 df ff ff ff ff c4 00'],
    ['an extension type', '94 01 c0 d4 01 00 c4 00'],
  ])('with %s throws MsgpackError', (_, hex) => {
    expect(() => read(Uint8Array.from(Buffer.from(hex.replaceAll(' ', ''), 'hex')))).toThrow(MsgpackError);
  });

  it('of random bytes throws MsgpackError, or ends', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        // A byte that begins a record makes it past the first check.
        bytes[0] = 0x94;
        const reader = new RunReader(bytes);
        try {
          for (let i = 0; reader.next(); i++) {
            expect(i).toBeLessThan(bytes.length);
            void [reader.key, reader.meta, reader.payload];
          }
        } catch (error) {
          expect(error).toBeInstanceOf(MsgpackError);
        }
      }),
      { numRuns: 3000 },
    );
  });
});

describe('a batch frame written by hand', () => {
  it('decodes with plain msgpackr to the same values', () => {
    fc.assert(
      fc.property(
        fc.tuple(anyUint, anyUint, anyUint, anyUint),
        fc.array(anyRecord, { maxLength: 20 }),
        ([channelNumber, epoch, prevOffset, firstOffset], records) => {
          const run = runOf(records);
          const bytes = new Uint8Array(BATCH_HEADER_MAX_BYTES + run.length);
          const at = writeBatchHeader(
            bytes,
            0,
            channelNumber,
            epoch,
            prevOffset,
            firstOffset,
            records.length,
          );
          expect(at).toBeLessThanOrEqual(BATCH_HEADER_MAX_BYTES);
          bytes.set(run, at);
          expect(plain(library.unpack(bytes.subarray(0, at + run.length)))).toEqual(
            plain([
              BATCH_OPCODE,
              channelNumber,
              epoch,
              prevOffset,
              firstOffset,
              records.length,
              records.map(asArray),
            ]),
          );
        },
      ),
    );
  });

  it('with the largest integers fills the room that was said', () => {
    const top = 2 ** 53 - 1;
    const bytes = new Uint8Array(BATCH_HEADER_MAX_BYTES);
    // The count is bounded by its array32 header, so it takes five bytes at most.
    expect(writeBatchHeader(bytes, 0, top, top, top, top, 2 ** 32 - 1)).toBe(BATCH_HEADER_MAX_BYTES - 4);
  });
});
