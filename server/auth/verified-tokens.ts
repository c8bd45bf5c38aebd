/**
 * Tokens that were verified lately, so that many connections with the same one, or one that comes back, cost one
 * verification. Whatever could change the verdict is asked as ever: a token is known only with the very key that it
 * was verified with among those that its header chooses now (so a key that was rotated out or replaced vouches for
 * nothing more), and only from the time it was verified until its own expiry. Called by verify-token.ts alone.
 */
import { hash } from 'node:crypto';
import { BoundedMap } from './bounded-map.ts';
import type { VerificationKey } from './public-keys.ts';
import type { VerifiedToken } from './verify-token.ts';

/** Only verified tokens get in, so whoever fills it was given as many. */
const MAX_TOKENS = 1000;

interface Entry {
  readonly verified: VerifiedToken;
  readonly key: VerificationKey;
  readonly verifiedAtMs: number;
}

export class VerifiedTokens {
  /**
   * By the digest of the whole token: what a look-up takes tells nothing about tokens that are known, and none of them
   * is kept.
   */
  readonly #entries = new BoundedMap<string, Entry>(MAX_TOKENS);

  /** @param keys those that the token's header chooses now */
  find(token: string, keys: readonly VerificationKey[], nowMs: number): VerifiedToken | undefined {
    const entry = this.#entries.get(digestOf(token));
    if (!entry || !keys.includes(entry.key)) return undefined;
    const isWithin = entry.verifiedAtMs <= nowMs && nowMs < entry.verified.expiresAtMs;
    return isWithin ? entry.verified : undefined;
  }

  add(token: string, key: VerificationKey, verified: VerifiedToken, nowMs: number): void {
    this.#entries.set(digestOf(token), { verified, key, verifiedAtMs: nowMs });
  }
}

function digestOf(token: string): string {
  return hash('sha256', token, 'base64');
}
