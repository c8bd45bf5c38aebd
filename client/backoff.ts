/**
 * How long to wait before the next attempt: full jitter, so that clients cut off together do not come back together.
 * Pure; who waits is the connection (reconnects) and the subscriptions (requests refused for now).
 */

export interface BackoffPolicy {
  /** Upper bound of the first delay, ms. Default 200. */
  readonly baseMs: number;
  /** Upper bound of every delay, ms. Default 20,000. */
  readonly capMs: number;
  /** A connection that lived this long starts over with the shortest delays, ms. Default 10,000. */
  readonly resetAfterMs: number;
  /** A number from 0 to below 1. Default Math.random. */
  readonly random: () => number;
}

export const DEFAULT_BACKOFF: BackoffPolicy = Object.freeze({
  baseMs: 200,
  capMs: 20_000,
  resetAfterMs: 10_000,
  random: Math.random,
});

/** The delay before attempt `attempt` (from 0): anywhere between 0 and min(cap, base · 2^attempt). */
export function backoffDelayMs(attempt: number, policy: BackoffPolicy): number {
  return policy.random() * Math.min(policy.capMs, policy.baseMs * 2 ** attempt);
}
