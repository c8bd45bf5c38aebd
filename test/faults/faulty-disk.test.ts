/** A hub over a store that stalls, fails and lies about what it wrote: when it acknowledges, and what is there then. */
import { expect, onTestFinished, test } from 'vitest';
import { createMemoryStore } from '../../server/log/memory-store.ts';
import type { OrderedStore } from '../../server/log/ordered-store.ts';
import { decodeRun } from '../../server/log/store-keys.ts';
import { decodeValue } from '../../shared/msgpack.ts';
import { RunReader } from '../../shared/record-run.ts';
import { FaultyStore, type WriteFault } from '../support/faulty-store.ts';
import { Random } from '../support/random.ts';
import { type RawClient, record } from '../support/raw-client.ts';
import { startHub, type TestHub } from '../support/start-hub.ts';
import { until } from '../support/until.ts';

interface Setup extends TestHub {
  readonly store: FaultyStore;
  /** What the faulty store stands on: what is here would be here after a crash. */
  readonly inner: OrderedStore;
}

async function setUp(): Promise<Setup> {
  const inner = Object.assign(createMemoryStore({ keep: true }), { durable: true });
  const store = new FaultyStore(inner);
  const hub = await startHub({ store });
  onTestFinished(() => store.releaseWrites());
  return { ...hub, store, inner };
}

/** The values of all records in the store, in the order of the log. Throws while the store is away. */
async function stored(inner: OrderedStore): Promise<unknown[]> {
  const entries = await inner.read({ gte: Buffer.from('r'), lt: Buffer.from('s') });
  return entries.flatMap(({ key, value }) => {
    const values: unknown[] = [];
    const { bytes, start } = decodeRun(key, value);
    for (const reader = new RunReader(bytes, start); reader.next(); ) {
      values.push(decodeValue(reader.payload, { timestamps: true }));
    }
    return values;
  });
}

const isAcked = (client: RawClient, id: number) =>
  client.frames.some((frame) => frame.op === 'published' && frame.answers.some((each) => each.id === id));

const onDisk = (client: RawClient, value: unknown) =>
  client.publishLater([{ channel: 'a', values: [value] }], 'disk');

/** The store stays away until told otherwise. */
async function failWrite({ store, url }: Setup, client: RawClient, fault: WriteFault): Promise<number> {
  store.failNextWrite(fault);
  store.failOpens(Number.POSITIVE_INFINITY);
  const id = onDisk(client, 'in flight');
  const health = async () => (await fetch(`${url.replace('ws:', 'http:')}/health`)).status;
  await until(async () => (await health()) === 503, { what: 'the failure' });
  return id;
}

test('each acknowledgement from the disk waits for the write that holds its own record, and for no other', async () => {
  const setup = await setUp();
  const { store, inner, connect } = setup;
  const client = await connect();
  store.holdWrites();
  const first = onDisk(client, 1);
  await until(() => store.heldWrites === 1, { what: 'the first write' });
  const second = onDisk(client, 2);
  await client.ping();
  expect([isAcked(client, first), isAcked(client, second)]).toEqual([false, false]);
  store.releaseWrites();
  store.holdWrites();
  await client.published(first);
  await until(() => store.heldWrites === 1, { what: 'the second write' });
  await client.ping();
  expect(isAcked(client, second)).toBe(false);
  expect(await stored(inner)).toEqual([1]);
  store.releaseWrites();
  await client.published(second);
  expect(await stored(inner)).toEqual([1, 2]);
});

test.each<WriteFault>(['nothing-written', 'written-but-reported-failed'])(
  'after a failed write (%s) nothing is acknowledged until it is written again, and it is there once',
  async (fault) => {
    const setup = await setUp();
    const { store, inner, connect } = setup;
    const client = await connect();
    const waiting = await failWrite(setup, client, fault);
    const refused = onDisk(client, 'refused');
    expect(await client.error(refused)).toMatchObject({ code: 'store-failed' });
    await client.publish('a', ['in memory']);
    expect(isAcked(client, waiting)).toBe(false);
    store.failOpens(0);
    await client.published(waiting);
    await until(async () => (await stored(inner)).length === 2, { what: 'both', have: () => stored(inner) });
    expect(await stored(inner)).toEqual(['in flight', 'in memory']);
    await client.published(onDisk(client, 'after'));
    expect(await stored(inner)).toEqual(['in flight', 'in memory', 'after']);
  },
);

