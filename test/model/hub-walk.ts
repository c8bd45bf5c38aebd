/**
 * A random walk over the whole hub without sockets, beside what is true of it: publishes of idempotent producers,
 * readers of every policy, delivery and credit, stalls, cuts, retention, writes that hang and fail, clean stops, crashes
 * and exchanged folders. Each frame is judged as it is sent; at the end everyone reads again and must have all.
 */
import assert from 'node:assert/strict';
import { setImmediate as turn } from 'node:timers/promises';
import type { Hub } from '../../server/hub/hub.ts';
import { NOBODY, Reader } from '../../server/hub/reader.ts';
import { subscribe } from '../../server/hub/subscribe.ts';
import { RingcastError } from '../../shared/errors.ts';
import { encodeValue } from '../../shared/msgpack.ts';
import { type From, parseCursor } from '../../shared/terms.ts';
import { FakeSink } from '../support/fake-sink.ts';
import type { Random } from '../support/random.ts';
import { CHANNELS, type Ending, HubLife } from './hub-life.ts';
import { type Draft, ModelProducer } from './model-producer.ts';
import { ModelReader, type ReaderPlan } from './model-reader.ts';
import { World } from './world.ts';

const KEYS = ['a', 'b', 'c', 'd', 'e'];
const SIZES = [0, 10, 200, 200, 2000, 2000, 9000, 70_000];

interface Connection {
  readonly reader: Reader;
  readonly sink: FakeSink;
  readonly readers: Map<string, ModelReader>;
  isEnded: boolean;
}

export class HubWalk {
  readonly #random: Random;
  readonly #life: HubLife;
  readonly #world = new World(CHANNELS);
  readonly #producers = ['p', 'q'].map((name) => new ModelProducer(name, this.#world));
  #connections: Connection[] = [];
  #lastValue = 0;
  readonly steps: string[] = [];
  /** What readers and producers met: a walk that meets nothing proves nothing. */
  readonly met: Record<string, number> = {};

  /** `folder` is for the mark of a clean stop. */
  constructor(random: Random, folder: string) {
    this.#random = random;
    // Most walks meet a hub that is soon overloaded, the others one that takes more than one write can hold.
    this.#life = new HubLife(folder, random.chance(0.8) ? 300_000 : 20_000_000);
  }

