/**
 * What may serve as an HMAC secret. Not its job: where a secret is kept (configuration, development-secret.ts).
 * Called by whoever signs or verifies with one.
 */

/** RFC 7518, 3.2: an HS256 key is at least as long as its hash. Anything shorter can be searched offline from one token. */
export const MIN_SECRET_BYTES = 32;

/**
 * The secret as bytes of its own; text is taken as UTF-8.
 * Throws TypeError for a secret that is too short, and for a PEM text: with a public key as the "secret", whoever
 * has that public key could sign tokens.
 */
export function toSecretBytes(secret: string | Uint8Array): Uint8Array {
  const bytes = typeof secret === 'string' ? new TextEncoder().encode(secret) : Uint8Array.from(secret);
  if (new TextDecoder().decode(bytes).includes('-----BEGIN ')) {
    throw new TypeError('the token secret is a PEM text: configure a public key as such, not as a secret');
  }
  if (bytes.length < MIN_SECRET_BYTES) {
    throw new TypeError(
      `the token secret has ${bytes.length} bytes: use at least ${MIN_SECRET_BYTES} random ones`,
    );
  }
  return bytes;
}
