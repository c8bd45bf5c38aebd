/**
 * Tokens of any kind, honest and forged, made with node:crypto alone so that the library under test does not vouch
 * for itself.
 */

import { constants, createHmac, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { expect } from 'vitest';
import { type ErrorCode, RingcastError } from '../../../shared/errors.ts';

/** The time at which a ManualClock starts, as JWTs count it. */
export const START_SECONDS = 1_700_000_000;
export const SECRET = 'a secret of more than thirty-two bytes';

export type Claims = Record<string, unknown>;

const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');

/** `key`: a private key, or a text or bytes as HMAC secret. `claims` get an `exp` in an hour unless they have one. */
export function forgeToken(
  key: KeyObject | string | Uint8Array,
  claims: Claims = {},
  header: { alg: string; [name: string]: unknown } = { alg: 'HS256' },
): string {
  const input = `${part(header)}.${part({ exp: START_SECONDS + 3600, ...claims })}`;
  return `${input}.${signatureOf(input, header.alg, key).toString('base64url')}`;
}

/** Any two parts with any signature. */
export function assembleToken(header: unknown, payload: unknown, signature = ''): string {
  return `${part(header)}.${part(payload)}.${signature}`;
}

function signatureOf(input: string, alg: string, key: KeyObject | string | Uint8Array): Buffer {
  const hash = `sha${alg.slice(2)}`;
  if (typeof key === 'string' || key instanceof Uint8Array)
    return createHmac(hash, key).update(input).digest();
  const data = Buffer.from(input);
  switch (alg.slice(0, 2)) {
    case 'RS':
      return sign(hash, data, key);
    case 'PS':
      return sign(hash, data, {
        key,
        padding: constants.RSA_PKCS1_PSS_PADDING,
        saltLength: constants.RSA_PSS_SALTLEN_DIGEST,
      });
    case 'ES':
      return sign(hash, data, { key, dsaEncoding: 'ieee-p1363' });
    default:
      return sign(null, data, key);
  }
}

export interface KeyPair {
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
}

export const rsaPair = (modulusLength = 2048): KeyPair => generateKeyPairSync('rsa', { modulusLength });
export const ecPair = (namedCurve = 'P-256'): KeyPair => generateKeyPairSync('ec', { namedCurve });
export const edwardsPair = (): KeyPair => generateKeyPairSync('ed25519');

export const pemOf = (key: KeyObject): string => key.export({ type: 'spki', format: 'pem' }).toString();

/** The public JWK of a pair with a key id and what else is wanted. */
export const jwkOf = (pair: KeyPair, members: Record<string, unknown> = {}): Record<string, unknown> => ({
  ...pair.publicKey.export({ format: 'jwk' }),
  ...members,
});

/** Awaits the refusal and gives it, having checked its class and code. */
export async function refusalOf(verification: Promise<unknown>, code: ErrorCode): Promise<RingcastError> {
  const outcome = await verification.then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  );
  if (!('error' in outcome)) throw new Error(`expected ${code}, but the token was accepted`);
  expect(outcome.error).toBeInstanceOf(RingcastError);
  const error = outcome.error as RingcastError;
  expect(error.code, error.message).toBe(code);
  return error;
}
