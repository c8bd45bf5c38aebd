/**
 * Where the keys come from that tokens are verified with, each source with the algorithms it may be used for: the
 * one list that rules, since a token's own header is written by whoever made the token.
 * Called by verify-token.ts.
 */

import { RingcastError } from '../../shared/errors.ts';
import {
  type KeyHint,
  PUBLIC_KEY_ALGORITHMS,
  parseKeySet,
  parsePublicKeyPem,
  type VerificationKey,
} from './public-keys.ts';
import { RemoteKeys, type RemoteKeysConfig, type RemoteKeysDeps } from './remote-keys.ts';
import { toSecretBytes } from './shared-secret.ts';

/**
 * `secret`: HS256/384/512, at least 32 bytes, text as UTF-8 · `public-key`: a PEM public key or certificate ·
 * `jwks`: a JSON Web Key Set, parsed · `jwks-url`: one that is fetched and kept fresh.
 */
export type KeySourceConfig =
  | { readonly kind: 'secret'; readonly secret: string | Uint8Array }
  | { readonly kind: 'public-key'; readonly pem: string }
  | { readonly kind: 'jwks'; readonly keys: unknown }
  | ({ readonly kind: 'jwks-url' } & RemoteKeysConfig);

export interface KeySource {
  /** The algorithms that tokens may be signed with; any other is refused unread. */
  readonly algorithms: readonly string[];
  /** At least one key to try. Throws RingcastError `token-key-unknown` or `keys-unavailable`. */
  find(hint: KeyHint): Promise<readonly VerificationKey[]>;
  close(): void;
}

const SECRET_HASHES: Readonly<Record<string, string>> = {
  HS256: 'SHA-256',
  HS384: 'SHA-384',
  HS512: 'SHA-512',
};

/** Throws TypeError for keys that could verify nothing. */
export function openKeySource(config: KeySourceConfig, deps: RemoteKeysDeps): KeySource {
  switch (config.kind) {
    case 'secret':
      return secretKeys(toSecretBytes(config.secret));
    case 'public-key': {
      const { key, algorithms } = parsePublicKeyPem(config.pem);
      return fixedKey(key, algorithms);
    }
    case 'jwks':
      return fixedKeySet(config.keys);
    case 'jwks-url':
      return new RemoteKeys(config, deps);
    default:
      throw new TypeError('keys.kind must be "secret", "public-key", "jwks" or "jwks-url"');
  }
}

/** Imported once per algorithm: from bytes it would be for every token, which is half of what a verification costs. */
function secretKeys(secret: Uint8Array): KeySource {
  const imported = new Map<string, Promise<VerificationKey>>();
  return {
    algorithms: Object.keys(SECRET_HASHES),
    async find({ alg }) {
      let key = imported.get(alg);
      if (!key) {
        const algorithm = { name: 'HMAC', hash: SECRET_HASHES[alg]! };
        key = crypto.subtle.importKey('raw', Uint8Array.from(secret), algorithm, false, ['verify']);
        imported.set(alg, key);
      }
      return [await key];
    },
    close() {},
  };
}

/** One key for all: a key id in the header means nothing then. */
function fixedKey(key: VerificationKey, algorithms: readonly string[]): KeySource {
  return { algorithms, find: async () => [key], close() {} };
}

function fixedKeySet(document: unknown): KeySource {
  const set = parseKeySet(document);
  if (set.usableKeys === 0) {
    throw new TypeError(
      'the JSON Web Key Set holds no public key that can verify tokens: it needs RSA, EC or Ed25519 keys for signatures',
    );
  }
  return {
    algorithms: PUBLIC_KEY_ALGORITHMS,
    async find(hint) {
      const keys = await set.find(hint);
      if (keys.length > 0) return keys;
      throw new RingcastError(
        'token-key-unknown',
        'this hub has no key that fits the token: get one that is signed with a key it knows',
      );
    },
    close() {},
  };
}
