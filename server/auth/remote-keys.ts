/**
 * The keys that an issuer publishes at a URL, kept fresh: fetched at once, again at their max age, and sooner when
 * a token names a key that is not among them. **While the endpoint is down, the last good keys go on verifying.**
 *
 *     fetching ──ok──▶ waiting maxAgeMs ──────────────▶ fetching …
 *        └──failed──▶ waiting 1 s, 2 s, 4 s … cooldownMs ─▶ fetching …
 *     waiting ──unknown key, cooldownMs after the last fetch──▶ fetching
 *
 * There is one fetch at a time. A verification waits for it only when it cannot do without: no keys yet, or none
 * that fits. A slow endpoint thus delays nobody whose key is known.
 * Not its job: what a document means (public-keys.ts). Called by key-source.ts.
 */

import type { Clock } from '../../shared/clock.ts';
import { RingcastError } from '../../shared/errors.ts';
import {
  type KeyHint,
  type KeySet,
  PUBLIC_KEY_ALGORITHMS,
  parseKeySet,
  type VerificationKey,
} from './public-keys.ts';

export interface RemoteKeysConfig {
  /** http or https. Redirects are not followed. */
  readonly url: string;
  /** Age at which the keys are fetched again. Default 600,000. */
  readonly maxAgeMs?: number | undefined;
  /** Least time between the end of a fetch and one that an unknown key asks for. Default 30,000. */
  readonly cooldownMs?: number | undefined;
  /** How long one fetch may take, body included. Default 5,000. */
  readonly fetchTimeoutMs?: number | undefined;
}

/** What became of one fetch, for logs and metrics. */
export type KeyFetchOutcome =
  | { readonly outcome: 'fetched'; readonly usableKeys: number; readonly ignoredKeys: number }
  /** `lastGoodAgeMs`: how old the keys in use are; null when there are none. */
  | { readonly outcome: 'failed'; readonly error: unknown; readonly lastGoodAgeMs: number | null };

export interface RemoteKeysDeps {
  readonly clock: Clock;
  /** Default: the global fetch. */
  readonly fetch?: typeof fetch | undefined;
  /** Called after every fetch; must not throw. */
  readonly onKeyFetch?: ((outcome: KeyFetchOutcome) => void) | undefined;
}

/** A set of keys is some KB; what is larger is something else. */
const MAX_DOCUMENT_BYTES = 256 * 1024;
const FIRST_RETRY_MS = 1_000;

/** A key source (key-source.ts). */
export class RemoteKeys {
  readonly algorithms = PUBLIC_KEY_ALGORITHMS;
  readonly #url: URL;
  readonly #maxAgeMs: number;
  readonly #cooldownMs: number;
  readonly #fetchTimeoutMs: number;
  readonly #deps: RemoteKeysDeps;

  #keys: KeySet | null = null;
  /** Times are of the monotonic clock, ms. */
  #fetchedAtMs = 0;
  #triedAtMs = 0;
  #nextFetchAtMs = 0;
  /** Fetches that failed since the last good one. */
  #failures = 0;
  #fetching: Promise<void> | null = null;
  #cancelNextFetch: () => void = () => {};
  #abortFetch: (reason: Error) => void = () => {};
  #closed = false;

  /** Begins to fetch. Throws TypeError for an unfit URL or duration. */
  constructor(config: RemoteKeysConfig, deps: RemoteKeysDeps) {
    this.#url = parseUrl(config.url);
    this.#maxAgeMs = parseDuration('maxAgeMs', config.maxAgeMs ?? 600_000, 1);
    this.#cooldownMs = parseDuration('cooldownMs', config.cooldownMs ?? 30_000, 0);
    this.#fetchTimeoutMs = parseDuration('fetchTimeoutMs', config.fetchTimeoutMs ?? 5_000, 1);
    this.#deps = deps;
    void this.#refresh();
  }

