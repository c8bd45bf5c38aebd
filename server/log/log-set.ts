/**
 * All logs of a hub: shares among them the epoch, the slabs, the ring budget, write-behind and retention, maintains them
 * in turn and stops cleanly. The door of this folder: the hub goes through here. Opening and forgetting of channels is
 * log-directory's part.
 */
import type { Clock } from '../../shared/clock.ts';
import type { Epoch } from '../../shared/terms.ts';
import type { ChannelLog, LogContext } from './channel-log.ts';
import { enterEpoch, markCleanStop } from './epoch-mark.ts';
import { type ChannelLimits, LogDirectory } from './log-directory.ts';
import { LogReader } from './log-reader.ts';
import type { OrderedStore } from './ordered-store.ts';
import { DEFAULT_PRODUCER_LIMITS, type ProducerLimits } from './producer-table.ts';
import { Retention } from './retention.ts';
import { RingBudget } from './ring-budget.ts';
import { SegmentStore } from './segment-store.ts';
import { SlabAllocator } from './slab-allocator.ts';
import { WriteBehind } from './write-behind.ts';

/** Channels whose retention is looked at in one round of maintenance, open and not open ones. */
const LOGS_PER_ROUND = 200;
const STORED_PER_ROUND = 50;
/** How long a store that has not taken the last write may take to close. */
const LATE_CLOSE_MS = 1000;

export type { ChannelLimits } from './log-directory.ts';

export interface LogSetOptions {
  readonly store: OrderedStore;
  /** Where the mark of a clean stop lies; null for a store that is not durable. */
  readonly folder: string | null;
  readonly clock: Clock;
  /** Budget for the rings of all channels together, bytes. */
  readonly ringBytes: number;
  /** Appended and not yet synced, at most, bytes. */
  readonly unpersistedBytes: number;
  readonly maxChannels: number;
  /** Longest wait of a record for its write to begin, ms. */
  readonly maxDelayMs: number;
  /** What each channel remembers of its producers. Default: {@link DEFAULT_PRODUCER_LIMITS}. */
  readonly producers?: ProducerLimits;
  limitsOf(channel: string): ChannelLimits;
  /**
   * Something of these logs was synced; `durableOffset` is up to date, and whatever became durable just now lies in the
   * ring until this returns.
   */
  onSynced(logs: readonly ChannelLog[]): void;
  /** The store failed, or works again (`undefined`). */
  onStoreFailure(cause: unknown): void;
  /** Whether an idle log may be forgotten; it can be opened again at any time. */
  mayForget(log: ChannelLog): boolean;
}

export class LogSet {
  readonly reader: LogReader;
  readonly epoch: Epoch;
  readonly writeBehind: WriteBehind;
  readonly segmentStore: SegmentStore;
  readonly #options: LogSetOptions;
  readonly #slabs = new SlabAllocator();
  readonly #budget: RingBudget;
  readonly #retention: Retention;
  readonly #directory: LogDirectory;
  #sweep: Iterator<ChannelLog> | undefined;
  #sweepNumber = 0;
  /** Logs that retention is to look at first. */
  readonly #outgrown = new Set<ChannelLog>();
  #maintenance: Promise<void> | undefined;
  #isStopping = false;

