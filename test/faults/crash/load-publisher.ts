/**
 * One publisher of the crash test: bursts of records that name themselves in their meta, as many unacknowledged ones as
 * its window allows, and an account of what became of each. Called by the crew.
 */
import { setTimeout as pause } from 'node:timers/promises';
import type { PublishResult } from '../../../client/exports.ts';
import type { Client } from '../../../client/node.ts';
import { RingcastError } from '../../../shared/errors.ts';
import { parseCursor } from '../../../shared/terms.ts';
import type { Random } from '../../support/random.ts';
import { until } from '../../support/until.ts';
import type { Published } from './accounts.ts';
import { payloadOf } from './payload.ts';

export interface PublisherPlan {
  readonly name: string;
  /** Each burst goes to one of them; each publishMany to all. */
  readonly channels: readonly string[];
  readonly ack: 'memory' | 'disk' | 'mixed';
  /** Records of a burst go into one publishMany over the channels. */
  readonly whole?: boolean;
  /** Each record is published on the condition that the one before is the newest of its only channel. */
  readonly chained?: boolean;
  /** How many keys there are; a tenth of the keyed records are tombstones. Default: none has a key. */
  readonly keys?: number;
}

const WINDOW = 200;
const MAX_BURST = 24;
const MAX_PAUSE_MS = 60;
/** Far longer than a hub is away. */
const SETTLE_TIMEOUT_MS = 30_000;

export class LoadPublisher {
  readonly published: Published[] = [];
  readonly #client: Client;
  readonly #plan: PublisherPlan;
  readonly #random: Random;
  readonly #counters = new Map<string, number>();
  #groups = 0;
  /** Where the chain's newest record is. */
  #chainEnd: string | undefined = '0-0';
  #pending = 0;
  #stopped = false;
  #loop: Promise<void> | undefined;

  constructor(client: Client, plan: PublisherPlan, random: Random) {
    this.#client = client;
    this.#plan = plan;
    this.#random = random;
  }

  start(): void {
    this.#loop = this.#run();
  }

  /** Publishes nothing more; resolves when all is answered, or nothing more will be. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#loop;
    const settled = () => this.#pending === 0;
    await until(settled, { what: 'answers', timeoutMs: SETTLE_TIMEOUT_MS }).catch(() => {});
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      if (this.#plan.chained) await this.#extendChain();
      else if (this.#pending < WINDOW) this.#burst();
      await pause(this.#random.below(MAX_PAUSE_MS));
    }
  }

  #burst(): void {
    const { channels, whole } = this.#plan;
    const count = 1 + this.#random.below(MAX_BURST);
    if (whole) {
      this.#publishMany(channels.flatMap((channel) => Array(1 + this.#random.below(3)).fill(channel)));
      return;
    }
    const channel = this.#random.pick(channels);
    for (let i = 0; i < count; i++) this.#publish(channel);
  }

  #publish(channel: string): void {
    const entry = this.#next(channel, null, this.#ack());
    const { data, ...options } = this.#item(entry);
    const result = this.#client.publish(channel, data, { ...options, ack: entry.ack });
    this.#settle(
      [entry],
      result.then((one) => [one]),
    );
  }

  /** Nobody else publishes there, so its condition always holds. */
  async #extendChain(): Promise<void> {
    const channel = this.#plan.channels[0]!;
    const entry = this.#next(channel, null, 'disk');
    const { data, ...options } = this.#item(entry);
    const expectedCursor = this.#chainEnd;
    const result = this.#client.publish(channel, data, { ...options, ack: 'disk', expectedCursor });
    this.#settle(
      [entry],
      result.then((one) => [one]),
    );
    const { cursor } = await result.catch(() => ({ cursor: null }));
    // Null where the first answer was lost: then the log says where the record is.
    this.#chainEnd =
      cursor ?? (await this.#client.history(channel, { reverse: true, limit: 1 })).records[0]?.cursor;
  }

  #publishMany(channels: readonly string[]): void {
    const ack = this.#ack();
    const group = `${this.#plan.name} many ${++this.#groups}`;
    const entries = channels.map((channel) => this.#next(channel, group, ack));
    const items = entries.map((entry) => ({ channel: entry.channel, ...this.#item(entry) }));
    this.#settle(entries, this.#client.publishMany(items, { ack }));
  }

  #next(channel: string, group: string | null, ack: Published['ack']): Published {
    const { name } = this.#plan;
    const counter = (this.#counters.get(channel) ?? 0) + 1;
    this.#counters.set(channel, counter);
    const id = `${name}/${channel}/${counter}`;
    const entry = { id, publisher: name, channel, counter, ack, group, outcome: 'pending', cursor: null };
    this.published.push(entry);
    return entry;
  }

  #item({ id }: Published) {
    const { keys } = this.#plan;
    const key = keys === undefined ? null : `k${this.#random.below(keys)}`;
    const isTombstone = key !== null && this.#random.chance(0.1);
    return { data: isTombstone ? null : payloadOf(id, this.#random.below(400)), key, meta: { id } };
  }

  #ack(): Published['ack'] {
    const { ack } = this.#plan;
    if (ack !== 'mixed') return ack;
    return this.#random.chance(0.5) ? 'disk' : 'memory';
  }

  #settle(entries: readonly Published[], result: Promise<readonly PublishResult[]>): void {
    this.#pending += entries.length;
    result
      .then(
        (results) => {
          for (const [i, entry] of entries.entries()) {
            entry.outcome = 'acked';
            entry.cursor = parseCursor(results[i]?.cursor ?? '') ?? null;
          }
        },
        (error: unknown) => {
          for (const entry of entries) {
            entry.outcome = error instanceof RingcastError ? error.code : String(error);
          }
        },
      )
      .finally(() => {
        this.#pending -= entries.length;
      });
  }
}