  async run(stepCount: number): Promise<void> {
    await this.#life.open();
    for (const producer of this.#producers) producer.connect(this.#hub);
    for (let i = 0; i < stepCount; i++) {
      await this.#step();
      this.#check();
    }
    await this.#finish();
    await this.#life.kill();
  }

  async #step(): Promise<void> {
    const random = this.#random;
    const connection = this.#connections.length > 0 ? random.pick(this.#connections) : this.#connect();
    const steps: [weight: number, name: string, run: () => unknown][] = [
      [30, 'publish', () => this.#publish()],
      [0.3, 'flood', () => this.#flood()],
      [3, 'resend', () => random.pick(this.#producers).resend()],
      [2, 'reconnect a producer', () => this.#reconnectProducer()],
      [9, 'stall', () => connection.sink.stall()],
      [9, 'drain some', () => this.#drain(connection, random.below(200_000))],
      [9, 'drain', () => this.#drain(connection)],
      [9, 'give credit', () => this.#giveCredit(connection)],
      [10, 'subscribe', () => this.#subscribe(connection)],
      [3, 'unsubscribe', () => this.#unsubscribe(connection)],
      [3, 'connect', () => this.#connections.length < 4 && this.#connect()],
      [3, 'cut', () => this.#cut(connection)],
      [8, 'wait', () => this.#life.clock.advance(random.pick([1, 3, 7, 10, 50, 50, 300]))],
      [3, 'maintain', () => this.#life.clock.advance(1000)],
      [5, 'turn', () => this.#turns(random.below(12))],
      [2, 'hold writes', () => this.#life.store.holdWrites()],
      [5, 'release writes', () => this.#life.store.releaseWrites()],
      [2, 'fail a write', () => this.#failWrite()],
      [1, 'fail a read', () => this.#life.store.failNextRead()],
      [1, 'back up', () => this.#life.backUp()],
      [1, 'restart', () => this.#restart()],
      [2, 'crash', () => this.#crash()],
      [0.5, 'restore', () => this.#restore()],
    ];
    let at = random.next() * steps.reduce((sum, [weight]) => sum + weight, 0);
    const [, name, run] = steps.find(([weight]) => {
      at -= weight;
      return at < 0;
    })!;
    this.steps.push(name);
    this.#count(name);
    await run();
    await this.#turns(random.below(3));
  }

  async #turns(count: number): Promise<void> {
    for (let i = 0; i < count; i++) await turn();
  }

  #count(what: string, times = 1): void {
    this.met[what] = (this.met[what] ?? 0) + times;
  }

  /** What no frame shows: that nobody is left standing. */
  #check(): void {
    for (const { reader, sink, readers, isEnded } of this.#connections) {
      sink.check();
      if (isEnded) continue;
      assert.equal(reader.subscriptions.size, readers.size);
      for (const { subscription, history, plan } of readers.values()) {
        if (!subscription) continue;
        const { state, feed, cursor, isQueued } = subscription;
        this.#count(state);
        assert.deepEqual(
          cursor,
          history!.cursor,
          `${plan.channel} was sent something else than its cursor says`,
        );
        assert.equal(feed.live.includes(subscription), state === 'live');
        assert.equal([...reader.lagging, ...reader.waiting].includes(subscription), isQueued);
        assert.equal(isQueued, state === 'catching-up');
        if (state === 'paused') assert(!subscription.credit(0), 'paused with credit');
      }
      const isMoving = reader.isQueued || reader.isReading || sink.bufferedBytes > 0;
      assert(
        reader.lagging.length + reader.waiting.length === 0 || isMoving,
        'somebody lags, and nobody feeds it',
      );
    }
  }

  // Publishing ----------------------------------------------------------------------------------------------------------

  async #publish(): Promise<void> {
    const random = this.#random;
    const producer = random.pick(this.#producers);
    const count = random.chance(0.2) ? 3 : 1;
    const drafts = Array.from({ length: count }, () => this.#draft(random.pick(CHANNELS)));
    await this.#storeMayFail(() => producer.publish(drafts, random.chance(0.4) ? 'disk' : 'memory'));
  }

  /** More than one write takes, in publishes to several channels, and perhaps a crash in its midst. */
  async #flood(): Promise<void> {
    const producer = this.#random.pick(this.#producers);
    for (let i = 0; i < 16; i++) {
      const drafts = CHANNELS.map((channel) => this.#draft(channel, [150_000]));
      await this.#storeMayFail(() => producer.publish(drafts, 'memory'));
    }
    await this.#turns(this.#random.below(8));
    if (this.#random.chance(0.7)) await this.#crash();
  }

  #draft(channel: string, sizes = SIZES): Draft {
    const random = this.#random;
    const records = Array.from({ length: 1 + random.below(random.chance(0.1) ? 40 : 5) }, () => {
      const key = random.chance(0.8) ? random.pick(KEYS) : null;
      const isTombstone = key !== null && random.chance(0.1);
      const value = isTombstone ? null : [++this.#lastValue, 'x'.repeat(random.pick(sizes))];
      return { input: { key, meta: null, payload: encodeValue(value) }, value };
    });
    return { channel, records };
  }

  async #reconnectProducer(): Promise<void> {
    const producer = this.#random.pick(this.#producers);
    producer.connect(this.#hub);
    await this.#storeMayFail(() => producer.resend());
  }

  /** While the store is away, channels that are not in memory cannot be opened. */
  async #storeMayFail(run: () => Promise<unknown>): Promise<void> {
    try {
      await this.#life.drive(run());
    } catch (error) {
      if (!(error instanceof RingcastError && error.code === 'store-failed')) throw error;
      this.#count('store-failed');
    }
  }

  // Reading -------------------------------------------------------------------------------------------------------------

  #connect(): Connection {
    const sink = new FakeSink(this.#random.below(300_000));
    const connection: Connection = {
      sink,
      readers: new Map(),
      isEnded: false,
      reader: new Reader(sink, {
        identity: NOBODY,
        failInternally: (cause) => {
          throw cause;
        },
        failLagging: () => {
          this.#count('disconnected');
          this.#close(connection);
        },
      }),
    };
    this.#connections.push(connection);
    return connection;
  }

  #close(connection: Connection): void {
    connection.isEnded = true;
    connection.sink.isClosed = true;
    this.#hub.closeReader(connection.reader);
  }

  async #cut(connection: Connection): Promise<void> {
    this.#close(connection);
    await this.#resume(connection);
  }

  /** Its readers go on over another connection. */
  async #resume(connection: Connection): Promise<void> {
    this.#connections = this.#connections.filter((each) => each !== connection);
    const next = this.#connect();
    for (const reader of connection.readers.values()) await this.#openReader(next, reader);
  }

  async #subscribe(connection: Connection): Promise<void> {
    if (connection.isEnded) {
      await this.#resume(connection);
      return;
    }
    const channel = this.#random.pick(CHANNELS);
    if (connection.readers.has(channel)) return;
    await this.#openReader(connection, new ModelReader(this.#plan(channel), this.#world));
  }

  async #openReader(connection: Connection, reader: ModelReader): Promise<void> {
    const { channel } = reader.plan;
    connection.readers.set(channel, reader);
    const { resumeFrom: from, options } = reader;
    const request = { op: 'subscribe', id: 1, channel, from, options } as const;
    try {
      await this.#life.drive(
        subscribe(
          this.#hub,
          connection.reader,
          request,
          () => true,
          () => !connection.isEnded,
          ({ channelNumber, cursor }) => {
            const subscription = connection.reader.subscriptions.get(channelNumber)!;
            reader.opened(subscription, parseCursor(cursor)!);
            connection.sink.expectBy(channelNumber, (frame, bytes) => reader.check(frame, bytes));
          },
        ),
      );
    } catch (error) {
      if (!(error instanceof RingcastError) || error.code === 'internal') throw error;
      this.#count(error.code);
      connection.readers.delete(channel);
      // A place that the exchanged folder does not know, or a store that is away: the reader begins anew some time.
      assert(['unknown-cursor', 'store-failed'].includes(error.code), `${error.code}: ${error.message}`);
    }
  }

  #plan(channel: string): ReaderPlan {
    const random = this.#random;
    const policy = random.pick(['replay', 'replay', 'drop-oldest', 'conflate', 'conflate', 'disconnect']);
    const limits =
      policy === 'drop-oldest' || policy === 'disconnect'
        ? random.pick([
            { maxLagRecords: 1 + random.below(30) },
            { maxLagBytes: 1 + random.below(60_000) },
            { maxLagRecords: 1 + random.below(30), maxLagBytes: 1 + random.below(60_000) },
          ])
        : {};
    const credit = random.chance(0.5) ? { creditBytes: random.pick([1, 1000, 30_000, 100_000]) } : {};
    const deliver = random.chance(0.4) ? { deliver: 'durable' } : {};
    return { channel, from: this.#from(channel), options: { policy, ...limits, ...credit, ...deliver } };
  }

  #from(channel: string): From {
    const random = this.#random;
    const facts = this.#world.facts(channel);
    const known = facts.length > 0 ? random.pick(facts) : { epoch: this.#hub.logs.epoch, offset: 0 };
    const keepsState = channel.endsWith('state');
    return random.pick<From>([
      'latest',
      'earliest',
      keepsState ? 'state' : 'latest',
      keepsState ? 'state' : 'earliest',
      { last: random.below(50) },
      { since: this.#life.clock.nowMs() - random.below(3000) },
      { cursor: { epoch: known.epoch, offset: known.offset } },
    ]);
  }

  #unsubscribe({ readers, sink }: Connection): void {
    const open = [...readers.values()].filter(({ subscription }) => subscription);
    if (open.length === 0) return;
    const reader = this.#random.pick(open);
    const subscription = reader.subscription!;
    sink.expectNothing(subscription.channelNumber);
    this.#hub.closeSubscription(subscription);
    readers.delete(reader.plan.channel);
    this.#met(reader.met);
  }

  #drain({ sink, reader }: Connection, bytes?: number): void {
    sink.drain(bytes);
    if (sink.bufferedBytes === 0) this.#hub.catchUp.drained(reader);
  }

  #giveCredit({ readers, isEnded }: Connection, all = false): void {
    if (isEnded) return;
    for (const reader of readers.values()) {
      if (!reader.subscription || reader.heldBytes === 0) continue;
      const bytes = all || this.#random.chance(0.5) ? reader.heldBytes : this.#random.below(reader.heldBytes);
      reader.heldBytes -= bytes;
      this.#hub.catchUp.credited(reader.subscription, bytes);
    }
  }

  #met(met: Readonly<Record<string, number>>): void {
    for (const [what, times] of Object.entries(met)) this.#count(what, times);
  }

  // The hub and its disk --------------------------------------------------------------------------------------------------

  get #hub(): Hub {
    return this.#life.hub;
  }

  #failWrite(): void {
    const { store } = this.#life;
    store.failNextWrite(this.#random.pick(['nothing-written', 'written-but-reported-failed']));
    if (this.#random.chance(0.3)) store.failOpens(1 + this.#random.below(2));
  }

  async #restart(): Promise<void> {
    this.#leave();
    const ending = await this.#life.stop();
    if (ending === 'clean') this.#world.stopped();
    await this.#reopen(ending);
  }

  async #crash(): Promise<void> {
    this.#leave();
    if (this.#random.chance(0.5)) this.#life.store.failNextWrite('nothing-written');
    await this.#life.kill();
    await this.#reopen('crash');
  }

  async #restore(): Promise<void> {
    if (!this.#life.hasBackup) return;
    this.#leave();
    await this.#life.kill();
    this.#life.exchangeFolder();
    for (const { readers } of this.#connections) for (const reader of readers.values()) reader.exchanged();
    await this.#reopen('restored');
  }

  #leave(): void {
    for (const connection of this.#connections) this.#close(connection);
  }

  async #reopen(after: Ending): Promise<void> {
    const heads = await this.#life.reopen(after);
    for (const producer of this.#producers) producer.connect(this.#hub);
    if (after === 'crash' || after === 'perhaps-clean') this.#world.crashed(heads);
    else if (after === 'restored') this.#world.truncate(heads);
    for (const connection of [...this.#connections]) await this.#resume(connection);
    for (const producer of this.#producers) await this.#storeMayFail(() => producer.resend());
  }

  // The end ---------------------------------------------------------------------------------------------------------------

  /** The disk works, everyone reads, everything is answered. */
  async #finish(): Promise<void> {
    this.#life.store.releaseWrites();
    for (const connection of [...this.#connections]) if (connection.isEnded) await this.#resume(connection);
    for (let round = 0; ; round++) {
      for (const producer of this.#producers)
        if (!producer.isSettled) await this.#storeMayFail(() => producer.resend());
      for (const connection of [...this.#connections]) {
        if (connection.isEnded) await this.#resume(connection);
        this.#drain(connection);
        this.#giveCredit(connection, true);
      }
      await this.#turns(30);
      this.#life.clock.advance(300);
      await this.#turns(30);
      this.#check();
      if (this.#isQuiet()) break;
      // A credit of one byte lets one record pass a round.
      assert(round < 3000, `not everyone came to the end: ${JSON.stringify(this.#standing())}`);
    }
    for (const { readers } of this.#connections) for (const reader of readers.values()) this.#met(reader.met);
    for (const producer of this.#producers) this.#met(producer.met);
    for (const channel of CHANNELS) this.#checkWhole(channel);
  }

  #isQuiet(): boolean {
    return this.#standing().length === 0;
  }

  /** Who is not where it should be in the end. */
  #standing(): unknown[] {
    const open = this.#connections.flatMap(({ readers }) => [...readers.values()]);
    const lagging = open
      .filter(({ subscription, history }) => {
        const head = this.#world.facts(subscription!.channel.log.name).length;
        return subscription!.state !== 'live' || history!.cursor.offset !== head || !history!.isStateWhole;
      })
      .map(({ plan, subscription }) => [plan, subscription!.state, subscription!.cursor]);
    const unsettled = this.#producers
      .filter(({ isSettled }) => !isSettled)
      .map(() => 'a producer waits for answers');
    return [...lagging, ...unsettled];
  }

  /** Of each producer, the entries that the channel holds are in order, and none is there twice. */
  #checkWhole(channel: string): void {
    const last = new Map<string, number>();
    let before = '';
    for (const { entry } of this.#world.facts(channel)) {
      if (entry === before) continue;
      before = entry;
      const [producer, , sequence] = entry.split(' ');
      assert(Number(sequence) > (last.get(producer!) ?? 0), `${entry} comes after ${last.get(producer!)}`);
      last.set(producer!, Number(sequence));
    }
  }
}
