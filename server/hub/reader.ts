/**
 * The reading side of one connection: its subscriptions, by channel number, and the queue of those that catch up.
 * Fan-out and catch-up send through it; net/connection owns it.
 */
import type { RingcastError } from '../../shared/errors.ts';
import { SEGMENT_BYTES } from '../log/slab-allocator.ts';
import type { Frame } from './frame-writer.ts';
import type { Sink } from './sink.ts';
import type { Subscription } from './subscription.ts';

/** A reader that drains what it was sent within so long may have more in flight. */
const QUICK_DRAIN_MS = 50;

/** How a reader's connection is ended. */
export interface ReaderEnds {
  /** A fault of the hub in serving it. */
  failed(cause: unknown): void;
  /** It lags further than it chose to. */
  lagging(error: RingcastError): void;
}

/** Whoever has no connection to end must hear of it. */
const RETHROW: ReaderEnds = { failed: rethrow, lagging: rethrow };

export class Reader {
  readonly sink: Sink;
  readonly subscriptions = new Map<number, Subscription>();
  /** Subscriptions that wait for their turn to catch up, first come first served. */
  readonly lagging: Subscription[] = [];
  /** Those that need the connection's store read while it is another's: asked again only when that has ended. */
  readonly waiting: Subscription[] = [];
  /** This tick's frames, with whom each is for; filled and emptied by fan-out. */
  readonly outgoing: { subscription: Subscription; frame: Frame }[] = [];
  /** Waits in catch-up's round. */
  isQueued = false;
  /** A store read of this connection is under way. */
  isReading = false;
  /** What waits in its socket while it is blocked, as catch-up has counted it. */
  heldBytes = 0;
  /** What it was sent last was taken at once or soon. */
  isQuick = false;
  /** What one store read is to bring: more than a page while it takes whole reads at once. */
  storeReadBytes = SEGMENT_BYTES;
  #blockedAtMs: number | undefined;
  readonly #ends: ReaderEnds;

  constructor(sink: Sink, ends: ReaderEnds = RETHROW) {
    this.sink = sink;
    this.#ends = ends;
  }

  /** Ends the connection after a fault of the hub in serving it. */
  fail(cause: unknown): void {
    this.#ends.failed(cause);
  }

  endLagging(error: RingcastError): void {
    this.#ends.lagging(error);
  }

  /** Something is buffered: wait for the drain. */
  block(nowMs: number): void {
    this.#blockedAtMs ??= nowMs;
  }

  unblock(nowMs: number): void {
    this.isQuick = this.#blockedAtMs === undefined || nowMs - this.#blockedAtMs < QUICK_DRAIN_MS;
    this.#blockedAtMs = undefined;
  }

  /** Whether one that catches up can be asked for its next step. */
  get hasLagging(): boolean {
    return this.lagging.length > 0 || (this.waiting.length > 0 && !this.isReading);
  }

  queueLagging(subscription: Subscription): void {
    if (subscription.isQueued) return;
    subscription.isQueued = true;
    this.lagging.push(subscription);
  }

  nextLagging(): Subscription | undefined {
    const subscription = this.lagging.shift() ?? (this.isReading ? undefined : this.waiting.shift());
    if (subscription) subscription.isQueued = false;
    return subscription;
  }

  queueWaiting(subscription: Subscription): void {
    subscription.isQueued = true;
    this.waiting.push(subscription);
  }

  /** The store read may be the next one's, before whoever had it asks again. */
  wakeWaiting(): void {
    const first = this.waiting.shift();
    if (first) this.lagging.push(first);
  }

  /** Nothing is to be fed any more. */
  clearLagging(): void {
    for (const queue of [this.lagging, this.waiting]) {
      for (const subscription of queue) subscription.isQueued = false;
      queue.length = 0;
    }
  }

  /** `subscription` has ended. */
  dropLagging(subscription: Subscription): void {
    if (!subscription.isQueued) return;
    subscription.isQueued = false;
    const queue = this.lagging.includes(subscription) ? this.lagging : this.waiting;
    queue.splice(queue.indexOf(subscription), 1);
  }
}

function rethrow(cause: unknown): never {
  throw cause;
}
