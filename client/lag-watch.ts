/**
 * Keeps an eye on the subscriptions of a client that may lag: tells their lag a few times a second until it is gone, and
 * whether the client catches up by them. Looks at none that has taken all, so that a client that keeps up pays nothing.
 * Owned by client.ts; subscriptions report to it.
 */
import type { Clock } from '../shared/clock.ts';
import type { SubscriptionState } from './channel-reader.ts';
import { isNews, type Lag, largestOf, NO_LAG } from './lag.ts';
import { isBehind } from './status.ts';

/** Between two looks, and for how long one must be behind to be told of, ms. */
export const LOOK_MS = 250;

/** A subscription, as far as its lag goes. */
export interface Lagging {
  readonly state: SubscriptionState;
  readonly lag: Lag | null;
  tellLag(lag: Lag | null): void;
}

export interface LagHandlers {
  onLag(lag: Lag | null): void;
  /** `behind` changed. */
  onBehind(): void;
}

export class LagWatch {
  readonly #clock: Clock;
  readonly #handlers: LagHandlers;
  readonly #all = new Set<Lagging>();
  /** Those that may lag, or whose lag was told and is not gone. */
  readonly #watched = new Set<Lagging>();
  readonly #behind = new Set<Lagging>();
  /** Since when any is, monotonic ms. */
  #behindSinceMs: number | undefined;
  #isBehind = false;
  #told: Lag | null = NO_LAG;
  /** How far the hub's clock is ahead of this one, ms. */
  #aheadMs: number | undefined;
  #cancel: (() => void) | undefined;

  constructor(clock: Clock, handlers: LagHandlers) {
    this.#clock = clock;
    this.#handlers = handlers;
  }

  /** Whether the client catches up, as it is told. */
  get behind(): boolean {
    return this.#isBehind;
  }

  /** The largest of all subscriptions that have begun. */
  get lag(): Lag | null {
    const begun = [...this.#all].filter(({ state }) => state !== 'pending');
    return largestOf(begun.map(({ lag }) => lag));
  }

  /** The hub's Unix time, ms; undefined where it does not tell. */
  get hubTimeMs(): number | undefined {
    return this.#aheadMs === undefined ? undefined : this.#clock.nowMs() + this.#aheadMs;
  }

  started(one: Lagging): void {
    this.#all.add(one);
  }

  ended(one: Lagging): void {
    this.#all.delete(one);
    this.#watched.delete(one);
    this.#behind.delete(one);
    if (this.#all.size === 0) {
      this.#cancel?.();
      this.#cancel = undefined;
      this.#tell();
    }
    this.#judge();
  }

  /** It may lag by what it was handed. Called for each chunk that is not taken at once. */
  suspect(one: Lagging): void {
    this.#watched.add(one);
    this.#look();
  }

  /** Its state is another. */
  changed(one: Lagging): void {
    if (!this.#all.has(one)) return;
    this.suspect(one);
    this.#weigh(one, one.lag);
    this.#judge();
  }

  /** A connection begins, and its subscriptions with it: those that are not live yet count at once. */
  connected(timeMs: number | undefined): void {
    this.#aheadMs = timeMs === undefined ? undefined : timeMs - this.#clock.nowMs();
    for (const one of this.#all) if (one.state !== 'live') this.#behind.add(one);
    this.#behindSinceMs = Number.NEGATIVE_INFINITY;
    this.#judge();
  }

  #look(): void {
    this.#cancel ??= this.#clock.after(
      LOOK_MS,
      () => {
        this.#cancel = undefined;
        this.#lookNow();
      },
      true,
    );
  }

  #lookNow(): void {
    for (const one of [...this.#watched]) {
      const { lag } = one;
      this.#weigh(one, lag);
      if (!lag?.records && !this.#behind.has(one)) this.#watched.delete(one);
      one.tellLag(lag);
    }
    this.#tell();
    this.#judge();
    if (this.#watched.size > 0) this.#look();
  }

  #tell(): void {
    const { lag } = this;
    if (!isNews(this.#told, lag)) return;
    this.#told = lag;
    this.#handlers.onLag(lag);
  }

  #weigh(one: Lagging, lag: Lag | null): void {
    if (isBehind(one.state, lag, this.#behind.has(one))) this.#behind.add(one);
    else this.#behind.delete(one);
  }

  #judge(): void {
    const nowMs = this.#clock.monotonicMs();
    this.#behindSinceMs = this.#behind.size > 0 ? (this.#behindSinceMs ?? nowMs) : undefined;
    const behind = this.#behindSinceMs !== undefined && nowMs - this.#behindSinceMs >= LOOK_MS;
    if (behind === this.#isBehind) return;
    this.#isBehind = behind;
    this.#handlers.onBehind();
  }
}
