/**
 * How far a channel was pushed to the readers of one delivery, and who of them is live: those that see a record once it
 * is in the ring (`memory`), or once it is synced (`durable`). Fan-out moves it, catch-up reads up to it.
 *
 * I16: what is not synced is beyond the feed `durable`, so no reader of it is ever shown what a crash can take back.
 * I-hub-1: a subscription is in `live` if and only if its state is `live`; its cursor is then (epoch, pushedOffset).
 * I-hub-2: catch-up never reads past pushedOffset, so no record reaches a subscription by both ways.
 */
import type { Delivery, Offset } from '../../shared/terms.ts';
import type { ChannelLog } from '../log/channel-log.ts';
import type { LogBounds } from '../log/log-bounds.ts';
import type { Frame } from './frame-writer.ts';
import type { KeyIndex } from './key-index.ts';
import type { LaggingSubscriptions } from './lagging-subscriptions.ts';
import type { Subscription } from './subscription.ts';

export const NO_FRAMES: readonly Frame[] = [];

export class Feed {
  readonly log: ChannelLog;
  readonly delivery: Delivery;
  /** The last record that was handed to the live subscriptions. */
  pushedOffset: Offset;
  /** Run bytes of the channel up to it. */
  pushedBytes: number;
  /** Its records are gathered for so long before they are pushed; 0: until the end of the tick. */
  readonly pushIntervalMs: number;
  /** Has records that are not pushed yet. */
  isDirty = false;
  /** Their push interval is not over; kept by {@link PushSchedule}. */
  isHeld = false;
  /** It was pushed before its interval was over, for somebody who came. */
  isHastened = false;
  readonly live: Subscription[] = [];
  /** What this tick sends to them, and its bytes on the wire; kept by {@link Gathering}. */
  frames = NO_FRAMES;
  framesBytes = 0;
  /** Not live, and to be disconnected once they lag too far. */
  readonly limited = new Set<Subscription>();
  /** Those of policy `conflate` that are not live; the index lasts as long as there are any. */
  conflatingCount = 0;
  keyIndex: KeyIndex | undefined;

  /** All of the hub; kept for its figures. */
  readonly #lagging: LaggingSubscriptions | undefined;

  constructor(log: ChannelLog, delivery: Delivery, pushIntervalMs = 0, lagging?: LaggingSubscriptions) {
    this.#lagging = lagging;
    this.log = log;
    this.delivery = delivery;
    this.pushIntervalMs = pushIntervalMs;
    this.pushedOffset = this.targetOffset;
    this.pushedBytes = this.targetBytes;
  }

  /** The newest record that may be pushed. */
  get targetOffset(): Offset {
    return this.delivery === 'memory' ? this.log.headOffset : this.log.durableOffset;
  }

  get targetBytes(): number {
    return this.delivery === 'memory' ? this.log.headBytes : this.log.durableBytes;
  }

  /** The log as far as these readers may see it. */
  get bounds(): LogBounds {
    const { epochs, currentEpoch, oldestOffset } = this.log;
    return { epochs, currentEpoch, oldestOffset, headOffset: this.pushedOffset };
  }

  /** As {@link bounds}, with what is still to be pushed: for a pull, which nothing is pushed beside. */
  get pullBounds(): LogBounds {
    return { ...this.bounds, headOffset: this.targetOffset };
  }

  /** Whoever is live was handed all that has come; where nobody is, it needs no frames. */
  passOver(): void {
    this.pushedOffset = this.targetOffset;
    this.pushedBytes = this.targetBytes;
  }

  addLive(subscription: Subscription): void {
    subscription.liveIndex = this.live.length;
    this.live.push(subscription);
  }

  removeLive(subscription: Subscription): void {
    const last = this.live.pop()!;
    if (last !== subscription) {
      this.live[subscription.liveIndex] = last;
      last.liveIndex = subscription.liveIndex;
    }
    subscription.liveIndex = -1;
  }

  /** It is open, and not live. */
  addLagging(subscription: Subscription): void {
    this.#lagging?.add(subscription);
    const { policy } = subscription.terms;
    if (policy === 'disconnect') this.limited.add(subscription);
    else if (policy === 'conflate') this.conflatingCount++;
  }

  removeLagging(subscription: Subscription): void {
    this.#lagging?.remove(subscription);
    const { policy } = subscription.terms;
    if (policy === 'disconnect') this.limited.delete(subscription);
    else if (policy === 'conflate' && --this.conflatingCount === 0) this.#forgetKeys();
  }

  #forgetKeys(): void {
    this.keyIndex?.release();
    this.keyIndex = undefined;
  }
}
