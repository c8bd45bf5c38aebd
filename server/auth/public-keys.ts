/**
 * Public keys and what each may verify: PEM texts and JSON Web Key Set documents become keys that are known to work
 * before any token comes. Not its job: where documents come from (key-source.ts, remote-keys.ts).
 *
 * A key never verifies an algorithm of another family, and symmetric keys are never taken: a token "signed" with
 * HS256 and the public key's text as the secret finds no key and no algorithm here.
 */

import { createPublicKey, type JsonWebKey, type KeyObject } from 'node:crypto';
import { type CryptoKey, createLocalJWKSet, errors, type JWK } from 'jose';

export type VerificationKey = CryptoKey | KeyObject | Uint8Array;

const RSA = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'];
const EDWARDS = ['EdDSA', 'Ed25519'];
const ELLIPTIC: Readonly<Record<string, readonly string[]>> = {
  prime256v1: ['ES256'],
  secp384r1: ['ES384'],
  secp521r1: ['ES512'],
};

/** Every algorithm that a public key may be used with. */
export const PUBLIC_KEY_ALGORITHMS: readonly string[] = [
  ...RSA,
  ...Object.values(ELLIPTIC).flat(),
  ...EDWARDS,
];

/** RFC 7518, 3.3. */
const MIN_RSA_BITS = 2048;

/** A token without a key id is tried with this many keys at most: each costs a verification that anyone can ask for. */
const MAX_CANDIDATES = 16;

/** Parses a PEM public key or certificate. Throws TypeError for anything else, private keys included. */
export function parsePublicKeyPem(pem: string): { key: KeyObject; algorithms: readonly string[] } {
  if (/-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(pem)) {
    throw new TypeError('the PEM text holds a private key: give the hub the public key only');
  }
  let key: KeyObject;
  try {
    key = createPublicKey(pem);
  } catch (cause) {
    throw new TypeError('the PEM text holds no public key: it begins with "-----BEGIN PUBLIC KEY-----"', {
      cause,
    });
  }
  const algorithms = algorithmsOf(key);
  if (algorithms.length === 0) {
    throw new TypeError(
      `this ${key.asymmetricKeyType} key cannot verify tokens: use RSA (2048 bits or more), P-256, P-384, P-521 or Ed25519`,
    );
  }
  return { key, algorithms };
}

/** The JWS algorithms that a key fits; none for a key that is too weak or of a kind that JWS does not sign with. */
function algorithmsOf(key: KeyObject): readonly string[] {
  const { modulusLength = 0, namedCurve = '' } = key.asymmetricKeyDetails ?? {};
  if (key.asymmetricKeyType === 'rsa') return modulusLength >= MIN_RSA_BITS ? RSA : [];
  if (key.asymmetricKeyType === 'ec') return ELLIPTIC[namedCurve] ?? [];
  return key.asymmetricKeyType === 'ed25519' ? EDWARDS : [];
}

/** What of a token's header chooses its key. Unverified. */
export interface KeyHint {
  readonly alg: string;
  readonly kid?: string;
}

export interface KeySet {
  /** The keys that a token with such a header may be signed with: usually one, none when unknown. */
  find(hint: KeyHint): Promise<readonly VerificationKey[]>;
  readonly usableKeys: number;
  /** Keys of the document that are never used: symmetric, private, weak, malformed, or for encryption. */
  readonly ignoredKeys: number;
}

/**
 * Reads a JSON Web Key Set (RFC 7517). Throws TypeError when the document is none; a single bad key is ignored,
 * since issuers may publish kinds of keys that are unknown here.
 */
export function parseKeySet(document: unknown): KeySet {
  const listed =
    typeof document === 'object' && document !== null && 'keys' in document ? document.keys : undefined;
  if (!Array.isArray(listed)) {
    throw new TypeError('not a JSON Web Key Set: it must be an object with an array "keys"');
  }
  const keys = listed.map(toUsableKey).filter((key) => key !== undefined);
  const findOne = createLocalJWKSet({ keys });
  return {
    usableKeys: keys.length,
    ignoredKeys: listed.length - keys.length,
    async find(hint) {
      try {
        return [await findOne({ ...hint })];
      } catch (error) {
        if (error instanceof errors.JWKSNoMatchingKey) return [];
        if (error instanceof errors.JWKSMultipleMatchingKeys) return takeCandidates(error);
        throw error;
      }
    },
  };
}

async function takeCandidates(keys: AsyncIterable<CryptoKey>): Promise<readonly CryptoKey[]> {
  const taken: CryptoKey[] = [];
  for await (const key of keys) {
    taken.push(key);
    if (taken.length === MAX_CANDIDATES) break;
  }
  return taken;
}

/** The key rebuilt from its parsed form, so that importing it later cannot fail; undefined if it is of no use. */
function toUsableKey(entry: unknown): JWK | undefined {
  if (typeof entry !== 'object' || entry === null) return undefined;
  const jwk = entry as JWK;
  if (jwk.kty !== 'RSA' && jwk.kty !== 'EC' && jwk.kty !== 'OKP') return undefined;
  if (jwk.d !== undefined) return undefined; // A published private key is nobody's any more.
  if (jwk.use !== undefined && jwk.use !== 'sig') return undefined;
  if (jwk.key_ops !== undefined && !(Array.isArray(jwk.key_ops) && jwk.key_ops.includes('verify')))
    return undefined;
  const key = tryCreatePublicKey(jwk as JsonWebKey);
  if (!key) return undefined;
  const algorithms = algorithmsOf(key);
  if (algorithms.length === 0 || (jwk.alg !== undefined && !algorithms.includes(jwk.alg))) return undefined;
  const usable: JWK = { ...(key.export({ format: 'jwk' }) as JWK), kty: jwk.kty };
  if (typeof jwk.kid === 'string') usable.kid = jwk.kid;
  if (jwk.alg !== undefined) usable.alg = jwk.alg;
  return usable;
}

function tryCreatePublicKey(jwk: JsonWebKey): KeyObject | undefined {
  try {
    return createPublicKey({ key: jwk, format: 'jwk' });
  } catch {
    return undefined;
  }
}
