/**
 * From a token to what it allows: signature, times, audience, issuer, grants, and one distinct code per refusal.
 * Besides public-keys.ts and sign-token.ts the only file that may import jose.
 * Not its job: finding keys (key-source.ts), what happens at expiry (token-lease.ts), refusing requests (the hub).
 * Called with the token of `hello` and `refresh`, and with an HTTP request's.
 */

import { decodeProtectedHeader, errors, type JWTPayload, type JWTVerifyOptions, jwtVerify } from 'jose';
import { RingcastError } from '../../shared/errors.ts';
import { BoundedMap } from './bounded-map.ts';
import { type Grants, parseGrants } from './grants.ts';
import { type KeySource, type KeySourceConfig, openKeySource } from './key-source.ts';
import type { KeyHint, VerificationKey } from './public-keys.ts';
import type { RemoteKeysDeps } from './remote-keys.ts';
import { VerifiedTokens } from './verified-tokens.ts';

/** Longer tokens are refused unread. */
export const MAX_TOKEN_BYTES = 8 * 1024;

/** 9999-12-31: whoever sets a later expiry has taken ms for seconds, and made a token that lives for ages. */
const LATEST_EXPIRY_SECONDS = 253_402_300_799;

/** Claims whose tokens share their compiled grants: most users are granted what others are. */
const MAX_SHARED_GRANTS = 256;

export interface TokenVerifierConfig {
  readonly keys: KeySourceConfig;
  /** One of these must be among the token's `aud`. Default: `aud` is not checked. */
  readonly audience?: string | readonly string[] | undefined;
  /** The token's `iss` must be one of these. Default: `iss` is not checked. */
  readonly issuer?: string | readonly string[] | undefined;
  /** By how much the issuer's clock may differ, for `exp` and `nbf`, which count whole seconds. Default 5,000. */
  readonly clockToleranceMs?: number | undefined;
}

/** `fetch` and `onKeyFetch` are used by keys from a URL only. */
export type TokenVerifierDeps = RemoteKeysDeps;

export interface VerifiedToken {
  /** The claim `sub`; null when the token has none. */
  readonly subject: string | null;
  /** The claim `exp` as Unix ms; up to the clock tolerance in the past. */
  readonly expiresAtMs: number;
  readonly grants: Grants;
}

export interface TokenVerifier {
  /** Rejects with a RingcastError: a `token-…` code or `keys-unavailable`. No message holds the token. */
  verify(token: string | null): Promise<VerifiedToken>;
  /** Ends timers and fetches. Needed for keys from a URL, harmless otherwise. */
  close(): void;
}

/** Throws TypeError for a configuration that could verify nothing. Keys from a URL are fetched from now on. */
export function createTokenVerifier(config: TokenVerifierConfig, deps: TokenVerifierDeps): TokenVerifier {
  const { clockToleranceMs = 5_000 } = config;
  if (!(Number.isFinite(clockToleranceMs) && clockToleranceMs >= 0)) {
    throw new TypeError('clockToleranceMs must be a number of ms, at least 0');
  }
  const keySource = openKeySource(config.keys, deps);
  const options: JWTVerifyOptions = {
    algorithms: [...keySource.algorithms],
    requiredClaims: ['exp'],
    clockTolerance: clockToleranceMs / 1000,
    ...(config.audience !== undefined && { audience: asArray(config.audience) }),
    ...(config.issuer !== undefined && { issuer: asArray(config.issuer) }),
  };
  const verifiedTokens = new VerifiedTokens();
  const grantsOf = shareGrants();
  return {
    async verify(token) {
      const { hint, text } = readHint(token, keySource);
      const keys = await keySource.find(hint);
      const nowMs = deps.clock.nowMs();
      const known = verifiedTokens.find(text, keys, nowMs);
      if (known) return known;
      try {
        const currentDate = new Date(nowMs);
        const { payload, key } = await verifyWithAny(text, keys, { ...options, currentDate });
        const verified = toVerifiedToken(payload, grantsOf);
        verifiedTokens.add(text, key, verified, nowMs);
        return verified;
      } catch (error) {
        throw error instanceof RingcastError ? error : toRefusal(error, config);
      }
    },
    close: () => keySource.close(),
  };
}

