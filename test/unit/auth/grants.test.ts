import { describe, expect, it } from 'vitest';
import { allGrants, MAX_GRANT_PATTERNS, parseGrants } from '../../../server/auth/grants.ts';
import { RingcastError } from '../../../shared/errors.ts';

/** The claim's patterns (the same for both lists), admin, the name, may subscribe, may publish. */
const TABLE: [string[], boolean, string, boolean, boolean][] = [
  [[], false, 'orders', false, false],
  [['orders'], false, 'orders', true, true],
  [['orders'], false, 'orders.eu', false, false],
  [['orders'], false, 'Orders', false, false],
  [['orders.*'], false, 'orders.eu', true, true],
  [['orders.*'], false, 'orders', false, false],
  [['orders.*'], false, 'orders.eu.1', false, false],
  [['orders.*.new'], false, 'orders.eu.new', true, true],
  [['orders.>'], false, 'orders', false, false],
  [['orders.>'], false, 'orders.eu.1', true, true],
  [['news', 'orders.>'], false, 'orders.eu', true, true],
  [['news', 'orders.>'], false, 'news', true, true],
  [['>'], false, 'orders.eu', true, true],
  // Names with "$" take a pattern that begins with "$" itself.
  [['>'], false, '$app.status', false, false],
  [['*.status'], false, '$app.status', false, false],
  [['$app.>'], false, '$app.status', true, false],
  [['$app.status'], false, '$app.status', true, false],
  [['$app.*'], false, '$other.status', false, false],
  [['$app.>'], false, 'orders', false, false],
  // "$" is the hub's to publish, whoever asks, and "$sys." an admin's to read.
  [['$sys.>'], false, '$sys.stats', false, false],
  [['$sys.stats'], false, '$sys.stats', false, false],
  [['$sys.stats'], true, '$sys.stats', true, false],
  [['>'], false, '$sys.stats', false, false],
  [['$app.status'], true, '$app.status', true, false],
  [['$system.>'], false, '$system.a', true, false],
  // Admin reads every "$" name, and opens nothing else.
  [[], true, '$sys.stats', true, false],
  [[], true, '$app.status', true, false],
  [[], true, 'orders', false, false],
];

describe('grants', () => {
  it.each(TABLE)(
    'patterns %j, admin %j, name %s: subscribe %j, publish %j',
    (patterns, admin, name, read, write) => {
      const grants = parseGrants({ subscribe: patterns, publish: patterns, admin });
      expect(grants.maySubscribe(name)).toBe(read);
      expect(grants.mayPublish(name)).toBe(write);
      expect(grants.admin).toBe(admin);
    },
  );

  it('keep the two lists apart', () => {
    const grants = parseGrants({ subscribe: ['market.>'], publish: ['orders.eu'] });
    expect([grants.maySubscribe('market.us'), grants.mayPublish('market.us')]).toEqual([true, false]);
    expect([grants.maySubscribe('orders.eu'), grants.mayPublish('orders.eu')]).toEqual([false, true]);
  });

  it.each([undefined, {}, { later: 'addition' }])('of the claim %j grant nothing', (claim) => {
    const grants = parseGrants(claim);
    for (const name of ['orders', '$sys.stats']) {
      expect([grants.maySubscribe(name), grants.mayPublish(name)]).toEqual([false, false]);
    }
    expect(grants.admin).toBe(false);
  });

  it('do not change with the claim that they were made from', () => {
    const claim = { subscribe: ['news'] };
    const grants = parseGrants(claim);
    claim.subscribe[0] = 'orders';
    expect([grants.maySubscribe('news'), grants.maySubscribe('orders')]).toEqual([true, false]);
  });

  it.each([
    null,
    'text',
    7,
    true,
    [],
    { subscribe: 'news' },
    { publish: { 0: 'news' } },
    { admin: 1 },
    { admin: null },
  ])('refuse the claim %j', (claim) => {
    expect(() => parseGrants(claim)).toThrow(expect.objectContaining({ code: 'token-claims' }));
  });

  it.each(['', 'a..b', '.a', 'a.', 'a b', 'a.>.b', '>a', 'ü', 7, null, ['a']])(
    'name the malformed pattern %j',
    (pattern) => {
      for (const member of ['subscribe', 'publish']) {
        const parse = () => parseGrants({ [member]: ['good', pattern] });
        expect(parse).toThrow(RingcastError);
        expect(parse).toThrow(`"${member}" holds ${JSON.stringify(pattern)},`);
      }
    },
  );

  it('name an endless pattern by its beginning', () => {
    const parse = () => parseGrants({ subscribe: ['x'.repeat(7_000)] });
    expect(parse).toThrow(/^.{1,250}$/);
  });

  it(`take ${MAX_GRANT_PATTERNS} patterns per list and no more`, () => {
    const patterns = Array.from({ length: MAX_GRANT_PATTERNS }, (_, i) => `c${i}.*`);
    const grants = parseGrants({ subscribe: patterns, publish: patterns });
    expect(grants.maySubscribe(`c${MAX_GRANT_PATTERNS - 1}.a`)).toBe(true);
    for (const member of ['subscribe', 'publish']) {
      const parse = () => parseGrants({ [member]: [...patterns, 'one.more'] });
      expect(parse).toThrow(expect.objectContaining({ code: 'token-claims' }));
    }
  });
});

describe('allGrants', () => {
  it('opens every channel to readers, and all but those with "$" to publishers', () => {
    for (const name of ['orders', '$app.status', '$sys.stats'])
      expect(allGrants.maySubscribe(name)).toBe(true);
    expect(allGrants.mayPublish('orders')).toBe(true);
    expect(allGrants.mayPublish('$app.status')).toBe(false);
    expect(allGrants.mayPublish('$sys.stats')).toBe(false);
    expect(allGrants.admin).toBe(true);
  });
});
