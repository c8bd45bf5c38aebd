import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  compilePattern,
  compilePatterns,
  isChannelName,
  isChannelPattern,
  MAX_CHANNEL_NAME_BYTES,
} from '../../../shared/channel-name.ts';

const LONGEST = 'x'.repeat(MAX_CHANNEL_NAME_BYTES);

describe('isChannelName', () => {
  it('knows names of up to 255 bytes', () => expect(MAX_CHANNEL_NAME_BYTES).toBe(255));

  it.each([
    'a',
    'market.us.AAPL',
    '$sys.hub',
    'a.$b',
    '0',
    'a-b_c',
    'u:7@host/p+q=r~s%20',
    'a.b.c.d.e.f',
    LONGEST,
  ])('takes %s', (name) => expect(isChannelName(name)).toBe(true));

  it.each([
    '',
    '.',
    'a.',
    '.a',
    'a..b',
    'a b',
    ' a',
    'a\n',
    'a\n.b',
    'a\0',
    'é',
    'a.é',
    '*',
    'a.*',
    '>',
    'a.>',
    'a*b',
    'a>b',
    'a,b',
    'a#b',
    'a?b',
    'a\\b',
    `${LONGEST}x`,
  ])('refuses %j', (name) => expect(isChannelName(name)).toBe(false));
});

describe('isChannelPattern', () => {
  it.each(['>', '*', 'a', 'a.>', '*.>', '*.*', 'a.*.c', '$sys.>', '*.a.>', LONGEST])('takes %s', (pattern) =>
    expect(isChannelPattern(pattern)).toBe(true),
  );

  it.each([
    '',
    '.',
    '>.a',
    '>.>',
    'a.>.b',
    'a*',
    '*a',
    'a.b>',
    '**',
    'a..>',
    '.>',
    '>.',
    '*.',
    ' >',
    '>\n',
    `${LONGEST}.>`,
  ])('refuses %j', (pattern) => {
    expect(isChannelPattern(pattern)).toBe(false);
    expect(() => compilePattern(pattern)).toThrow(TypeError);
  });
});

describe('a pattern', () => {
  const table: [pattern: string, matches: string[], not: string[]][] = [
    [
      'market.us.AAPL',
      ['market.us.AAPL'],
      ['market.us', 'market.us.AAPL.x', 'market.us.aapl', 'x.market.us.AAPL'],
    ],
    ['a', ['a'], ['b', 'a.a', 'aa']],
    ['*', ['a', 'a$b'], ['a.b', '$sys', '$']],
    ['*.*', ['a.b', 'a.$b'], ['a', 'a.b.c', '$sys.b']],
    ['*.a', ['x.a'], ['a', 'x.b', '$sys.a']],
    ['a.*', ['a.b', 'a.$b'], ['a', 'a.b.c', 'b.b']],
    ['a.*.c', ['a.b.c'], ['a.c', 'a.b.b.c', 'a.b.d']],
    ['>', ['a', 'a.b', 'a.b.c', 'a.$b'], ['$sys', '$sys.a', '$']],
    ['a.>', ['a.b', 'a.b.c', 'a.$b'], ['a', 'b.a', 'aa.b', '$a.b']],
    ['*.>', ['a.b', 'a.b.c'], ['a', '$sys.a', '$sys.a.b']],
    ['*.b.>', ['a.b.c'], ['a.b', 'a.c.c', '$sys.b.c']],
    ['a.*.>', ['a.b.c', 'a.b.c.d'], ['a.b', 'a', 'b.b.c']],
    ['$sys.>', ['$sys.a', '$sys.a.b'], ['$sys', 'sys.a', '$syst.a']],
    ['$sys.*', ['$sys.a'], ['$sys', '$sys.a.b']],
    ['$sys', ['$sys'], ['$sys.a', 'sys']],
  ];

  it.each(table)('%s matches what it should', (pattern, matches, not) => {
    const test = compilePattern(pattern);
    expect(matches.filter((name) => !test(name))).toEqual([]);
    expect(not.filter(test)).toEqual([]);
  });

  it('never matches a name of the hub through ">" or a leading "*"', () => {
    const token = fc.string({ unit: fc.constantFrom(...'ab$_-'), minLength: 1, maxLength: 3 });
    const tail = fc.array(fc.oneof(token, fc.constant('*')), { maxLength: 3 });
    fc.assert(
      fc.property(fc.array(token, { maxLength: 3 }), tail, fc.boolean(), (names, rest, open) => {
        const name = ['$sys', ...names].join('.');
        expect(compilePattern(['*', ...rest, ...(open ? ['>'] : [])].join('.'))(name)).toBe(false);
        expect(compilePattern('>')(name)).toBe(false);
      }),
    );
  });

  it('without wildcards matches itself alone', () => {
    const token = fc.string({ unit: fc.constantFrom(...'abAB0$:@/+=~%_-'), minLength: 1, maxLength: 5 });
    const name = fc.array(token, { minLength: 1, maxLength: 5 }).map((tokens) => tokens.join('.'));
    fc.assert(
      fc.property(name, name, (a, b) => {
        expect(compilePattern(a)(a)).toBe(true);
        expect(compilePattern(a)(b)).toBe(a === b);
      }),
    );
  });
});

describe('compilePatterns', () => {
  it('passes a name that any of them matches, and none without patterns', () => {
    const test = compilePatterns(['a.>', 'b']);
    expect(['a.x', 'b', 'c', 'a'].map(test)).toEqual([true, true, false, false]);
    expect(compilePatterns([])('a')).toBe(false);
  });

  it('throws for one that is malformed', () => {
    expect(() => compilePatterns(['a', 'b..'])).toThrow(TypeError);
  });
});
