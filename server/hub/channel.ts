/** A channel as the hub serves it: its log, and what its readers are pushed, by delivery. */
import type { Delivery } from '../../shared/terms.ts';
import type { ChannelLog } from '../log/channel-log.ts';
import { Feed } from './feed.ts';
import type { LaggingSubscriptions } from './lagging-subscriptions.ts';

export class Channel {
  readonly log: ChannelLog;
  readonly memory: Feed;
  /** Made when first asked for. */
  durable: Feed | undefined;
  /** All that are open, live or not. */
  subscriptionCount = 0;

  readonly #lagging: LaggingSubscriptions | undefined;

  /** @param pushIntervalMs see {@link Feed} */
  constructor(log: ChannelLog, pushIntervalMs = 0, lagging?: LaggingSubscriptions) {
    this.log = log;
    this.#lagging = lagging;
    this.memory = new Feed(log, 'memory', pushIntervalMs, lagging);
  }

  /** Has records that are not pushed yet. */
  get isDirty(): boolean {
    return this.memory.isDirty || this.durable?.isDirty === true;
  }

  feed(delivery: Delivery): Feed {
    if (delivery === 'memory') return this.memory;
    this.durable ??= new Feed(this.log, 'durable', this.memory.pushIntervalMs, this.#lagging);
    return this.durable;
  }
}
