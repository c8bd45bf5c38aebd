/**
 * The hub without sockets: channels, their readers and publishers, and the tick that binds them. Connections come in as
 * sinks; net/ owns the sockets and the frames, log/ the records. The verbs are in files of their own: publish, subscribe,
 * pull; the two ways out in fan-out and catch-up.
 */
import { isChannelName } from '../../shared/channel-name.ts';
import type { Clock } from '../../shared/clock.ts';
import type { ChannelLog } from '../log/channel-log.ts';
import { LogSet, type LogSetOptions } from '../log/log-set.ts';
import { CatchUp } from './catch-up.ts';
import { Channel } from './channel.ts';
import { FanOut } from './fan-out.ts';
import { Heads } from './heads.ts';
import { LaggingSubscriptions } from './lagging-subscriptions.ts';
import { ProducerConnections } from './producer-connections.ts';
import type { Publisher } from './publisher.ts';
import type { Reader } from './reader.ts';
import type { Subscription } from './subscription.ts';
import type { ReaderCaps } from './subscription-terms.ts';

const MAINTENANCE_MS = 1000;
/** How long a stop waits for the disk. */
const STOP_TIMEOUT_MS = 10_000;
/** Channels being opened for frames that wait for their turn. */
const MAX_FORESEEN = 64;

/** Limits of what one request may hold, each in the unit its name ends with. */
export interface HubLimits {
  readonly maxRecordBytes: number;
  readonly maxKeyBytes: number;
  readonly maxMetaBytes: number;
  readonly maxSubscriptionsPerConnection: number;
}

export interface HubOptions extends Omit<LogSetOptions, 'onSynced' | 'onStoreFailure' | 'mayForget'> {
  readonly limits: HubLimits;
  /** What subscribers of a channel may choose. */
  capsOf(channel: string): ReaderCaps;
  /** How long records of a channel are gathered before they are pushed, ms. Default 0: until the end of the tick. */
  pushIntervalOf?(channel: string): number;
  /** The store failed, or works again (`undefined`). */
  onStoreFailure(cause: unknown): void;
}

export class Hub {
  readonly clock: Clock;
  readonly limits: HubLimits;
  readonly logs: LogSet;
  readonly fanOut: FanOut;
  readonly catchUp: CatchUp;
  readonly heads: Heads;
  readonly lagging: LaggingSubscriptions;
  readonly producers = new ProducerConnections();
  readonly #options: HubOptions;
  readonly #channels = new Map<string, Channel>();
  /** Publishers with something to settle at the end of the tick, and those whose credit is held back. */
  #unsettled: Publisher[] = [];
  #heldBack = new Set<Publisher>();
  #foreseen = 0;
  #newestMs = 0;
  #isStopping = false;
  #cancelMaintenance: (() => void) | undefined;
  #storeFailure: unknown;
  /** All that are open. */
  subscriptionCount = 0;
  publishedRecords = 0;
  publishedBytes = 0;

  private constructor(options: HubOptions, logs: LogSet) {
    this.#options = options;
    this.clock = options.clock;
    this.limits = options.limits;
    this.logs = logs;
    this.heads = new Heads(options.clock);
    this.lagging = new LaggingSubscriptions(options.clock);
    this.catchUp = new CatchUp(logs.reader, options.clock, {
      onStoreError: (cause) => options.onStoreFailure(cause),
      onLive: (subscription) => this.heads.live(subscription),
    });
    this.fanOut = new FanOut(options.clock, {
      onLagging: (subscription) => {
        this.catchUp.add(subscription);
        this.heads.watch(subscription);
      },
      onLimited: (feed) => this.catchUp.enforceLimits(feed.limited),
      onTick: () => this.#endTick(),
    });
  }

  /** Rejects with `store-failed`. */
  static async open(options: HubOptions): Promise<Hub> {
    let hub: Hub | undefined;
    const logs = await LogSet.open({
      ...options,
      onSynced: (synced) => hub?.synced(synced),
      onStoreFailure: (cause) => hub?.noteStore(cause),
      mayForget: (log) => hub?.forget(log) ?? true,
    });
    hub = new Hub(options, logs);
    hub.#scheduleMaintenance();
    return hub;
  }

  /** Unix time, ms, that never goes back while the hub runs, whatever the clock does: what producers did is ordered by it. */
  get nowMs(): number {
    return this.advanceTo(this.clock.nowMs());
  }

