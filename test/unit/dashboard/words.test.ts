import { describe, expect, it } from 'vitest';
import { explain, wantsToken } from '../../../client/dashboard/model/advice.ts';
import { readDraft } from '../../../client/dashboard/model/draft.ts';
import {
  bytesText,
  countText,
  delayText,
  durationText,
  momentText,
  plural,
  rateText,
} from '../../../client/dashboard/model/format.ts';
import { compactText, fullText, parseJson } from '../../../client/dashboard/model/json-text.ts';
import { ERROR_CODES, RingcastError } from '../../../shared/errors.ts';

/** Thin spaces are for the eye. */
const plain = (text: string): string => text.replaceAll('\u202f', ' ');

describe('figures as text', () => {
  it('are exact while they are short', () => {
    expect([0, 7, 999, 1000, 99_999].map(countText).map(plain)).toEqual(['0', '7', '999', '1 000', '99 999']);
    expect([100_000, 1_234_567, 9.99e9].map(countText)).toEqual(['100k', '1.23M', '9.99G']);
  });

  it('say of what is unknown that it is, not that it is nothing', () => {
    for (const text of [countText(null), rateText(undefined), bytesText(null), delayText(Number.NaN)]) {
      expect(text).toBe('–');
    }
  });

  it('keep a small rate from looking like none', () => {
    expect([0, 0.5, 3, 12.4].map(rateText)).toEqual(['0', '0.5', '3', '12']);
  });

  it('come in units of 1,024 bytes', () => {
    expect([0, 999, 1024, 1536, 12.5 * 2 ** 20, 2 ** 31].map(bytesText).map(plain)).toEqual([
      '0 B',
      '999 B',
      '1 KiB',
      '1.5 KiB',
      '12.5 MiB',
      '2 GiB',
    ]);
  });

  it('tell quick things in ms and long ones in their two largest units', () => {
    expect([0, 0.42, 12, 1500].map(delayText).map(plain)).toEqual(['0 ms', '0.42 ms', '12 ms', '1.5 s']);
    expect([400, 12_000, 185_000, 3_600_000, 7_500_000, 273_600_000].map(durationText).map(plain)).toEqual([
      '0 s',
      '12 s',
      '3 m 5 s',
      '1 h',
      '2 h 5 m',
      '3 d 4 h',
    ]);
  });

  it('name the day where it is another', () => {
    const nowMs = new Date(2026, 5, 15, 12).getTime();
    expect(momentText(new Date(2026, 5, 15, 8, 5, 9).getTime(), nowMs)).toBe('08:05:09');
    expect(momentText(new Date(2026, 5, 14, 8, 5, 9).getTime(), nowMs)).toBe('2026-06-14 08:05:09');
  });

  it('count one thing as one', () => {
    expect([plural(1, 'gap'), plural(0, 'gap')]).toEqual(['1 gap', '0 gaps']);
  });
});

describe('a payload as text', () => {
  it('is readable whatever msgpack held', () => {
    const data = { big: 2n ** 60n, small: 5n, bytes: new Uint8Array([1, 255]), map: new Map([['a', 1]]) };
    expect(compactText(data)).toBe(
      '{"big":"1152921504606846976n","small":5,"bytes":"bytes(2) 01ff","map":{"a":1}}',
    );
    expect(compactText(undefined)).toBe('undefined');
  });

  it('is bounded', () => {
    expect(compactText('x'.repeat(1e6)).length).toBeLessThan(500);
    expect(fullText(Array.from({ length: 1e5 }, (_, i) => i)).length).toBeLessThan(21_000);
  });
});

describe('a record that is typed', () => {
  const DRAFT = { channel: 'orders.eu', key: '', data: '{"a": 1}', meta: '', ack: 'memory' } as const;

  it('is read where nothing is wrong', () => {
    expect(readDraft({ ...DRAFT, key: 'k', meta: '{"by": "hand"}' })).toEqual({
      problems: {},
      record: { channel: 'orders.eu', key: 'k', data: { a: 1 }, meta: { by: 'hand' } },
    });
  });

  it('says of each field what is wrong with it, all at once', () => {
    const { problems, record } = readDraft({
      ...DRAFT,
      channel: 'a..b',
      key: 'ü'.repeat(200),
      data: '{"a": }',
      meta: '[1]',
    });
    expect(Object.keys(problems).sort()).toEqual(['channel', 'data', 'key', 'meta']);
    expect(problems.data).toMatch(/line 1, column 7/);
    expect(record).toBeUndefined();
  });

  it('takes no meta that the protocol does not, and no channel that is the hub’s', () => {
    expect(readDraft({ ...DRAFT, meta: '{"a": {}}' }).problems.meta).toContain('"a"');
    expect(readDraft({ ...DRAFT, channel: '$sys.hub' }).problems.channel).toContain('Only the hub');
  });

  it('tells a wrong place by its line', () => {
    expect(parseJson('{\n  "a": 1,\n  oops\n}')).toMatchObject({ problem: expect.stringMatching(/line 3/) });
  });
});

describe('what to do about an error', () => {
  it('is told for every code, with the code', () => {
    for (const code of ERROR_CODES) {
      const { code: shown, title, todo } = explain(new RingcastError(code, 'text'));
      expect([shown, title === '', todo === '']).toEqual([code, false, false]);
    }
  });

  it('is told too of what is no error of Ringcast’s', () => {
    expect(explain(new TypeError('bad'))).toMatchObject({ code: null, message: 'bad' });
  });

  it('is another token where only that helps', () => {
    expect(wantsToken(new RingcastError('token-expired', ''))).toBe(true);
    expect(wantsToken(new RingcastError('forbidden', ''))).toBe(true);
    expect(wantsToken(new RingcastError('overloaded', ''))).toBe(false);
  });
});
