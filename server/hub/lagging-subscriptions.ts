/** The subscriptions of a hub that are not live, and since when: for its figures. Kept by the feeds. */
import type { Clock } from '../../shared/clock.ts';
import type { Subscription } from './subscription.ts';

export class LaggingSubscriptions {
  readonly #clock: Clock;
  /** By when they stopped being live, the earliest first. */
  readonly #sinceMs = new Map<Subscription, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get count(): number {
    return this.#sinceMs.size;
  }

  add(subscription: Subscription): void {
    this.#sinceMs.set(subscription, this.#clock.monotonicMs());
  }

  remove(subscription: Subscription): void {
    this.#sinceMs.delete(subscription);
  }

  /** How long it has not been live, ms; 0 while it is. */
  laggingMs(subscription: Subscription): number {
    const sinceMs = this.#sinceMs.get(subscription);
    return sinceMs === undefined ? 0 : this.#clock.monotonicMs() - sinceMs;
  }

  [Symbol.iterator](): IterableIterator<Subscription> {
    return this.#sinceMs.keys();
  }
}
