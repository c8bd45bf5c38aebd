/**
 * Which logs are in memory: opens channels (at once where it can be, else from the store), gives new ones their number,
 * and forgets the idle. A log that only maintenance looks at is left bare: its producers and its state are loaded once
 * it is asked for. Called by log-set.
 *
 *     (stored) ──look──▶ bare ──openLog──▶ loading ──▶ complete ──idle──▶ (stored)
 */
import type { Clock } from '../../shared/clock.ts';
import { RingcastError } from '../../shared/errors.ts';
import { ChannelLog, type LogContext, type RetentionLimits, type RingLimits } from './channel-log.ts';
import type { LogReader } from './log-reader.ts';
import type { SegmentStore } from './segment-store.ts';
import { StateIndex, type StateLimits } from './state-index.ts';
import { loadState } from './state-loader.ts';
import type { ChannelMeta } from './store-keys.ts';
import type { WriteBehind } from './write-behind.ts';

/** A log is forgotten once it was idle for so long: whoever was just given it has pinned it, or let it go, by then. */
const FORGET_AFTER_MS = 10_000;

export interface ChannelLimits {
  readonly ring: RingLimits;
  readonly retention: RetentionLimits;
  /** null, the default: the channel keeps no state. What it kept before stays on disk as it was. */
  readonly state?: StateLimits | null;
}

export interface LogDirectoryOptions {
  readonly store: SegmentStore;
  readonly reader: LogReader;
  readonly writeBehind: WriteBehind;
  readonly clock: Clock;
  readonly maxChannels: number;
  limitsOf(channel: string): ChannelLimits;
  /** Whether an idle log may be forgotten; it can be opened again at any time. */
  mayForget(log: ChannelLog): boolean;
}

export class LogDirectory {
  readonly #options: LogDirectoryOptions;
  readonly #context: LogContext;
  readonly #logs = new Map<string, ChannelLog>();
  /** Looks for channels in the store. */
  readonly #looking = new Map<string, Promise<ChannelLog>>();
  readonly #loading = new Map<ChannelLog, Promise<void>>();
  #lastNumber: number;
  #channelCount: number;
  /** Every channel there is has its log in memory, so none needs to be looked for in the store. */
  #allOpen: boolean;

  constructor(
    options: LogDirectoryOptions,
    context: LogContext,
    stored: { readonly lastNumber: number; readonly channelCount: number },
  ) {
    this.#options = options;
    this.#context = context;
    this.#lastNumber = stored.lastNumber;
    this.#channelCount = stored.channelCount;
    this.#allOpen = stored.channelCount === 0;
  }

  /** Channels that have a number: all that are stored, and those in use. */
  get channelCount(): number {
    return this.#channelCount;
  }

  /** Those in memory, bare ones too. */
  get logs(): IterableIterator<ChannelLog> {
    return this.#logs.values();
  }

  get(name: string): ChannelLog | undefined {
    return this.#logs.get(name);
  }

  /** As {@link LogSet.openLog}. */
  openLog(name: string): ChannelLog | Promise<ChannelLog> {
    const known = this.#logs.get(name) ?? (this.#allOpen ? this.#add(name, undefined) : undefined);
    if (!known) return this.#openStored(name);
    known.isAskedFor = true;
    known.idleSinceMs = undefined;
    return known.contents === 'complete' ? known : this.#openStored(name);
  }

  /** As {@link openLog} where there is such a channel; undefined where there is none. Makes none. */
  findLog(name: string): ChannelLog | undefined | Promise<ChannelLog | undefined> {
    if (this.#logs.has(name)) return this.openLog(name);
    if (this.#allOpen) return undefined;
    return this.#options.store.findChannel(name).then((meta) => meta && this.openLog(name));
  }

  /** The log for maintenance, perhaps a bare one. Rejects with `store-failed`. */
  look(name: string): Promise<ChannelLog> {
    const known = this.#looking.get(name);
    if (known) return known;
    const looking = this.#options.store
      .findChannel(name)
      .then((meta) => this.#add(name, meta))
      .finally(() => this.#looking.delete(name));
    this.#looking.set(name, looking);
    return looking;
  }

  /** Lets go of a log that nobody needs for a while: it can be opened again. */
  forgetIdle(log: ChannelLog): void {
    const isUnused = log.headOffset === 0;
    if (!log.isIdle || (log.metaDirty && !isUnused)) {
      log.idleSinceMs = undefined;
      return;
    }
    const nowMs = this.#options.clock.monotonicMs();
    log.idleSinceMs ??= nowMs;
    if (log.isAskedFor && nowMs - log.idleSinceMs < FORGET_AFTER_MS) return;
    if (!this.#options.mayForget(log)) return;
    this.#logs.delete(log.name);
    // Its number is not given again, but it takes no place either.
    if (isUnused) this.#channelCount--;
    else this.#allOpen = false;
  }

  async #openStored(name: string): Promise<ChannelLog> {
    const log = this.#logs.get(name) ?? (await this.look(name));
    log.isAskedFor = true;
    if (log.contents === 'complete') return log;
    const loading = this.#loading.get(log) ?? this.#load(log);
    await loading;
    return log;
  }

  #load(log: ChannelLog): Promise<void> {
    const loading = this.#readContents(log).finally(() => this.#loading.delete(log));
    this.#loading.set(log, loading);
    return loading;
  }

  async #readContents(log: ChannelLog): Promise<void> {
    const { store, reader, writeBehind } = this.#options;
    log.contents = 'loading';
    log.pins++;
    try {
      const producers = await store.producersOf(log.number);
      const limits = this.#options.limitsOf(log.name).state;
      const state = limits ? await loadState(store, reader, log, limits) : null;
      log.complete(state, producers);
    } catch (cause) {
      log.contents = 'bare';
      throw cause;
    } finally {
      log.pins--;
    }
    if (log.state?.isUnsaved) writeBehind.addRest(log);
  }

  #add(name: string, stored: ChannelMeta | undefined): ChannelLog {
    const { maxChannels } = this.#options;
    if (!stored && this.#channelCount >= maxChannels) {
      throw new RingcastError('too-many-channels', `this hub takes no more than ${maxChannels} channels`);
    }
    if (!stored) this.#channelCount++;
    const meta = stored ?? newChannel(++this.#lastNumber);
    const limits = this.#options.limitsOf(name);
    const log = new ChannelLog(name, meta, stored !== undefined, this.#context, limits);
    if (!stored) log.complete(limits.state ? new StateIndex(log.number, limits.state, 0) : null, undefined);
    this.#logs.set(name, log);
    return log;
  }
}

function newChannel(number: number): ChannelMeta {
  return { number, epochs: [], oldestOffset: 1, oldestBytes: 0, headOffset: 0, headBytes: 0, lastTimeMs: 0 };
}
