/** What subscriptions were told that they miss: for the hub's figures. Noted by the feeder; those without gaps cost nothing. */
import type { GapReason } from '../../shared/terms.ts';
import type { Subscription } from './subscription.ts';

export interface GapTally {
  gaps: number;
  /** Of gaps whose count is known. */
  missedRecords: number;
  lastGap: GapReason;
}

/** The newest ones that had a gap, to be shown although they are live again. */
const RECENT = 32;

export class GapTallies {
  readonly #tallies = new WeakMap<Subscription, GapTally>();
  readonly #recent = new Set<Subscription>();

  note(subscription: Subscription, reason: GapReason, gaps: number, missedRecords: number): void {
    const tally = this.#tallies.get(subscription);
    if (tally) {
      tally.gaps += gaps;
      tally.missedRecords += missedRecords;
      tally.lastGap = reason;
    } else {
      this.#tallies.set(subscription, { gaps, missedRecords, lastGap: reason });
    }
    this.#recent.delete(subscription);
    this.#recent.add(subscription);
    if (this.#recent.size > RECENT)
      for (const oldest of this.#recent) return void this.#recent.delete(oldest);
  }

  of(subscription: Subscription): GapTally | undefined {
    return this.#tallies.get(subscription);
  }

  /** Those of the recent ones that are open still. */
  *recent(): IterableIterator<Subscription> {
    for (const subscription of this.#recent) {
      if (subscription.state === 'closed') this.#recent.delete(subscription);
      else yield subscription;
    }
  }
}
