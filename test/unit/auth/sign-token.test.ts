import { describe, expect, it } from 'vitest';
import { signToken, type TokenRequest } from '../../../server/auth/sign-token.ts';
import { createTokenVerifier, MAX_TOKEN_BYTES } from '../../../server/auth/verify-token.ts';
import { ManualClock } from '../../../shared/clock.ts';
import { refusalOf, SECRET, START_SECONDS } from './forge-token.ts';

const clock = new ManualClock(START_SECONDS * 1000);
const sign = (request: Partial<TokenRequest> = {}, at = clock) =>
  signToken({ secret: SECRET, ttlMs: 60_000, ...request }, at);
const claimsOf = (token: string) => JSON.parse(Buffer.from(token.split('.')[1]!, 'base64url').toString());

describe('a signed token', () => {
  it('is accepted by a verifier of the same secret with everything that was asked for', async () => {
    const config = { keys: { kind: 'secret', secret: SECRET }, audience: 'hub', issuer: 'cli' } as const;
    const verifier = createTokenVerifier(config, { clock });
    const request = { subscribe: ['market.>'], publish: ['orders.eu'], admin: true, subject: 'ann' };
    const token = await sign({ ...request, audience: ['other', 'hub'], issuer: 'cli' });
    const { subject, expiresAtMs, grants } = await verifier.verify(token);
    expect({ subject, expiresAtMs }).toEqual({ subject: 'ann', expiresAtMs: clock.nowMs() + 60_000 });
    expect([grants.maySubscribe('market.us'), grants.mayPublish('orders.eu'), grants.admin]).toEqual([
      true,
      true,
      true,
    ]);
    expect([grants.maySubscribe('orders.eu'), grants.mayPublish('market.us')]).toEqual([false, false]);
    await refusalOf(verifier.verify(await sign({ ...request, issuer: 'cli' })), 'token-audience');
  });

  it('grants nothing that was not asked for, and leaves out what was not given', async () => {
    expect(claimsOf(await sign())).toEqual({
      iat: START_SECONDS,
      exp: START_SECONDS + 60,
      ringcast: { subscribe: [], publish: [], admin: false },
    });
  });

  it('takes its times from the clock and never lives shorter than asked', async () => {
    const at = new ManualClock(START_SECONDS * 1000 + 1_999);
    expect(claimsOf(await sign({ ttlMs: 1 }, at))).toMatchObject({
      iat: START_SECONDS + 1,
      exp: START_SECONDS + 2,
    });
    expect(claimsOf(await sign({ ttlMs: 2 }, at))).toMatchObject({ exp: START_SECONDS + 3 });
  });

  it('is the same for a secret as text and as bytes', async () => {
    expect(await sign({ secret: new TextEncoder().encode(SECRET) })).toBe(await sign());
  });

  it.each([
    ['a short secret', { secret: 'short' }],
    ['a lifetime of 0', { ttlMs: 0 }],
    ['an endless lifetime', { ttlMs: Number.POSITIVE_INFINITY }],
    ['a malformed pattern', { subscribe: ['a..b'] }],
    ['a malformed pattern to publish', { publish: ['a b'] }],
    ['more than a hub takes', { subscribe: Array.from({ length: 200 }, (_, i) => `${i}`.padStart(50, 'x')) }],
  ])('is not made with %s', async (_title, request) => {
    await expect(sign(request)).rejects.toThrow(TypeError);
  });

  it('is made as long as a hub takes it', async () => {
    const token = await sign({ subject: 's'.repeat(5_900) });
    expect(token.length).toBeGreaterThan(0.95 * MAX_TOKEN_BYTES);
    const verifier = createTokenVerifier({ keys: { kind: 'secret', secret: SECRET } }, { clock });
    await verifier.verify(token);
  });
});
