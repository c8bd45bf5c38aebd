import { describe, expect, it } from 'vitest';
import * as values from '../../../server/cli/option-values.ts';

const NOW_MS = Date.UTC(2026, 0, 31, 12);

describe('option values', () => {
  it.each([
    [values.parseWhole, '0', 0],
    [values.parsePositive, '12', 12],
    [values.parsePort, '65535', 65_535],
    [values.parseDuration, '500ms', 500],
    [values.parseDuration, '1.5s', 1500],
    [values.parseDuration, '5m', 300_000],
    [values.parseDuration, '7d', 604_800_000],
    [values.parseCursorText, '0-0', '0-0'],
    [values.parseStart, 'earliest', 'earliest'],
    [values.parseStart, '1732380000-110', '1732380000-110'],
    [values.parseChannel, 'market.us.AAPL', 'market.us.AAPL'],
    [values.parsePattern, 'market.>', 'market.>'],
    [values.parseNameToken, 'web-1', 'web-1'],
    [values.parseHubUrl, 'wss://hub.example/', 'wss://hub.example/'],
  ] as const)('%o takes %j', (parse: (text: string) => unknown, text, value) => {
    expect(parse(text)).toBe(value);
  });

  it.each([
    [values.parseWhole, '-1'],
    [values.parseWhole, '1.5'],
    [values.parseWhole, ''],
    [values.parseWhole, '9007199254740992'],
    [values.parsePositive, '0'],
    [values.parsePort, '65536'],
    [values.parseDuration, '5'],
    [values.parseDuration, '0s'],
    [values.parseDuration, '5 minutes'],
    [values.parseDuration, '-5m'],
    [values.parseCursorText, 'latest'],
    [values.parseStart, 'yesterday'],
    [values.parseStart, '1-'],
    [values.parseChannel, 'market..us'],
    [values.parsePattern, 'market.>.us'],
    [values.parseNameToken, 'a.b'],
    [values.parseNameToken, '$sys'],
    [values.parseNameToken, '*'],
    [values.parseHubUrl, 'http://hub.example'],
    [values.parseHubUrl, 'localhost:7400'],
  ] as const)('%o refuses %j and says what to write', (parse: (text: string) => unknown, text) => {
    expect(() => parse(text)).toThrow(/Write /);
  });

  it('since is a duration back from now, or a date', () => {
    expect(values.parseSince('5m', NOW_MS)).toBe(NOW_MS - 300_000);
    expect(values.parseSince('2026-01-31T11:00:00Z', NOW_MS)).toBe(NOW_MS - 3_600_000);
    expect(values.parseSince('100000d', NOW_MS)).toBe(0);
    expect(() => values.parseSince('2026-13-45', NOW_MS)).toThrow(/Write how long ago/);
    expect(() => values.parseSince('soon', NOW_MS)).toThrow(/Write how long ago/);
  });

  it('a pattern where one channel is wanted is told apart from nonsense', () => {
    expect(() => values.parseChannel('market.>')).toThrow(/patterns are for/);
  });

  it('repeated patterns gather', () => {
    expect(values.parsePatterns('b', values.parsePatterns('a'))).toEqual(['a', 'b']);
  });
});