  /** Throws RingcastError `keys-unavailable` or `token-key-unknown`. */
  async find(hint: KeyHint): Promise<readonly VerificationKey[]> {
    if (this.#keys === null) await this.#fetching;
    if (this.#keys === null) throw this.#unavailable();
    const known = await this.#keys.find(hint);
    if (known.length > 0) return known;
    await this.#refreshForUnknownKey();
    const found = await this.#keys.find(hint);
    if (found.length > 0) return found;
    // With the endpoint down the key may well be a new one, so the token is not to blame.
    throw this.#failures > 0 ? this.#unavailable() : this.#unknownKey();
  }

  /** Ends timers and a running fetch. What is known goes on verifying. */
  close(): void {
    this.#closed = true;
    this.#cancelNextFetch();
    this.#abortFetch(new Error('the token verifier was closed'));
  }

  /** Never rejects. */
  #refresh(): Promise<void> {
    if (this.#closed) return Promise.resolve();
    this.#cancelNextFetch();
    this.#fetching ??= this.#fetchKeys();
    return this.#fetching;
  }

  /** The cooldown keeps strangers with invented key ids from having the hub flood the endpoint. */
  async #refreshForUnknownKey(): Promise<void> {
    if (this.#fetching || this.#cooldownLeftMs() === 0) await this.#refresh();
  }

  async #fetchKeys(): Promise<void> {
    const outcome = await this.#tryFetchKeys();
    this.#fetching = null;
    this.#scheduleFetch(this.#failures === 0 ? this.#maxAgeMs : this.#retryDelayMs());
    if (!this.#closed) this.#deps.onKeyFetch?.(outcome);
  }

  async #tryFetchKeys(): Promise<KeyFetchOutcome> {
    const { clock } = this.#deps;
    try {
      const keys = parseKeySet(await this.#fetchDocument());
      this.#keys = keys;
      this.#failures = 0;
      this.#fetchedAtMs = clock.monotonicMs();
      return { outcome: 'fetched', usableKeys: keys.usableKeys, ignoredKeys: keys.ignoredKeys };
    } catch (error) {
      this.#failures++;
      const lastGoodAgeMs = this.#keys === null ? null : clock.monotonicMs() - this.#fetchedAtMs;
      return { outcome: 'failed', error, lastGoodAgeMs };
    }
  }

  async #fetchDocument(): Promise<unknown> {
    const { clock, fetch: fetchUrl = fetch } = this.#deps;
    const controller = new AbortController();
    this.#abortFetch = (reason) => controller.abort(reason);
    const cancelTimeout = clock.after(this.#fetchTimeoutMs, () => {
      controller.abort(new Error(`the key endpoint did not answer within ${this.#fetchTimeoutMs} ms`));
    });
    try {
      const response = await fetchUrl(this.#url, {
        headers: { accept: 'application/jwk-set+json, application/json' },
        redirect: 'error',
        signal: controller.signal,
      });
      if (response.status !== 200) {
        await response.body?.cancel();
        throw new Error(`the key endpoint answered with HTTP status ${response.status}`);
      }
      return JSON.parse(await readText(response));
    } finally {
      cancelTimeout();
    }
  }

  #scheduleFetch(delayMs: number): void {
    const { clock } = this.#deps;
    this.#triedAtMs = clock.monotonicMs();
    this.#nextFetchAtMs = this.#triedAtMs + delayMs;
    if (this.#closed) return;
    this.#cancelNextFetch = clock.after(delayMs, () => void this.#refresh());
  }

  #retryDelayMs(): number {
    return Math.min(FIRST_RETRY_MS * 2 ** (this.#failures - 1), Math.max(FIRST_RETRY_MS, this.#cooldownMs));
  }

  #cooldownLeftMs(): number {
    return Math.max(0, this.#triedAtMs + this.#cooldownMs - this.#deps.clock.monotonicMs());
  }

  #unavailable(): RingcastError {
    return new RingcastError(
      'keys-unavailable',
      'the hub cannot fetch the keys that this token is verified with: try again later',
      { retryAfterMs: Math.max(0, Math.ceil(this.#nextFetchAtMs - this.#deps.clock.monotonicMs())) },
    );
  }

  #unknownKey(): RingcastError {
    return new RingcastError(
      'token-key-unknown',
      'the issuer publishes no key that fits this token: get one that is signed with a published key',
      { retryAfterMs: Math.ceil(this.#cooldownLeftMs()) },
    );
  }
}

async function readText(response: Response): Promise<string> {
  const decoder = new TextDecoder();
  const reader = response.body?.getReader();
  let text = '';
  for (let readBytes = 0; reader; ) {
    const { done, value } = await reader.read();
    if (done) break;
    readBytes += value.length;
    if (readBytes > MAX_DOCUMENT_BYTES) {
      await reader.cancel();
      throw new Error(`the key endpoint sent more than ${MAX_DOCUMENT_BYTES} bytes`);
    }
    text += decoder.decode(value, { stream: true });
  }
  return text + decoder.decode();
}

function parseUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol !== 'https:' && url?.protocol !== 'http:') {
    throw new TypeError('the URL of the keys must begin with https:// or http://');
  }
  if (url.username || url.password) {
    throw new TypeError(
      'the URL of the keys must not hold a user name or password: published keys are public',
    );
  }
  return url;
}

function parseDuration(name: string, ms: number, leastMs: number): number {
  if (!(Number.isFinite(ms) && ms >= leastMs)) {
    throw new TypeError(`${name} must be a number of ms, at least ${leastMs}`);
  }
  return ms;
}
