import { expect, test } from 'vitest';
import type { Reader } from '../../../server/hub/reader.ts';
import { createMemoryStore } from '../../../server/log/memory-store.ts';
import { ManualClock } from '../../../shared/clock.ts';
import type { From } from '../../../shared/terms.ts';
import { FakeSink } from '../../support/fake-sink.ts';
import { HubCore, type Opened, turn } from '../../support/hub-core.ts';
import { Random } from '../../support/random.ts';
import { until } from '../../support/until.ts';

const CHANNELS = ['a', 'b', 'c'];
/** Small enough that readers meet the ring, the store and retention in one walk. */
const channelLimits = {
  ring: { maxRecords: 20, maxBytes: null, maxAgeMs: null },
  retention: { maxRecords: 300, maxBytes: null, maxAgeMs: null },
};

interface Connected {
  readonly reader: Reader;
  readonly sink: FakeSink;
  readonly opened: Map<string, Opened>;
}

class Walk {
  readonly #core: HubCore;
  readonly #random: Random;
  #connections: Connected[] = [];
  /** How often each step was taken, and what readers met: a walk that meets nothing proves nothing. */
  readonly met = { live: 0, lagging: 0, reading: 0, gaps: 0, records: 0 };

  constructor(core: HubCore, random: Random) {
    this.#core = core;
    this.#random = random;
  }

