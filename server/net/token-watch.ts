/**
 * Holds what a connection's token grants, and says when it is about to expire and when it has: a timer around
 * auth/token-lease. The connection acts on it.
 */
import type { Clock } from '../../shared/clock.ts';
import type { Grants } from '../auth/grants.ts';
import { decideLease, type LeaseState } from '../auth/token-lease.ts';
import type { VerifiedToken } from '../auth/verify-token.ts';

export interface TokenTimes {
  /** Sent `token-expiring` so long before expiry, ms. */
  readonly warnBeforeExpiryMs: number;
  /** Served so long after it, ms. */
  readonly graceMs: number;
}

export class TokenWatch {
  readonly #clock: Clock;
  readonly #times: TokenTimes;
  readonly #onState: (state: LeaseState, expiresAtMs: number) => void;
  #token: VerifiedToken;
  #acceptedAtMs = 0;
  #state: LeaseState = 'valid';
  #cancel: (() => void) | undefined;

  /** @param onState told each state after `valid`, once per token; at once where the token begins in it */
  constructor(
    token: VerifiedToken,
    clock: Clock,
    times: TokenTimes,
    onState: (state: LeaseState, expiresAtMs: number) => void,
  ) {
    this.#clock = clock;
    this.#times = times;
    this.#onState = onState;
    this.#token = token;
    this.replace(token);
  }

  get grants(): Grants {
    return this.#token.grants;
  }

  get expiresAtMs(): number {
    return this.#token.expiresAtMs;
  }

  replace(token: VerifiedToken): void {
    this.#token = token;
    this.#acceptedAtMs = this.#clock.nowMs();
    this.#state = 'valid';
    this.#look();
  }

  close(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }

  #look(): void {
    this.#cancel?.();
    const { warnBeforeExpiryMs, graceMs } = this.#times;
    const { expiresAtMs } = this.#token;
    const lease = {
      acceptedAtMs: this.#acceptedAtMs,
      expiresAtMs,
      graceMs,
      warnBeforeMs: warnBeforeExpiryMs,
    };
    const nowMs = this.#clock.nowMs();
    const { state, nextLookAtMs } = decideLease(lease, nowMs);
    if (nextLookAtMs !== null) this.#cancel = this.#clock.after(nextLookAtMs - nowMs, () => this.#look());
    if (state === this.#state) return;
    this.#state = state;
    this.#onState(state, expiresAtMs);
  }
}
