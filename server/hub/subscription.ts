/**
 * One reader's cursor on one channel. Holds state, moves it only by subscription-state; who feeds it is fan-out (live)
 * or catch-up (else).
 */
import { type Cursor, compareCursors } from '../../shared/terms.ts';
import type { Channel } from './channel.ts';
import type { Reader } from './reader.ts';
import { nextState, type SubscriptionEvent, type SubscriptionState } from './subscription-state.ts';

export class Subscription {
  readonly reader: Reader;
  readonly channel: Channel;
  #state: SubscriptionState = 'catching-up';
  #cursor: Cursor;
  /** Where it stands in the channel's list while live; kept by {@link Channel}. */
  liveIndex = -1;
  /** Waits in its reader's queue of those that catch up. */
  isQueued = false;

  constructor(reader: Reader, channel: Channel, cursor: Cursor) {
    this.reader = reader;
    this.channel = channel;
    this.#cursor = cursor;
  }

  get state(): SubscriptionState {
    return this.#state;
  }

  get channelNumber(): number {
    return this.channel.log.number;
  }

  /** Everything up to here was sent. */
  get cursor(): Cursor {
    const { log, pushedOffset } = this.channel;
    return this.#state === 'live' ? { epoch: log.currentEpoch, offset: pushedOffset } : this.#cursor;
  }

  /** Records between the cursor and what is pushed. */
  get lagRecords(): number {
    return Math.max(0, this.channel.pushedOffset - this.cursor.offset);
  }

  /** Catch-up has sent everything up to `cursor`. */
  advance(cursor: Cursor): void {
    if (compareCursors(cursor, this.#cursor) < 0) throw new TypeError('a cursor never goes back');
    this.#cursor = cursor;
  }

  apply(event: SubscriptionEvent): void {
    const before = this.#state;
    this.#state = nextState(before, event);
    if (before === this.#state) return;
    if (this.#state === 'live') this.channel.addLive(this);
    else if (before === 'live') this.channel.removeLive(this);
  }

  /** Stops being live: its socket took records up to `cursor` and no more. */
  demote(cursor: Cursor): void {
    this.#cursor = cursor;
    this.apply('socket-full');
  }
}
