/**
 * Publishes what the hub says of itself (shared/figures.ts), as records like any other. Costs what it lists and no more:
 * it reads counters, and never looks at all channels or subscriptions. Made by create-hub.
 */
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../../shared/clock.ts';
import { CHANNEL_FIGURES, HUB_FIGURES, SUBSCRIPTION_FIGURES } from '../../shared/figures.ts';
import { encodeValue } from '../../shared/msgpack.ts';
import { ActiveChannels } from '../hub/active-channels.ts';
import type { Hub } from '../hub/hub.ts';
import type { Reader } from '../hub/reader.ts';
import type { LoopDelay } from '../ops/loop-delay.ts';
import { channelFiguresOf } from './channel-figures.ts';
import { encodeFitting } from './fitting.ts';
import { type HubCounters, type HubGauges, hubFiguresOf } from './hub-figures.ts';
import { OwnChannel } from './own-channel.ts';
import { percentilesOf } from './percentiles.ts';
import { subscriptionFiguresOf } from './subscription-figures.ts';

/** Lists go out at every second round. */
const LIST_ROUNDS = 2;
/** The disk is asked how much it holds at every so many rounds. */
const DISK_ROUNDS = 10;
/** Connections whose buffers are asked for in one round; with more, the sum is that of the last times each was asked. */
const ASKED_PER_ROUND = 2000;

export interface FiguresOptions {
  readonly hub: Hub;
  readonly clock: Clock;
  readonly intervalMs: number;
  readonly serverName: string;
  readonly loopDelay: LoopDelay;
  /** Where the store lies; null for one in memory. */
  readonly folder: string | null;
  connectionCount(): number;
  /** Of the connections that are welcome. */
  readers(): Iterable<Reader>;
}

export class FiguresPublisher {
  readonly #options: FiguresOptions;
  readonly #hubChannel: OwnChannel;
  readonly #channelsChannel: OwnChannel;
  readonly #subscriptionsChannel: OwnChannel;
  readonly #active = new ActiveChannels();
  readonly #startMs: number;
  #delays: number[] = [];
  #counters: HubCounters;
  #countedMs: number;
  #listedMs: number;
  #listedChannels: readonly string[] = [];
  #round = 0;
  /** Connections that are still to be asked what waits for them. */
  #unasked: Iterator<Reader> | undefined;
  #bufferedSoFar = 0;
  #bufferedBytes = 0;
  #storedBytes: number | null = null;
  #cancel: (() => void) | undefined;

