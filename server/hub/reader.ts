/**
 * The reading side of one connection: its subscriptions, by channel number, and the queue of those that catch up.
 * Fan-out and catch-up send through it; net/connection owns it.
 */
import type { RingcastError } from '../../shared/errors.ts';
import { SEGMENT_BYTES } from '../log/slab-allocator.ts';
import type { Sink } from './sink.ts';
import type { Subscription } from './subscription.ts';

/** A reader that drains what it was sent within so long may have more in flight. */
const QUICK_DRAIN_MS = 50;

/** Whose a connection is, for the hub's figures. */
export interface ReaderIdentity {
  readonly connection: string;
  readonly client: string | null;
  readonly subject: string | null;
}

/** How a reader's connection is ended, and whose it is. */
export interface ReaderEnds {
  readonly identity: ReaderIdentity;
  /** A fault of the hub in serving it. */
  failInternally(cause: unknown): void;
  /** It lags further than it chose to. */
  failLagging(error: RingcastError): void;
}

/** Whoever has no connection to end must hear of it. */
export const NOBODY: ReaderIdentity = { connection: '', client: null, subject: null };
const RETHROW: ReaderEnds = { identity: NOBODY, failInternally: rethrow, failLagging: rethrow };

const NONE: readonly Subscription[] = [];

export class Reader {
  readonly sink: Sink;
  /** Most connections have one, and a Map with one takes more memory than all the rest of a reader. */
  #subscriptions: Subscription | Map<number, Subscription> | undefined;
  #lagging: Subscription[] | undefined;
  #waiting: Subscription[] | undefined;
  #outgoing: Subscription[] | undefined;
  /** Waits in catch-up's round. */
  isQueued = false;
  /** A store read of this connection is under way. */
  isReading = false;
  /** What waits in its socket while it is blocked, as catch-up has counted it. */
  heldBytes = 0;
  /** Its client knows the frame `head`. */
  wantsHeads = false;
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

  get subscriptionCount(): number {
    const held = this.#subscriptions;
    if (held instanceof Map) return held.size;
    return held ? 1 : 0;
  }

  /** All as they are now, by channel number: a Map of the caller's own. */
  get subscriptions(): ReadonlyMap<number, Subscription> {
    const held = this.#subscriptions;
    if (held instanceof Map) return new Map(held);
    return new Map(held && [[held.channelNumber, held]]);
  }

  find(channelNumber: number): Subscription | undefined {
    const held = this.#subscriptions;
    if (held instanceof Map) return held.get(channelNumber);
    return held?.channelNumber === channelNumber ? held : undefined;
  }

  add(subscription: Subscription): void {
    const held = this.#subscriptions;
    if (held instanceof Map) held.set(subscription.channelNumber, subscription);
    else if (!held) this.#subscriptions = subscription;
    else this.#subscriptions = new Map([held, subscription].map((each) => [each.channelNumber, each]));
  }

  remove(subscription: Subscription): void {
    const held = this.#subscriptions;
    if (held instanceof Map) held.delete(subscription.channelNumber);
    else if (held === subscription) this.#subscriptions = undefined;
  }

  /** Its subscriptions that this tick has frames for, as {@link Gathering} collects them. */
  get outgoing(): Subscription[] {
    this.#outgoing ??= [];
    return this.#outgoing;
  }

  takeOutgoing(): Subscription[] {
    const taken = this.outgoing;
    this.#outgoing = undefined;
    return taken;
  }

  get identity(): ReaderIdentity {
    return this.#ends.identity;
  }

  /** Ends the connection after a fault of the hub in serving it. */
  fail(cause: unknown): void {
    this.#ends.failInternally(cause);
  }

  endLagging(error: RingcastError): void {
    this.#ends.failLagging(error);
  }

  /** Something is buffered: wait for the drain. */
  block(nowMs: number): void {
    this.#blockedAtMs ??= nowMs;
  }

  unblock(nowMs: number): void {
    this.isQuick = this.#blockedAtMs === undefined || nowMs - this.#blockedAtMs < QUICK_DRAIN_MS;
    this.#blockedAtMs = undefined;
  }

  /** Subscriptions that wait for their turn to catch up, first come first served. */
  get lagging(): readonly Subscription[] {
    return this.#lagging ?? NONE;
  }

  /** Those that need the connection's store read while it is another's: asked again only when that has ended. */
  get waiting(): readonly Subscription[] {
    return this.#waiting ?? NONE;
  }

  /** Whether one that catches up can be asked for its next step. */
  get hasLagging(): boolean {
    return this.lagging.length > 0 || (this.waiting.length > 0 && !this.isReading);
  }

  queueLagging(subscription: Subscription): void {
    if (subscription.isQueued) return;
    subscription.isQueued = true;
    this.#lagging ??= [];
    this.#lagging.push(subscription);
  }

  nextLagging(): Subscription | undefined {
    const subscription = this.#lagging?.shift() ?? (this.isReading ? undefined : this.#waiting?.shift());
    if (subscription) subscription.isQueued = false;
    if (this.#lagging?.length === 0) this.#lagging = undefined;
    if (this.#waiting?.length === 0) this.#waiting = undefined;
    return subscription;
  }

  queueWaiting(subscription: Subscription): void {
    subscription.isQueued = true;
    this.#waiting ??= [];
    this.#waiting.push(subscription);
  }

  /** The store read may be the next one's, before whoever had it asks again. */
  wakeWaiting(): void {
    const first = this.#waiting?.shift();
    if (!first) return;
    this.#lagging ??= [];
    this.#lagging.push(first);
  }

  /** Nothing is to be fed any more. */
  clearLagging(): void {
    for (const queue of [this.lagging, this.waiting]) {
      for (const subscription of queue) subscription.isQueued = false;
    }
    this.#lagging = undefined;
    this.#waiting = undefined;
  }

  /** `subscription` has ended. */
  dropLagging(subscription: Subscription): void {
    if (!subscription.isQueued) return;
    subscription.isQueued = false;
    for (const queue of [this.#lagging, this.#waiting]) {
      const index = queue?.indexOf(subscription) ?? -1;
      if (index >= 0) queue?.splice(index, 1);
    }
  }
}

function rethrow(cause: unknown): never {
  throw cause;
}
