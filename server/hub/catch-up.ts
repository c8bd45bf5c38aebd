/**
 * The pull side of the live path: feeds the subscriptions that are not live from the log, page by page, until each has
 * reached what is pushed and is live again. Replay after reconnect, history on subscribing and slow sockets are this
 * one thing.
 *
 * A round costs a bounded number of bytes, so that a long replay never holds the live ones up. A reader is sent a page
 * only while nothing is buffered for it (a quick one may have four in flight), so what a stalled reader costs is one
 * page. One store read at a time per connection; its page is dropped if the subscription was closed or the socket
 * filled meanwhile, and read again when there is room.
 */

import type { Clock } from '../../shared/clock.ts';
import type { LogReader } from '../log/log-reader.ts';
import { SEGMENT_BYTES } from '../log/slab-allocator.ts';
import { judgeLag } from './drop-policy.ts';
import { Feeder, type FeedStats } from './feeder.ts';
import type { GapTallies } from './gap-tallies.ts';
import type { Reader } from './reader.ts';
import { CATCH_UP_MARK_BYTES } from './sink.ts';
import type { Subscription } from './subscription.ts';

/** Bytes sent in one round, over all readers; the event loop turns between rounds. */
const ROUND_BYTES = 1024 * 1024;
/** What may wait for readers that were trusted with more than a page, all together. */
const BUDGET_BYTES = 64 * 1024 * 1024;

export interface CatchUpHandlers {
  onStoreError(cause: unknown): void;
  /** A subscription has come up to what is pushed. */
  onLive(subscription: Subscription): void;
}

export class CatchUp {
  readonly #clock: Clock;
  readonly #feeder: Feeder;
  readonly #budgetBytes: number;
  #heldBytes = 0;
  #queue: Reader[] = [];
  #isScheduled = false;

  /** @param budgetBytes once so much waits for all readers together, quick ones too get a page at a time */
  constructor(logReader: LogReader, clock: Clock, handlers: CatchUpHandlers, budgetBytes = BUDGET_BYTES) {
    this.#budgetBytes = budgetBytes;
    this.#clock = clock;
    this.#feeder = new Feeder(logReader, clock, {
      onStoreError: (cause) => handlers.onStoreError(cause),
      onLive: (subscription) => handlers.onLive(subscription),
      onDone: (subscription) => this.#again(subscription),
      hasRoom: (reader, spent, bytes) => this.#hasRoom(reader, spent, bytes),
    });
  }

  get stats(): FeedStats {
    return this.#feeder.stats;
  }

  get tallies(): GapTallies {
    return this.#feeder.tallies;
  }

  /** A new subscription: live at once where it already is at the head. */
  start(subscription: Subscription): void {
    const isReady = subscription.state === 'catching-up' && !subscription.reader.sink.isFull;
    if (isReady && this.#feeder.isAtHead(subscription)) subscription.apply('caught-up');
    else this.add(subscription);
  }

  /** `subscription` is behind; feed it as its socket and its credit allow. */
  add(subscription: Subscription): void {
    if (subscription.state !== 'catching-up') return;
    subscription.reader.queueLagging(subscription);
    this.#enqueue(subscription.reader);
  }

  /** The client of `subscription` has taken `bytes` of what it was sent. */
  credited(subscription: Subscription, bytes: number): void {
    if (!subscription.credit(bytes) || subscription.state !== 'paused') return;
    subscription.apply('credit-given');
    this.add(subscription);
  }

  /** Those of a feed that must not lag too far, and do, are disconnected. */
  enforceLimits(limited: Iterable<Subscription>): void {
    for (const subscription of [...limited]) {
      if (judgeLag(subscription.terms, subscription.lag) === 'disconnect')
        this.#feeder.disconnect(subscription);
    }
  }

  /** The socket of `reader` has taken everything. */
  drained(reader: Reader): void {
    reader.unblock(this.#clock.monotonicMs());
    this.#hold(reader, 0);
    if (reader.hasLagging) this.#enqueue(reader);
  }

  /** `reader` is gone. */
  forget(reader: Reader): void {
    this.#hold(reader, 0);
  }

  /** Keeps the sum of what waits for the readers that are blocked. */
  #hold(reader: Reader, bytes: number): void {
    this.#heldBytes += bytes - reader.heldBytes;
    reader.heldBytes = bytes;
  }

  #enqueue(reader: Reader): void {
    if (reader.isQueued) return;
    reader.isQueued = true;
    this.#queue.push(reader);
    this.#schedule();
  }

  #schedule(): void {
    if (this.#isScheduled || this.#queue.length === 0) return;
    this.#isScheduled = true;
    setImmediate(() => {
      this.#isScheduled = false;
      this.#round();
      this.#schedule();
    });
  }

  #round(): void {
    const readers = this.#queue;
    this.#queue = [];
    let room = ROUND_BYTES;
    let i = 0;
    for (; i < readers.length && room > 0; i++) {
      const reader = readers[i]!;
      reader.isQueued = false;
      room -= this.#feedGuarded(reader, room);
    }
    // Who had no turn goes first in the next round; who was fed and wants more has queued itself behind.
    this.#queue = [...readers.slice(i), ...this.#queue];
  }

  /** A fault of the hub at one reader ends that one's connection; the others are fed. */
  #feedGuarded(reader: Reader, room: number): number {
    try {
      return this.#feed(reader, room);
    } catch (cause) {
      reader.fail(cause);
      return 0;
    }
  }

  /** Sends `reader` what it may have now; returns what that cost, in bytes. */
  #feed(reader: Reader, room: number): number {
    let spent = 0;
    while (reader.hasLagging && this.#hasRoom(reader, spent)) {
      if (spent >= room || spent >= CATCH_UP_MARK_BYTES) {
        this.#enqueue(reader);
        break;
      }
      const subscription = reader.nextLagging()!;
      const step = this.#feeder.step(subscription);
      if (step === 'gone') continue;
      // It must not keep those waiting that the ring can feed.
      if (step === 'waiting') reader.queueWaiting(subscription);
      else {
        spent += step;
        if (subscription.state === 'catching-up') reader.queueLagging(subscription);
      }
    }
    return spent;
  }

  /** @param bytes of the page to come; one that is a single large record may have more than is foreseen */
  #hasRoom(reader: Reader, spent: number, bytes = SEGMENT_BYTES): boolean {
    const { bufferedBytes } = reader.sink;
    if (bufferedBytes === 0) return true;
    const isTrusted = reader.isQuick && this.#heldBytes < this.#budgetBytes;
    if (isTrusted && spent > 0 && bufferedBytes + bytes <= CATCH_UP_MARK_BYTES) return true;
    reader.block(this.#clock.monotonicMs());
    this.#hold(reader, bufferedBytes);
    return false;
  }

  #again(subscription: Subscription): void {
    const { reader } = subscription;
    reader.wakeWaiting();
    if (subscription.state === 'catching-up') reader.queueLagging(subscription);
    if (reader.hasLagging) this.#enqueue(reader);
  }
}