test.each<WriteFault>(['nothing-written', 'written-but-reported-failed'])(
  'while a write is in doubt (%s) live readers go on, and durable ones see nothing of it',
  async (fault) => {
    const setup = await setUp();
    const { store, connect } = setup;
    const client = await connect();
    const [live, durable] = [await connect(), await connect()];
    const ofLive = await live.subscribe('a');
    const ofDurable = await durable.subscribe('a', 'latest', { deliver: 'durable' });
    await failWrite(setup, client, fault);
    await client.publish('a', ['in memory']);
    const shown = (reader: RawClient, { channelNumber }: { channelNumber: number }) =>
      reader.history(channelNumber).values;
    await until(() => shown(live, ofLive).length === 2, { what: 'the live reader' });
    await durable.ping();
    expect(shown(durable, ofDurable)).toEqual([]);
    store.failOpens(0);
    await until(() => shown(durable, ofDurable).length === 2, { what: 'the durable reader' });
    expect(shown(durable, ofDurable)).toEqual(['in flight', 'in memory']);
    expect(durable.history(ofDurable.channelNumber).gaps).toEqual([]);
  },
);

test.each<WriteFault>(['nothing-written', 'written-but-reported-failed'])(
  'a publish sent again while its first write is in doubt (%s) waits for the disk like the first, and is taken once',
  async (fault) => {
    const setup = await setUp();
    const { store, inner, dial, token } = setup;
    const client = await dial();
    const { timeMs: firstSentMs } = await client.hello(await token(), 'p');
    const sent = {
      op: 'publish',
      ack: 'disk',
      entries: [{ channel: 'a', records: [record('numbered')], sequence: 1, first: true }],
    } as const;
    store.holdWrites();
    client.send({ ...sent, id: 50 });
    await until(() => store.heldWrites === 1, { what: 'the write' });
    store.failNextWrite(fault);
    client.cut();
    const again = await dial();
    await again.hello(await token(), 'p');
    again.send({ ...sent, id: 51, firstSentMs });
    await again.ping();
    expect(isAcked(again, 51)).toBe(false);
    store.releaseWrites();
    expect(await again.published(51)).toMatchObject({ firstOffsets: [null] });
    expect(await stored(inner)).toEqual(['numbered']);
  },
);

/** Publishes while the store stalls and fails at random; holds each acknowledgement against the store as it comes. */
class FaultWalk {
  readonly random = new Random();
  /** By id of those that are to be on the disk. */
  readonly sent = new Map<number, number>();
  readonly acked = new Set<number>();
  faults = 0;
  readonly #setup: Setup;
  readonly #client: RawClient;

  constructor(setup: Setup, client: RawClient) {
    this.#setup = setup;
    this.#client = client;
  }

  get refused(): number[] {
    const ids = this.#client.frames.map((frame) => (frame.op === 'error' ? frame.id : null));
    return ids.filter((id) => id !== null && this.sent.has(id)) as number[];
  }

  get isSettled(): boolean {
    return this.acked.size + this.refused.length === this.sent.size;
  }

  async step(value: number): Promise<void> {
    const { random } = this;
    await this.#disturb();
    if (random.chance(0.7)) this.sent.set(onDisk(this.#client, value), value);
    else this.#client.publishLater([{ channel: 'a', values: [value] }], 'memory');
    if (random.chance(0.3)) await this.#client.ping();
    await this.check();
  }

  async check(): Promise<void> {
    const fresh = [...this.sent].filter(([id]) => !this.acked.has(id) && isAcked(this.#client, id));
    if (fresh.length === 0) return;
    const there = new Set(await until(() => stored(this.#setup.inner), { what: 'the store' }));
    for (const [id, value] of fresh) {
      this.acked.add(id);
      const { seed } = this.random;
      expect({ seed, value, isThere: there.has(value) }).toMatchObject({ isThere: true });
    }
  }

  async #disturb(): Promise<void> {
    const { store, metric } = this.#setup;
    const { random } = this;
    if (random.chance(0.03)) {
      store.failNextWrite(random.pick(['nothing-written', 'written-but-reported-failed'] as const));
      if (random.chance(0.3)) store.failOpens(1);
      this.faults++;
    }
    if (random.chance(0.1)) store.holdWrites();
    if (random.chance(0.2)) store.releaseWrites();
    if (!random.chance(0.05)) return;
    // Else nearly all would be refused while the store is opened again.
    store.releaseWrites();
    await until(async () => (await metric('ringcast_store_failing')) === 0, { what: 'the store' });
  }
}

test('over a random series of stalls and failures, what is acknowledged from the disk is in the store by then', async () => {
  const setup = await setUp();
  const walk = new FaultWalk(setup, await setup.connect());
  const { seed } = walk.random;
  for (let value = 0; value < 400; value++) await walk.step(value);
  setup.store.releaseWrites();
  const settled = async () => {
    await walk.check();
    return walk.isSettled;
  };
  await until(settled, {
    what: `all answers (seed ${seed})`,
    timeoutMs: 15_000,
    have: () => walk.acked.size,
  });
  const values = await until(() => stored(setup.inner), { what: 'the store' });
  expect({ seed, values }).toEqual({ seed, values: [...new Set(values)] });
  expect(values).toEqual([...values].sort((a, b) => Number(a) - Number(b)));
  for (const id of walk.refused) expect(values).not.toContain(walk.sent.get(id));
  expect([walk.faults > 0, walk.acked.size > 20]).toEqual([true, true]);
}, 40_000);
