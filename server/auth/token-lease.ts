/**
 * How long an accepted token carries a connection, as a pure decision:
 *
 *     accepted ──valid──▶ warn ──expiring──▶ expiry ──grace──▶ end ──expired
 *
 * Not its job: timers, frames, closing. The connection asks on accepting a token and again whenever told to look.
 */

/** How long before its expiry a token's holder is warned, ms. */
export const DEFAULT_WARN_BEFORE_MS = 60_000;
/** How long a connection goes on after the expiry of its token, ms. */
export const DEFAULT_GRACE_MS = 10_000;

export interface TokenLease {
  /** When the token was verified, Unix ms. */
  readonly acceptedAtMs: number;
  /** The token's own expiry, Unix ms. */
  readonly expiresAtMs: number;
  /** 0 = the connection ends with its token. Default {@link DEFAULT_GRACE_MS}. */
  readonly graceMs?: number;
  /** Cut to half of the lease for short ones. 0 = no warning. Default {@link DEFAULT_WARN_BEFORE_MS}. */
  readonly warnBeforeMs?: number;
}

/** `expiring`: the holder should have been warned. `grace`: past expiry, still served. `expired`: close. */
export type LeaseState = 'valid' | 'expiring' | 'grace' | 'expired';

export interface LeaseDecision {
  readonly state: LeaseState;
  /** Unix ms of the next change; null when there is none. Looking earlier is harmless. */
  readonly nextLookAtMs: number | null;
}

/** What holds at `nowMs`. A bound belongs to the state that it begins: at `expiresAtMs` itself it is `grace`. */
export function decideLease(lease: TokenLease, nowMs: number): LeaseDecision {
  const { acceptedAtMs, expiresAtMs } = lease;
  const { graceMs = DEFAULT_GRACE_MS, warnBeforeMs = DEFAULT_WARN_BEFORE_MS } = lease;
  // Half of the lease, so that a token of 30 s is not "expiring" from its first moment on.
  const halfMs = Math.max(0, Math.floor((expiresAtMs - acceptedAtMs) / 2));
  const warnAtMs = expiresAtMs - Math.min(warnBeforeMs, halfMs);
  if (nowMs < warnAtMs) return { state: 'valid', nextLookAtMs: warnAtMs };
  if (nowMs < expiresAtMs) return { state: 'expiring', nextLookAtMs: expiresAtMs };
  if (nowMs < expiresAtMs + graceMs) return { state: 'grace', nextLookAtMs: expiresAtMs + graceMs };
  return { state: 'expired', nextLookAtMs: null };
}