  async step(): Promise<void> {
    const random = this.#random;
    const connection = random.pick(this.#connections) ?? this.#connect();
    const steps: [weight: number, run: () => unknown][] = [
      [30, () => this.#publish()],
      [10, () => connection.sink.stall()],
      [10, () => this.#core.drain(connection.reader, random.below(200_000))],
      [10, () => this.#core.drain(connection.reader)],
      [12, () => this.#subscribe(connection)],
      [6, () => this.#unsubscribe(connection)],
      [2, () => this.#connections.length < 5 && this.#connect()],
      [1, () => this.#disconnect(connection)],
      [8, () => this.#core.clock.advance(50)],
      [3, () => this.#core.clock.advance(1000)],
      [4, () => this.#core.flush()],
      [6, () => this.#core.hub.fanOut.flush()],
    ];
    let at = random.below(steps.reduce((sum, [weight]) => sum + weight, 0));
    const [, run] = steps.find(([weight]) => {
      at -= weight;
      return at < 0;
    })!;
    await run();
    for (let turns = random.below(3); turns > 0; turns--) await turn();
    this.check();
  }

  /** Everyone reads again: all must become live, having been shown all. */
  async finish(): Promise<void> {
    await turn();
    for (const { reader } of this.#connections) this.#core.drain(reader);
    for (const { opened, sink } of this.#connections) {
      for (const [channel, { subscription, history }] of opened) {
        const have = () => [channel, subscription.state, subscription.cursor, subscription.lagRecords];
        await until(() => subscription.state === 'live', { what: 'everyone to be live', have });
        const { log } = subscription.channel;
        expect(history.cursor).toEqual({ epoch: log.currentEpoch, offset: log.headOffset });
      }
      sink.check();
    }
    this.check();
  }

  check(): void {
    const counts = new Map<string, number>();
    for (const { reader, sink, opened } of this.#connections) {
      sink.check();
      expect([...reader.subscriptions.values()].length).toBe(opened.size);
      for (const [channel, one] of opened) {
        this.#checkOne(reader, one);
        counts.set(channel, (counts.get(channel) ?? 0) + 1);
      }
      // Whoever lags is fed, waits for its drain or for its page: nobody is left standing.
      const isMoving = reader.isQueued || reader.isReading || sink.bufferedBytes > 0;
      expect(reader.lagging.length + reader.waiting.length === 0 || isMoving).toBe(true);
    }
    for (const { log, subscriptionCount, memory } of this.#core.hub.channels) {
      expect([log.name, subscriptionCount]).toEqual([log.name, counts.get(log.name) ?? 0]);
      expect(memory.live.every(({ state }) => state === 'live')).toBe(true);
    }
  }

  #checkOne(reader: Reader, { subscription, history }: Opened): void {
    const { state, channel, cursor, liveIndex } = subscription;
    // I-hub-1, and that the cursor is what was really sent.
    expect(channel.memory.live[liveIndex] === subscription).toBe(state === 'live');
    expect(cursor).toEqual(history.cursor);
    // I-hub-2.
    expect(cursor.offset).toBeLessThanOrEqual(channel.memory.pushedOffset);
    expect([...reader.lagging, ...reader.waiting].includes(subscription)).toBe(subscription.isQueued);
    expect(subscription.isQueued).toBe(state === 'catching-up');
    if (state === 'reading') expect(reader.isReading).toBe(true);
    const wrong = history.records.find(({ offset, value }) => offset !== (value as [number, string])[0]);
    expect(wrong).toBeUndefined();
    for (const { after, upTo, count, reason } of history.gaps) {
      if (reason === 'retention') expect(count).toBe(upTo.offset - after.offset);
      else expect([count, upTo.epoch > after.epoch]).toEqual([null, true]);
    }
    if (state === 'live') this.met.live++;
    else if (state === 'reading') this.met.reading++;
    else this.met.lagging++;
  }

  async #publish(): Promise<void> {
    const random = this.#random;
    const sent = CHANNELS.filter(() => random.chance(0.5)).map(async (channel) => {
      const { log } = await this.#core.hub.openChannel(channel);
      const size = random.chance(0.1) ? random.below(150_000) : random.below(3000);
      const count = random.chance(0.1) ? random.below(60) : 1 + random.below(6);
      const values = Array.from({ length: count }, (_, i) => [log.headOffset + 1 + i, 'x'.repeat(size)]);
      return [channel, values] as const;
    });
    await this.#core.publishAll(await Promise.all(sent));
    expect(this.#core.refusals).toEqual([]);
  }

  #connect(): Connected {
    const connection = {
      ...this.#core.connect(new FakeSink(this.#random.below(500_000))),
      opened: new Map(),
    };
    this.#connections.push(connection);
    return connection;
  }

  #disconnect(connection: Connected): void {
    this.#count(connection.opened.values());
    connection.sink.isClosed = true;
    this.#core.hub.closeReader(connection.reader);
    this.#connections = this.#connections.filter((each) => each !== connection);
  }

  async #subscribe({ reader, opened }: Connected): Promise<void> {
    const channel = this.#random.pick(CHANNELS);
    if (opened.has(channel)) return;
    opened.set(channel, await this.#core.subscribe(reader, channel, await this.#from(channel)));
  }

  async #from(channel: string): Promise<From> {
    const random = this.#random;
    const { bounds } = (await this.#core.hub.openChannel(channel)).memory;
    const { epoch, prevOffset } = random.pick(bounds.epochs) ?? { epoch: bounds.currentEpoch, prevOffset: 0 };
    const offset = prevOffset + random.below(Math.max(1, bounds.headOffset - prevOffset));
    return random.pick<From>([
      'latest',
      'earliest',
      { last: random.below(100) },
      { since: this.#core.clock.nowMs() - random.below(5000) },
      { cursor: { epoch, offset } },
    ]);
  }

  #unsubscribe({ opened }: Connected): void {
    const [channel, one] = this.#random.pick([...opened]) ?? [];
    if (!channel || !one) return;
    this.#count([one]);
    this.#core.unsubscribe(one);
    opened.delete(channel);
  }

  #count(ended: Iterable<Opened>): void {
    for (const { history } of ended) {
      this.met.gaps += history.gaps.length;
      this.met.records += history.records.length;
    }
  }
}

/** A store with records of an earlier epoch, as after an unclean stop. */
async function storeWithPast() {
  const store = createMemoryStore({ keep: true });
  const core = await HubCore.open({ store, channelLimits });
  for (const channel of CHANNELS)
    core.publish(
      channel,
      Array.from({ length: 50 }, (_, i) => [i + 1, 'past']),
    );
  await core.stop();
  return store;
}

test('through any mix of publishing, stalling, draining, subscribing and evicting each reader’s history is whole', async () => {
  const first = new Random();
  const met = { live: 0, lagging: 0, reading: 0, gaps: 0, records: 0 };
  for (let round = 0; round < 12; round++) {
    const random = new Random(first.seed + round);
    const clock = new ManualClock(1_700_000_100_000);
    const core = await HubCore.open({
      store: await storeWithPast(),
      clock,
      channelLimits,
      ringBytes: 1_048_576,
    });
    const walk = new Walk(core, random);
    try {
      for (let i = 0; i < 250; i++) await walk.step();
      await walk.finish();
    } catch (cause) {
      throw new Error(`seed ${random.seed}: ${cause instanceof Error ? cause.message : cause}`, { cause });
    }
    for (const name of Object.keys(met) as (keyof typeof met)[]) met[name] += walk.met[name];
    await core.stop();
  }
  expect(Object.entries(met).filter(([, times]) => times < 20)).toEqual([]);
}, 120_000);
