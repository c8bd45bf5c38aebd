/**
 * Holds what a connection's token grants, and says when it is about to expire and when it has: a deadline around
 * auth/token-lease. The session acts on it.
 */
import type { Clock } from '../../shared/clock.ts';
import type { Grants } from '../auth/grants.ts';
import { decideLease, type LeaseState } from '../auth/token-lease.ts';
import type { VerifiedToken } from '../auth/verify-token.ts';
import { type Deadlines, NOT_WAITING, type Waiter } from './deadlines.ts';

export interface TokenTimes {
  /** Sent `token-expiring` so long before expiry, ms. */
  readonly warnBeforeExpiryMs: number;
  /** Served so long after it, ms. */
  readonly graceMs: number;
}

/** Of all connections. */
export interface TokenServices {
  readonly clock: Clock;
  readonly deadlines: Deadlines;
  readonly tokens: TokenTimes;
}

export interface TokenListener {
  /** Told each state after `valid`, once per token; at once where the token begins in it. */
  tokenChanged(state: LeaseState, expiresAtMs: number): void;
}

export class TokenWatch implements Waiter {
  place = NOT_WAITING;
  readonly #services: TokenServices;
  readonly #listener: TokenListener;
  /** The whole of it, as verified tokens are shared by the connections that use them. */
  #token: VerifiedToken;
  #acceptedAtMs: number;
  #state: LeaseState = 'valid';

  constructor(token: VerifiedToken, services: TokenServices, listener: TokenListener) {
    this.#services = services;
    this.#listener = listener;
    this.#token = token;
    this.#acceptedAtMs = services.clock.nowMs();
    this.due();
  }

  get grants(): Grants {
    return this.#token.grants;
  }

  get subject(): string | null {
    return this.#token.subject;
  }

  get expiresAtMs(): number {
    return this.#token.expiresAtMs;
  }

  replace(token: VerifiedToken): void {
    this.#token = token;
    this.#acceptedAtMs = this.#services.clock.nowMs();
    this.#state = 'valid';
    this.due();
  }

  close(): void {
    this.#services.deadlines.cancel(this);
  }

  due(): void {
    const { clock, deadlines, tokens } = this.#services;
    const lease = {
      acceptedAtMs: this.#acceptedAtMs,
      expiresAtMs: this.expiresAtMs,
      graceMs: tokens.graceMs,
      warnBeforeMs: tokens.warnBeforeExpiryMs,
    };
    const nowMs = clock.nowMs();
    const { state, nextLookAtMs } = decideLease(lease, nowMs);
    if (nextLookAtMs === null) deadlines.cancel(this);
    else deadlines.set(this, nextLookAtMs - nowMs);
    if (state === this.#state) return;
    this.#state = state;
    this.#listener.tokenChanged(state, this.expiresAtMs);
  }
}