  private constructor(
    options: LogSetOptions,
    segmentStore: SegmentStore,
    epoch: Epoch,
    stored: { lastNumber: number; channelCount: number },
  ) {
    const { clock, maxDelayMs, ringBytes } = options;
    this.#options = options;
    this.segmentStore = segmentStore;
    this.epoch = epoch;
    this.reader = new LogReader(segmentStore);
    this.#budget = new RingBudget(ringBytes, this.#slabs, clock);
    this.writeBehind = new WriteBehind({
      store: segmentStore,
      clock,
      maxDelayMs,
      onSynced: (logs) => this.#synced(logs),
      onFailure: (cause) => options.onStoreFailure(cause),
    });
    this.#retention = new Retention(segmentStore, this.writeBehind, clock);
    this.#directory = new LogDirectory(
      { ...options, store: segmentStore, reader: this.reader, writeBehind: this.writeBehind },
      this.#makeContext(),
      stored,
    );
  }

  /** Opens the store and enters the epoch; reads no record. Rejects with `store-failed`, the store closed again. */
  static async open(options: LogSetOptions): Promise<LogSet> {
    const { store, folder, clock } = options;
    await store.open();
    try {
      const { epoch } = await enterEpoch(store, folder, clock);
      const segmentStore = new SegmentStore(store);
      const lastNumber = await segmentStore.lastNumber();
      const channelCount = await segmentStore.channelCount();
      return new LogSet(options, segmentStore, epoch, { lastNumber, channelCount });
    } catch (cause) {
      await store.close().catch(() => {});
      throw cause;
    }
  }

  get isDurable(): boolean {
    return this.segmentStore.durable;
  }

  get ringBytes(): number {
    return this.#slabs.usedBytes;
  }

  /** Channels that have a number: all that are stored, and those in use. */
  get channelCount(): number {
    return this.#directory.channelCount;
  }

  /** The logs in memory. */
  get open(): IterableIterator<ChannelLog> {
    return this.#directory.logs;
  }

  get(name: string): ChannelLog | undefined {
    return this.#directory.get(name);
  }

  /**
   * The log of a channel, made when there is none yet. At once where it can be; rejects (or throws) `too-many-channels`
   * and `store-failed`.
   */
  openLog(name: string): ChannelLog | Promise<ChannelLog> {
    return this.#directory.openLog(name);
  }

  get maxUnpersistedBytes(): number {
    return this.#options.unpersistedBytes;
  }

  /** As {@link openLog} where there is such a channel; undefined where there is none. Makes none. */
  findLog(name: string): ChannelLog | undefined | Promise<ChannelLog | undefined> {
    return this.#directory.findLog(name);
  }

  /** Whether `bytes` more may be accepted before the disk has caught up. */
  hasRoomFor(bytes: number): boolean {
    return this.writeBehind.unpersistedBytes + bytes <= this.#options.unpersistedBytes;
  }

  /** Lets retention and ring age catch up a little; to be called about once a second. Rejects with `store-failed`. */
  maintain(): Promise<void> {
    if (this.#isStopping) return Promise.resolve();
    this.#maintenance ??= this.#maintain().finally(() => {
      this.#maintenance = undefined;
    });
    return this.#maintenance;
  }

  async #maintain(): Promise<void> {
    this.#budget.enforceAge();
    this.#budget.enforce();
    // Who has outgrown its limits has its turn at once, however many channels there are; the walk is for age.
    const outgrown = [...this.#outgrown];
    this.#outgrown.clear();
    for (const log of outgrown) {
      if (this.#isStopping) return;
      // Forgotten meanwhile, and perhaps opened again as another object, whose meta this one must not overwrite.
      if (this.#directory.get(log.name) !== log) continue;
      await this.#retention.apply(log);
    }
    for (let i = 0; i < LOGS_PER_ROUND && !this.#isStopping; i++) {
      this.#sweep ??= this.#directory.logs;
      const { value: log, done } = this.#sweep.next();
      if (done) {
        this.#sweep = undefined;
        break;
      }
      await this.#retention.apply(log);
      this.#directory.forgetIdle(log);
    }
    await this.#maintainStored();
  }

  /**
   * Everything to disk, small values merged, the mark of a clean stop, the store closed. Gives up after `timeoutMs`,
   * as when the disk is full: then the stop is not clean, the next run begins a new epoch, and false is returned.
   */
  async stop(timeoutMs: number): Promise<boolean> {
    this.#isStopping = true;
    const { clock, folder } = this.#options;
    const { store } = this.segmentStore;
    const endMs = clock.monotonicMs() + timeoutMs;
    const isFlushed = await within(clock, timeoutMs, this.#flush());
    // Merging small values is for those who will read them; no record depends on it.
    if (isFlushed) await within(clock, Math.max(0, endMs - clock.monotonicMs()), this.#mergeAll());
    const isQuiet = await within(clock, LATE_CLOSE_MS, this.writeBehind.stop());
    if (!isFlushed || !isQuiet) {
      // A write that hangs would hold the close up, too.
      await within(clock, LATE_CLOSE_MS, store.close());
      return false;
    }
    try {
      await markCleanStop(store, folder);
    } finally {
      await store.close();
    }
    return true;
  }

  async #flush(): Promise<void> {
    await this.#maintenance?.catch(() => {});
    await this.writeBehind.flush();
  }

  async #mergeAll(): Promise<void> {
    for (const log of this.#directory.logs) {
      const last = log.segments.at(-1);
      if (last) log.seal(last);
    }
    await this.writeBehind.flush();
  }

  /** Channels that nobody opened since the start have a retention too. */
  async #maintainStored(): Promise<void> {
    if (this.#isStopping) return;
    const channels = await this.segmentStore.channelsFrom(this.#sweepNumber, STORED_PER_ROUND);
    for (const { name, number } of channels) {
      if (this.#isStopping) return;
      // Moved on first: one that cannot be read must not keep all behind it waiting.
      this.#sweepNumber = number + 1;
      if (this.#directory.get(name)) continue;
      const log = await this.#directory.look(name);
      await this.#retention.apply(log);
      this.#directory.forgetIdle(log);
    }
    if (channels.length === 0) this.#sweepNumber = 0;
  }

  #makeContext(): LogContext {
    return {
      slabs: this.#slabs,
      epoch: this.epoch,
      producers: this.#options.producers ?? DEFAULT_PRODUCER_LIMITS,
      segmentOpened: (segment) => {
        this.#budget.add(segment);
        if (this.#budget.isExceeded) this.#budget.enforce();
      },
      segmentClosed: (segment) => this.#budget.remove(segment),
      segmentSealed: (segment) => this.writeBehind.addMerge(segment),
      appended: (log, bytes) => this.writeBehind.appended(log, bytes),
    };
  }

  #synced(logs: readonly ChannelLog[]): void {
    // First, as what became durable may leave the ring next, and its readers would have to get it from the store.
    this.#options.onSynced(logs);
    for (const log of logs) {
      this.#budget.enforceChannel(log);
      if (this.#retention.isOutgrown(log)) this.#outgrown.add(log);
    }
    if (this.#budget.isExceeded) this.#budget.enforce();
  }
}

/** Whether `work` is done in time; it goes on in any case. */
async function within(clock: Clock, timeoutMs: number, work: Promise<void>): Promise<boolean> {
  let cancel = () => {};
  const late = new Promise<boolean>((resolve) => {
    cancel = clock.after(timeoutMs, () => resolve(false));
  });
  try {
    return await Promise.race([work.then(() => true), late]);
  } finally {
    cancel();
  }
}
