import { describe, expect, it } from 'vitest';
import { readRun } from '../../../client/record.ts';
import { gapJson, gapLine, recordJson, recordLine } from '../../../server/cli/record-text.ts';
import { encodeValue } from '../../../shared/msgpack.ts';
import { maxRecordBytes, writeRecord } from '../../../shared/record-run.ts';
import { parseCursor } from '../../../shared/terms.ts';

const NOW_MS = Date.now();
const OLD_MS = new Date(2020, 0, 2, 3, 4, 5, 6).getTime();

function received(
  payload: Uint8Array,
  key: string | null = null,
  meta: object | null = null,
  timeMs = NOW_MS,
) {
  const metaBytes = meta && encodeValue(meta);
  const bytes = new Uint8Array(maxRecordBytes(key, metaBytes, payload));
  const end = writeRecord(bytes, 0, timeMs, key, metaBytes, payload);
  const fields = { epoch: 7, prevOffset: 2, firstOffset: 3, count: 1, run: bytes.subarray(0, end) };
  const [record] = readRun('a.b', fields, 0);
  return record!;
}

const value = (data: unknown, ...rest: [key?: string | null, meta?: object | null, timeMs?: number]) =>
  received(encodeValue(data), ...rest);
/** 0xc1 is no msgpack at all. */
const GARBLED = Uint8Array.of(0xc1, 0xc1);

describe('lines for people', () => {
  it('show the date of what is not of today', () => {
    expect(recordLine(value(1, null, null, OLD_MS), false)).toBe('2020-01-02 03:04:05.006  7-3  1');
    expect(recordLine(value(1), false)).toMatch(/^\d\d:\d\d:\d\d\.\d{3} {2}7-3 {2}1$/);
  });

  it('show key and meta where there are any', () => {
    const line = recordLine(value({ nested: { deep: [{ er: 1 }] } }, 'AAPL', { source: 'x', n: 1 }), false);
    expect(line).toMatch(
      / {2}AAPL {2}\{ nested: \{ deep: \[ \{ er: 1 \} \] \} \} {2}\{ source: 'x', n: 1 \}$/,
    );
  });

  it('stay one line and do not steer the terminal, whatever a record holds', () => {
    const line = recordLine(value('a\nb\x1b[2J', 'k\n\x1b[31m', { m: '\x07\n' }), false);
    expect(line).not.toMatch(/\p{Cc}/u);
    expect(recordLine(value('x', 'k'), true)).toContain('\x1b[36mk\x1b[0m');
  });

  it('show the bytes of what its publisher garbled', () => {
    expect(recordLine(received(GARBLED), false)).toMatch(/Uint8Array\(2\) \[ 193, 193 \]$/);
  });

  it('say of a gap what is missing, and that it is unknown where it is', () => {
    const [after, upTo] = [parseCursor('3-110')!, parseCursor('4-104')!];
    expect(gapLine({ after, upTo, count: 5, reason: 'retention' })).toBe(
      'gap: 5 records missing after 3-110 up to 4-104 (retention)',
    );
    expect(gapLine({ after, upTo, count: 1, reason: 'dropped' })).toContain('gap: 1 record missing');
    expect(gapLine({ after, upTo, count: null, reason: 'lost' })).toContain('an unknown number of records');
  });
});

describe('NDJSON', () => {
  it('is an object a record, with data where JSON can say it', () => {
    expect(JSON.parse(recordJson(value({ price: 3.2 }, 'k', { n: 1 })))).toEqual({
      channel: 'a.b',
      cursor: '7-3',
      timeMs: NOW_MS,
      key: 'k',
      meta: { n: 1 },
      data: { price: 3.2 },
    });
  });

  it('has the payload in base64 where JSON cannot say it', () => {
    expect(JSON.parse(recordJson(value(Uint8Array.of(1, 2))))).toMatchObject({ payloadBase64: 'xAIBAg==' });
    expect(JSON.parse(recordJson(received(GARBLED)))).toMatchObject({ payloadBase64: 'wcE=' });
  });

  it('has gaps with cursors in their short form', () => {
    const gap = {
      after: parseCursor('3-110')!,
      upTo: parseCursor('4-104')!,
      count: null,
      reason: 'lost' as const,
    };
    expect(JSON.parse(gapJson(gap))).toEqual({
      gap: { after: '3-110', upTo: '4-104', count: null, reason: 'lost' },
    });
  });
});
