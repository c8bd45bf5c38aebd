/**
 * Signs tokens with the hub's own secret, for development mode and the command line. Not a token service: whoever
 * uses keys of their own signs elsewhere. One of the files of this folder that may import jose.
 */

import { SignJWT } from 'jose';
import type { Clock } from '../../shared/clock.ts';
import { RingcastError } from '../../shared/errors.ts';
import { parseGrants } from './grants.ts';
import { toSecretBytes } from './shared-secret.ts';
import { MAX_TOKEN_BYTES } from './verify-token.ts';

export interface TokenRequest {
  /** At least 32 bytes; text is taken as UTF-8. */
  readonly secret: string | Uint8Array;
  /** Channel patterns. Default none. */
  readonly subscribe?: readonly string[] | undefined;
  /** Channel patterns. Default none. */
  readonly publish?: readonly string[] | undefined;
  /** Default false. */
  readonly admin?: boolean | undefined;
  /** Whom the token is for (`sub`). */
  readonly subject?: string | undefined;
  /** How long it is valid from now on, above 0; rounded up so that the expiry is a whole second. */
  readonly ttlMs: number;
  readonly audience?: string | readonly string[] | undefined;
  readonly issuer?: string | undefined;
}

/**
 * An HS256 token in compact form.
 * Throws TypeError for an unfit secret, lifetime or pattern, and when the token would be longer than a hub takes.
 */
export async function signToken(request: TokenRequest, clock: Clock): Promise<string> {
  const { ttlMs, subject, audience, issuer } = request;
  if (!(Number.isFinite(ttlMs) && ttlMs > 0)) throw new TypeError('ttlMs must be a number of ms above 0');
  const secret = toSecretBytes(request.secret);
  const nowMs = clock.nowMs();
  const token = new SignJWT({ ringcast: grantsClaim(request) })
    .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
    .setIssuedAt(Math.floor(nowMs / 1000))
    .setExpirationTime(Math.ceil((nowMs + ttlMs) / 1000));
  if (subject !== undefined) token.setSubject(subject);
  if (audience !== undefined) token.setAudience(typeof audience === 'string' ? audience : [...audience]);
  if (issuer !== undefined) token.setIssuer(issuer);
  const text = await token.sign(secret);
  if (text.length > MAX_TOKEN_BYTES) {
    throw new TypeError(
      `the token would have ${text.length} bytes, hubs take ${MAX_TOKEN_BYTES}: use fewer patterns`,
    );
  }
  return text;
}

function grantsClaim({ subscribe = [], publish = [], admin = false }: TokenRequest) {
  const claim = { subscribe, publish, admin };
  try {
    parseGrants(claim);
  } catch (error) {
    // A wrong claim in a token is its issuer's fault; here the issuer is our caller.
    if (error instanceof RingcastError) throw new TypeError(error.message, { cause: error });
    throw error;
  }
  return claim;
}
