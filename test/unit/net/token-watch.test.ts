import { expect, test } from 'vitest';
import { allGrants } from '../../../server/auth/grants.ts';
import { Deadlines } from '../../../server/net/deadlines.ts';
import { TokenWatch } from '../../../server/net/token-watch.ts';
import { ManualClock } from '../../../shared/clock.ts';

function watch(lifetimeMs: number, times = { warnBeforeExpiryMs: 60_000, graceMs: 10_000 }) {
  const clock = new ManualClock();
  const token = (ms: number) => ({ subject: null, grants: allGrants, expiresAtMs: clock.nowMs() + ms });
  const told: [state: string, atMs: number][] = [];
  const startMs = clock.nowMs();
  const services = { clock, deadlines: new Deadlines(clock), tokens: times };
  const tokenWatch = new TokenWatch(token(lifetimeMs), services, {
    tokenChanged: (state) => told.push([state, clock.nowMs() - startMs]),
  });
  return { clock, told, token, tokenWatch };
}

test('says expiring a minute before expiry, expired after the grace, each once', () => {
  const { clock, told } = watch(600_000);
  clock.advance(1_000_000);
  expect(told).toEqual([
    ['expiring', 540_000],
    ['grace', 600_000],
    ['expired', 610_000],
  ]);
});

test('of a short lifetime the second half is the warning', () => {
  const { clock, told } = watch(30_000);
  clock.advance(29_999);
  expect(told).toEqual([['expiring', 15_000]]);
});

test('another token begins anew, and its grants hold', () => {
  const { clock, told, token, tokenWatch } = watch(600_000);
  clock.advance(605_000);
  const next = { ...token(600_000), grants: { ...allGrants, admin: false } };
  tokenWatch.replace(next);
  expect([tokenWatch.grants, tokenWatch.expiresAtMs]).toEqual([next.grants, next.expiresAtMs]);
  told.length = 0;
  clock.advance(540_000);
  expect(told).toEqual([['expiring', 1_145_000]]);
});

test('a token accepted within the clock tolerance after its expiry is in its grace at once', () => {
  const { clock, told } = watch(-3000);
  clock.advance(7000);
  expect(told).toEqual([
    ['grace', 0],
    ['expired', 7000],
  ]);
});

test('without a grace such a token is expired at once', () => {
  expect(watch(-3000, { warnBeforeExpiryMs: 0, graceMs: 0 }).told).toEqual([['expired', 0]]);
});

test('once closed it says nothing', () => {
  const { clock, told, tokenWatch } = watch(600_000);
  tokenWatch.close();
  clock.advance(1_000_000);
  expect(told).toEqual([]);
});