/** Reads what chooses the key, all of it unverified, and refuses what needs no key to be refused. */
function readHint(token: string | null, keySource: KeySource): { hint: KeyHint; text: string } {
  if (token === null || token === '') {
    throw new RingcastError('token-missing', 'this hub asks for a token: get one and send it in "hello"');
  }
  if (token.length > MAX_TOKEN_BYTES) {
    throw malformed(`it is longer than ${MAX_TOKEN_BYTES} bytes, so ask for one with fewer claims`);
  }
  let header: ReturnType<typeof decodeProtectedHeader>;
  try {
    header = decodeProtectedHeader(token);
  } catch {
    throw malformed(NOT_COMPACT);
  }
  const { alg, kid } = header;
  if (typeof alg !== 'string' || !keySource.algorithms.includes(alg)) {
    const accepted = keySource.algorithms.join(', ');
    throw new RingcastError('token-algorithm', `get a token that is signed with one of: ${accepted}`);
  }
  return { hint: kid === undefined ? { alg } : { alg, kid }, text: token };
}

/** Several keys come only where a token names none: then the one that fits is the one it was signed with. */
async function verifyWithAny(
  token: string,
  keys: readonly VerificationKey[],
  options: JWTVerifyOptions,
): Promise<{ payload: JWTPayload; key: VerificationKey }> {
  let failure: unknown;
  for (const key of keys) {
    try {
      return { payload: (await jwtVerify(token, key, options)).payload, key };
    } catch (error) {
      if (!(error instanceof errors.JWSSignatureVerificationFailed)) throw error;
      failure = error;
    }
  }
  throw failure;
}

function toVerifiedToken(
  { sub, exp, ringcast }: JWTPayload,
  grantsOf: (claim: unknown) => Grants,
): VerifiedToken {
  if (exp === undefined || exp > LATEST_EXPIRY_SECONDS) throw badClaim('exp', 'Unix time in seconds');
  if (sub !== undefined && typeof sub !== 'string') throw badClaim('sub', 'text');
  return { subject: sub ?? null, expiresAtMs: Math.floor(exp * 1000), grants: grantsOf(ringcast) };
}

/** {@link parseGrants}, the same object for the same claim. */
function shareGrants(): (claim: unknown) => Grants {
  const shared = new BoundedMap<string, Grants>(MAX_SHARED_GRANTS);
  return (claim) => {
    const text = JSON.stringify(claim) ?? '';
    const known = shared.get(text);
    if (known) return known;
    const grants = parseGrants(claim);
    shared.set(text, grants);
    return grants;
  };
}

/** jose's errors by their codes, never by their texts. */
function toRefusal(error: unknown, config: TokenVerifierConfig): RingcastError {
  if (error instanceof errors.JWTExpired) {
    return new RingcastError('token-expired', 'the token has expired: get another one');
  }
  if (error instanceof errors.JWTClaimValidationFailed) return toClaimRefusal(error, config);
  if (error instanceof errors.JWSSignatureVerificationFailed) {
    return new RingcastError(
      'token-signature',
      'the token was altered or signed with another key: get one from the issuer that this hub trusts',
      { cause: error },
    );
  }
  if (error instanceof errors.JWSInvalid) return malformed(NOT_COMPACT, error);
  if (error instanceof errors.JWTInvalid) return malformed('its payload must be a JSON object', error);
  if (error instanceof errors.JOSENotSupported) {
    return malformed('its header asks for an extension ("crit") that is unknown here', error);
  }
  return new RingcastError('internal', 'the token could not be verified: see the hub’s log', {
    cause: error,
  });
}

/** Without a cause: jose's would take the claims, which may be personal, into logs. */
function toClaimRefusal(
  { claim, reason }: errors.JWTClaimValidationFailed,
  config: TokenVerifierConfig,
): RingcastError {
  if (claim === 'aud') {
    const audience = asArray(config.audience ?? []).join(', ');
    return new RingcastError('token-audience', `get a token whose "aud" claim has one of: ${audience}`);
  }
  if (claim === 'iss') {
    const issuer = asArray(config.issuer ?? []).join(', ');
    return new RingcastError('token-issuer', `get a token whose "iss" claim is one of: ${issuer}`);
  }
  if (claim === 'nbf' && reason === 'check_failed') {
    return new RingcastError(
      'token-not-yet-valid',
      'the token is not valid yet: use it later, or set the clocks',
    );
  }
  return badClaim(claim, 'Unix time in seconds');
}

const NOT_COMPACT = 'send it as its issuer gave it, in the form "header.payload.signature"';

function malformed(what: string, cause?: unknown): RingcastError {
  const message = `the token is no signed JWT that can be read: ${what}`;
  return new RingcastError('token-malformed', message, cause === undefined ? {} : { cause });
}

function badClaim(claim: string, form: string): RingcastError {
  return new RingcastError('token-claims', `get a token whose "${claim}" claim is ${form}`);
}

function asArray(value: string | readonly string[]): string[] {
  return typeof value === 'string' ? [value] : [...value];
}