  constructor(options: FiguresOptions) {
    const { clock, hub, loopDelay } = options;
    this.#options = options;
    this.#hubChannel = new OwnChannel(hub, HUB_FIGURES);
    this.#channelsChannel = new OwnChannel(hub, CHANNEL_FIGURES);
    this.#subscriptionsChannel = new OwnChannel(hub, SUBSCRIPTION_FIGURES);
    this.#startMs = clock.monotonicMs();
    this.#countedMs = this.#startMs;
    this.#listedMs = this.#startMs;
    this.#counters = countersOf(hub);
    hub.fanOut.active = this.#active;
    if (options.folder !== null) this.#askDisk();
    loopDelay.listen((delayMs) => this.#delays.push(delayMs));
    this.#schedule();
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    this.#options.hub.fanOut.active = undefined;
    for (const own of [this.#hubChannel, this.#channelsChannel, this.#subscriptionsChannel]) own.close();
  }

  #schedule(): void {
    const { clock, intervalMs } = this.#options;
    this.#cancel = clock.after(
      intervalMs,
      () => {
        this.#tell();
        this.#schedule();
      },
      true,
    );
  }

  #tell(): void {
    const { hub } = this.#options;
    this.#round++;
    if (this.#options.folder !== null && this.#round % DISK_ROUNDS === 0) this.#askDisk();
    const isListRound = this.#round % LIST_ROUNDS === 0;
    this.#append(this.#hubChannel, encodeValue(this.#hubFigures()));
    if (!isListRound) return;
    const nowMs = this.#options.clock.monotonicMs();
    const intervalMs = nowMs - this.#listedMs;
    this.#listedMs = nowMs;
    const channels = channelFiguresOf(hub, this.#active.take(), this.#listedChannels, intervalMs);
    this.#listedChannels = channels.channels.map(({ channel }) => channel);
    const subscriptions = subscriptionFiguresOf(hub, this.#options.readers(), intervalMs);
    const listed = encodeFitting(channels.channels, (fitting) => ({ ...channels, channels: fitting }));
    this.#append(this.#channelsChannel, listed);
    this.#append(
      this.#subscriptionsChannel,
      encodeFitting(subscriptions.subscriptions, (fitting) => ({ ...subscriptions, subscriptions: fitting })),
    );
  }

  #hubFigures() {
    const { hub, clock } = this.#options;
    const nowMs = clock.monotonicMs();
    const before = this.#counters;
    const intervalMs = nowMs - this.#countedMs;
    this.#counters = countersOf(hub);
    this.#countedMs = nowMs;
    const delays = percentilesOf(this.#delays);
    this.#delays = [];
    const { boundsMs } = hub.fanOut.pushTimes;
    return hubFiguresOf(before, this.#counters, intervalMs, this.#gauges(nowMs), delays, boundsMs);
  }

  #gauges(nowMs: number): HubGauges {
    const { hub, serverName, connectionCount } = this.#options;
    const { writeBehind, epoch, ringBytes } = hub.logs;
    const { rss, heapUsed } = process.memoryUsage();
    return {
      server: serverName,
      epoch,
      uptimeMs: Math.round(nowMs - this.#startMs),
      connections: connectionCount(),
      subscriptions: hub.subscriptionCount,
      lagging: hub.lagging.count,
      channels: hub.channelCount,
      unpersistedMs: Math.round(writeBehind.unpersistedMs),
      unpersistedRecords: writeBehind.unpersistedRecords,
      unpersistedBytes: writeBehind.unpersistedBytes,
      storeFailing: hub.isStoreFailing,
      rssBytes: rss,
      heapBytes: heapUsed,
      ringBytes,
      bufferedBytes: this.#sumBuffered(),
      storedBytes: this.#storedBytes,
    };
  }

  #sumBuffered(): number {
    this.#unasked ??= this.#options.readers()[Symbol.iterator]();
    for (let asked = 0; asked < ASKED_PER_ROUND; asked++) {
      const { done, value } = this.#unasked.next();
      if (done) {
        this.#bufferedBytes = this.#bufferedSoFar;
        this.#bufferedSoFar = 0;
        this.#unasked = undefined;
        break;
      }
      this.#bufferedSoFar += value.sink.bufferedBytes;
    }
    return this.#bufferedBytes;
  }

  /** Where it cannot be opened, as where there are too many channels, there are no figures, and the hub goes on. */
  #append(own: OwnChannel, payload: Uint8Array): void {
    own
      .open()
      .then(() => own.append(payload))
      .catch(() => {});
  }

  #askDisk(): void {
    sizeOf(this.#options.folder!).then(
      (bytes) => {
        this.#storedBytes = bytes;
      },
      // Files come and go while they are counted.
      () => {},
    );
  }
}

function countersOf({ fanOut, catchUp, publishedRecords, publishedBytes }: Hub): HubCounters {
  const { user, system } = process.cpuUsage();
  const { deliveredRecords, deliveredBytes } = fanOut.stats;
  return {
    publishedRecords,
    publishedBytes,
    deliveredRecords,
    deliveredBytes,
    ...catchUp.stats,
    pushCounts: [...fanOut.pushTimes.counts],
    cpuMicroseconds: user + system,
  };
}

async function sizeOf(folder: string): Promise<number> {
  const names = await readdir(folder);
  const sizes = await Promise.all(names.map(async (name) => (await stat(join(folder, name))).size));
  return sizes.reduce((sum, size) => sum + size, 0);
}