  /** As {@link nowMs}, where the clock was just read. */
  advanceTo(clockMs: number): number {
    if (clockMs > this.#newestMs) this.#newestMs = clockMs;
    return this.#newestMs;
  }

  /** The channels in use. */
  get channels(): IterableIterator<Channel> {
    return this.#channels.values();
  }

  /** What is accepted from now on would not be written. */
  get isStopping(): boolean {
    return this.#isStopping;
  }

  get isStoreFailing(): boolean {
    return this.#storeFailure !== undefined;
  }

  /** Unpersisted bytes are past half of their bound: publishers are given no more credit until the disk catches up. */
  get isPressed(): boolean {
    return this.logs.writeBehind.unpersistedBytes > this.#options.unpersistedBytes / 2;
  }

  get channelCount(): number {
    return this.#channels.size;
  }

  isOpen(name: string): boolean {
    return this.#channels.has(name);
  }

  /** The channel of this name where it is in use. */
  inUse(name: string): Channel | undefined {
    return this.#channels.get(name);
  }

  /** The channel of this name, at once where its log is in memory. Rejects `too-many-channels`, `store-failed`. */
  openChannel(name: string): Channel | Promise<Channel> {
    const known = this.#channels.get(name);
    if (known) return known;
    const log = this.logs.openLog(name);
    return log instanceof Promise ? log.then((opened) => this.#channelOf(opened)) : this.#channelOf(log);
  }

  /** As {@link openChannel} where there is such a channel; undefined where there is none. Makes none. */
  findChannel(name: string): Channel | undefined | Promise<Channel | undefined> {
    const log = this.logs.findLog(name);
    if (log instanceof Promise) return log.then((found) => found && this.#channelOf(found));
    return log && this.#channelOf(log);
  }

  /** Begins to open a channel that a frame to come needs, if there is such a name. What fails is told then. */
  foresee(name: string): void {
    if (this.#channels.has(name) || this.#foreseen >= MAX_FORESEEN || !isChannelName(name)) return;
    const opening = this.logs.openLog(name);
    if (!(opening instanceof Promise)) return;
    this.#foreseen++;
    const done = () => {
      this.#foreseen--;
    };
    opening.then(done, done);
  }

  /**
   * Keeps a channel from being forgotten until {@link release}: to be called where its use spans more than one turn.
   * Opens it again when that happened since it was opened. Rejects as {@link openChannel}.
   */
  async hold(opening: Channel | Promise<Channel>): Promise<Channel> {
    let channel = await opening;
    while (this.#channels.get(channel.log.name) !== channel) {
      channel = await this.openChannel(channel.log.name);
    }
    channel.log.pins++;
    return channel;
  }

  release(channel: Channel): void {
    channel.log.pins--;
  }

  capsOf(channel: string): ReaderCaps {
    return this.#options.capsOf(channel);
  }

  /** Brings `publisher` to the end of the tick. */
  settleLater(publisher: Publisher): void {
    if (!publisher.isUnsettled) {
      publisher.isUnsettled = true;
      this.#unsettled.push(publisher);
    }
    this.fanOut.schedule();
  }

  forgetPublisher(publisher: Publisher): void {
    publisher.isUnsettled = false;
    this.#heldBack.delete(publisher);
  }

  closeSubscription(subscription: Subscription): void {
    if (subscription.state === 'closed') return;
    subscription.apply('close');
    this.heads.forget(subscription);
    subscription.reader.dropLagging(subscription);
    subscription.channel.subscriptionCount--;
    this.subscriptionCount--;
    subscription.reader.remove(subscription);
  }

  closeReader(reader: Reader): void {
    reader.clearLagging();
    this.catchUp.forget(reader);
    for (const subscription of reader.subscriptions.values()) this.closeSubscription(subscription);
  }

  /** These logs were synced further: durable readers are pushed at once, while the ring still holds what they need. */
  synced(logs: readonly ChannelLog[]): void {
    for (const { name } of logs) {
      const feed = this.#channels.get(name)?.durable;
      if (feed) this.fanOut.grown(feed, 0);
    }
    this.fanOut.flush();
    this.#releaseCredit();
  }

  #releaseCredit(): void {
    if (this.#heldBack.size === 0 || this.isPressed) return;
    for (const publisher of this.#heldBack) this.settleLater(publisher);
    this.#heldBack.clear();
  }

  noteStore(failure: unknown): void {
    this.#storeFailure = failure;
    this.#options.onStoreFailure(failure);
  }

  /** Whether the log may go; its channel goes with it. */
  forget(log: ChannelLog): boolean {
    const channel = this.#channels.get(log.name);
    if (channel && (channel.subscriptionCount > 0 || channel.isDirty)) return false;
    this.#channels.delete(log.name);
    return true;
  }

  /** Everything accepted goes to disk; no publish may come any more. False when the disk did not take it in time. */
  async stop(): Promise<boolean> {
    this.#cancelMaintenance?.();
    this.#cancelMaintenance = undefined;
    this.#isStopping = true;
    this.fanOut.end();
    this.heads.end();
    return this.logs.stop(STOP_TIMEOUT_MS);
  }

  #channelOf(log: ChannelLog): Channel {
    const known = this.#channels.get(log.name);
    if (known) return known;
    const channel = new Channel(log, this.#options.pushIntervalOf?.(log.name), this.lagging);
    this.#channels.set(log.name, channel);
    return channel;
  }

  #endTick(): void {
    const unsettled = this.#unsettled;
    if (unsettled.length === 0) return;
    this.#unsettled = [];
    const { isPressed } = this;
    for (const publisher of unsettled) {
      // Gone, or settled already.
      if (!publisher.isUnsettled) continue;
      publisher.isUnsettled = false;
      this.#answerOnceSynced(publisher);
      if (publisher.settle(isPressed)) this.#heldBack.add(publisher);
    }
  }

  /** One wait for all of a tick, which is in one write or in several that follow each other. */
  #answerOnceSynced(publisher: Publisher): void {
    const answers = publisher.takeUnsynced();
    if (!answers) return;
    this.logs.writeBehind.afterSync(() => {
      for (const answer of answers) publisher.answer(answer);
      this.settleLater(publisher);
    });
  }

  #scheduleMaintenance(): void {
    this.#cancelMaintenance = this.clock.after(MAINTENANCE_MS, () => {
      this.logs
        .maintain()
        .catch((cause) => this.#options.onStoreFailure(cause))
        .finally(() => this.#cancelMaintenance && this.#scheduleMaintenance());
    });
  }
}
