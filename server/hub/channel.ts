/**
 * A channel as the hub serves it: its log, how far that has been pushed, and who is live on it.
 *
 * I-hub-1: a subscription is in `live` if and only if its state is `live`; its cursor is then (epoch, pushedOffset).
 * I-hub-2: catch-up never reads past pushedOffset, so no record reaches a subscription by both ways.
 */

import type { Offset } from '../../shared/terms.ts';
import type { ChannelLog } from '../log/channel-log.ts';
import type { LogBounds } from '../log/log-bounds.ts';
import type { Subscription } from './subscription.ts';

export class Channel {
  readonly log: ChannelLog;
  /** The last record that was handed to the live subscriptions. */
  pushedOffset: Offset;
  /** Has records that are not pushed yet. */
  isDirty = false;
  /** All that are open, live or not. */
  subscriptionCount = 0;
  readonly live: Subscription[] = [];

  constructor(log: ChannelLog) {
    this.log = log;
    this.pushedOffset = log.headOffset;
  }

  /** The log as far as readers may see it. */
  get bounds(): LogBounds {
    const { epochs, currentEpoch, oldestOffset } = this.log;
    return { epochs, currentEpoch, oldestOffset, headOffset: this.pushedOffset };
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
}
