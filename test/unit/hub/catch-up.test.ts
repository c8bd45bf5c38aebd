import { expect, onTestFinished, test, vi } from 'vitest';
import { CatchUp } from '../../../server/hub/catch-up.ts';
import { NOBODY, Reader } from '../../../server/hub/reader.ts';
import { CATCH_UP_MARK_BYTES, LIVE_MARK_BYTES } from '../../../server/hub/sink.ts';
import { subscribe } from '../../../server/hub/subscribe.ts';
import { Subscription } from '../../../server/hub/subscription.ts';
import { createMemoryStore } from '../../../server/log/memory-store.ts';
import { FakeSink } from '../../support/fake-sink.ts';
import { FaultyStore } from '../../support/faulty-store.ts';
import { HubCore, LIMITS, REPLAY, turn } from '../../support/hub-core.ts';
import { until } from '../../support/until.ts';

const PAGE = 65_536;
const FILLER = 'x'.repeat(10_000);
const numbered = (count: number) => Array.from({ length: count }, (_, i) => `${i} ${FILLER}`);
const ONE_SEGMENT = { ring: { maxRecords: 1, maxBytes: null, maxAgeMs: null } };

/** A hub whose rings hold little, with so many records of 10 KB in each channel, most of them in the store only. */
async function openStored(channels: readonly string[], records: number) {
  const store = new FaultyStore(createMemoryStore({ keep: true }));
  const core = await HubCore.open({ store, channelLimits: ONE_SEGMENT });
  onTestFinished(() => store.releaseReads());
  for (const channel of channels) {
    for (const value of numbered(records)) core.publish(channel, [value]);
    await turn();
  }
  await core.flush();
  return { core, store };
}

test('a subscription at the head is live at once', async () => {
  const core = await HubCore.open();
  core.publish('a', [1]);
  const { reader } = core.connect();
  const { subscription } = await core.subscribe(reader, 'a');
  expect(subscription.state).toBe('live');
  expect(subscription.cursor).toEqual({ epoch: core.hub.logs.epoch, offset: 1 });
});

test('a subscription at the head of a full socket waits, and is live once that has drained', async () => {
  const core = await HubCore.open();
  const { reader, sink } = core.connect();
  sink.isFull = true;
  sink.bufferedBytes = 100_000;
  const { subscription, history } = await core.subscribe(reader, 'a');
  expect(subscription.state).toBe('catching-up');
  core.publish('a', [1]);
  await turn();
  core.drain(reader);
  await until(() => subscription.state === 'live', { what: 'the reader to be live' });
  expect(history.values).toEqual([1]);
});

test('history comes from ring and store in order, and what is published meanwhile behind it', async () => {
  const { core } = await openStored(['a'], 40);
  const { reader, sink } = core.connect();
  const { subscription, history } = await core.subscribe(reader, 'a', 'earliest');
  for (let i = 40; i < 60; i++) {
    core.publish('a', [`${i} ${FILLER}`]);
    await turn();
  }
  await until(() => subscription.state === 'live', { what: 'the reader to be live' });
  expect(history.values).toEqual(numbered(60));
  sink.check();
});

test('a reader that takes whole reads has more read at once, in frames of a page; one whose socket fills, less', async () => {
  const { core } = await openStored(['a'], 400);
  const { reader, sink } = core.connect();
  const reads = vi.spyOn(core.hub.logs.reader, 'readStored');
  const { subscription, history } = await core.subscribe(reader, 'a', 'earliest');
  const readBytes = () => reads.mock.calls.map(([, , maxBytes]) => maxBytes);
  await until(() => readBytes().length >= 3, { what: 'three reads' });
  expect(readBytes().slice(0, 3)).toEqual([PAGE, 2 * PAGE, 4 * PAGE]);
  sink.stall();
  await until(() => sink.bufferedBytes > 0, { what: 'the socket to fill' });
  const stalled = readBytes().length;
  core.drain(reader, 10 * PAGE);
  await until(() => readBytes().length > stalled, { what: 'a read after the stall' });
  expect(readBytes()[stalled]).toBeLessThanOrEqual(2 * PAGE);
  core.drain(reader);
  await until(
    () => {
      if (sink.bufferedBytes > 0) core.drain(reader);
      return subscription.state === 'live';
    },
    { what: 'the reader to be live' },
  );
  expect(history.values).toEqual(numbered(400));
  expect(Math.max(...readBytes())).toBe(8 * PAGE);
  for (const { bytes } of sink.sent) expect(bytes).toBeLessThanOrEqual(PAGE + 100);
  sink.check();
});

test('a read that finds the socket full is a page the next time (it was as large again and again)', async () => {
  const { core } = await openStored(['a'], 400);
  const { reader, sink } = core.connect();
  const reads = vi.spyOn(core.hub.logs.reader, 'readStored');
  const { subscription } = await core.subscribe(reader, 'a', 'earliest');
  const readBytes = () => reads.mock.calls.map(([, , maxBytes]) => maxBytes);
  await until(() => subscription.state === 'reading' && readBytes().length >= 3, { what: 'a large read' });
  sink.isFull = true;
  const begun = readBytes().length;
  await until(() => readBytes().length > begun, { what: 'the next read' });
  expect(readBytes()[begun]).toBe(PAGE);
});

test('a connection has one store read at a time, the hub two', async () => {
  const { core, store } = await openStored(['a', 'b', 'c'], 20);
  store.holdReads();
  const first = core.connect();
  const opened = [];
  for (const channel of ['a', 'b', 'c']) opened.push(await core.subscribe(first.reader, channel, 'earliest'));
  await until(() => store.heldReads === 1, { what: 'a store read' });
  for (let i = 0; i < 5; i++) await turn();
  expect(store.heldReads).toBe(1);
  const others = [core.connect(), core.connect()];
  for (const { reader } of others) opened.push(await core.subscribe(reader, 'a', 'earliest'));
  await until(() => store.heldReads === 2, { what: 'two store reads' });
  for (let i = 0; i < 5; i++) await turn();
  expect(store.heldReads).toBe(2);
  store.releaseReads();
  for (const { history } of opened) {
    await until(() => history.values.length === 20, { what: 'all records', have: () => history.cursor });
    expect(history.values).toEqual(numbered(20));
  }
});

test('channels that the ring can feed do not wait for the store read of another', async () => {
  const { core, store } = await openStored(['stored', 'other'], 20);
  const { reader, sink } = core.connect();
  sink.stall();
  const inRing = await Promise.all(['b', 'c'].map((channel) => core.subscribe(reader, channel)));
  for (const channel of ['b', 'c']) core.publish(channel, numbered(40));
  await turn();
  store.holdReads();
  const stored = [];
  for (const channel of ['stored', 'other']) stored.push(await core.subscribe(reader, channel, 'earliest'));
  core.drain(reader);
  for (const { history } of inRing) {
    await until(() => history.values.length === 40, {
      what: 'the ring’s records',
      have: () => history.cursor,
    });
  }
  expect(store.heldReads).toBe(1);
  store.releaseReads();
  for (const { history } of stored) {
    await until(() => history.values.length === 20, {
      what: 'the stored records',
      have: () => history.cursor,
    });
  }
  sink.check();
});

test('channels that wait for a store read are asked once for each page, however many they are (they all were, each time)', async () => {
  const names = Array.from({ length: 200 }, (_, i) => `c.${i}`);
  const store = new FaultyStore(createMemoryStore({ keep: true }));
  const before = await HubCore.open({ store });
  for (const name of names) before.publish(name, [name]);
  await before.stop();
  const limits = { ...LIMITS, maxSubscriptionsPerConnection: names.length };
  const core = await HubCore.open({ store, limits });
  const { reader, sink } = core.connect();
  sink.bufferedBytes = 1;
  for (const name of names) await core.subscribe(reader, name, 'earliest');
  const steps = vi.spyOn(core.hub.logs.reader, 'readRing');
  core.drain(reader);
  const all = () => [...reader.subscriptions.values()];
  await until(() => all().every(({ state }) => state === 'live'), { what: 'all to be live' });
  // The page from the store, the end of the epoch, the head; and once in vain.
  expect(steps.mock.calls.length).toBeLessThanOrEqual(5 * names.length);
  sink.check();
});

test('subscriptions closed while they wait for the store read of another are kept nowhere', async () => {
  const { core, store } = await openStored(['a', 'b', 'c'], 20);
  store.holdReads();
  const { reader } = core.connect();
  const opened = [];
  for (const channel of ['a', 'b', 'c']) opened.push(await core.subscribe(reader, channel, 'earliest'));
  await until(() => reader.waiting.length === 2, { what: 'two to wait' });
  core.unsubscribe(opened[1]!);
  expect(reader.waiting).toEqual([opened[2]!.subscription]);
  core.hub.closeReader(reader);
  expect([reader.waiting, reader.subscriptions.size]).toEqual([[], 0]);
});

test('a page that comes after its subscription was closed is dropped', async () => {
  const { core, store } = await openStored(['a'], 20);
  const { reader, sink } = core.connect();
  store.holdReads();
  const opened = await core.subscribe(reader, 'a', 'earliest');
  await until(() => store.heldReads === 1, { what: 'the store read' });
  expect(opened.subscription.state).toBe('reading');
  core.unsubscribe(opened);
  store.releaseReads();
  await until(() => !reader.isReading, { what: 'the read to end' });
  await turn();
  expect(sink.sent).toEqual([]);
  sink.check();
});

test('a subscription opened anew while the read of its earlier life is under way begins where it asked to', async () => {
  const { core, store } = await openStored(['a'], 20);
  const { reader, sink } = core.connect();
  store.holdReads();
  const before = await core.subscribe(reader, 'a', 'earliest');
  await until(() => store.heldReads === 1, { what: 'the store read' });
  core.unsubscribe(before);
  const cursor = { epoch: core.hub.logs.epoch, offset: 3 };
  const { history, subscription } = await core.subscribe(reader, 'a', { cursor });
  await turn();
  expect(store.heldReads).toBe(1);
  store.releaseReads();
  await until(() => subscription.state === 'live', { what: 'the reader to be live' });
  expect(history.values).toEqual(numbered(20).slice(3));
  sink.check();
});

test('a connection that goes while its page is read leaves nothing behind', async () => {
  const { core, store } = await openStored(['a'], 20);
  const { reader, sink } = core.connect();
  store.holdReads();
  const { subscription } = await core.subscribe(reader, 'a', 'earliest');
  await until(() => store.heldReads === 1, { what: 'the store read' });
  sink.isClosed = true;
  core.hub.closeReader(reader);
  store.releaseReads();
  await until(() => !reader.isReading, { what: 'the read to end' });
  await turn();
  expect([sink.sent, reader.lagging, reader.isQueued, subscription.state]).toEqual([[], [], false, 'closed']);
  expect(subscription.channel).toMatchObject({ subscriptionCount: 0, memory: { live: [] } });
});

test('a page that comes while the socket is full is dropped, and read again when there is room', async () => {
  const { core, store } = await openStored(['a'], 20);
  const { reader, sink } = core.connect();
  store.holdReads();
  const { subscription, history } = await core.subscribe(reader, 'a', 'earliest');
  await until(() => store.heldReads === 1, { what: 'the store read' });
  sink.stall();
  sink.bufferedBytes = LIVE_MARK_BYTES + 1;
  sink.isFull = true;
  store.releaseReads();
  await until(() => !reader.isReading, { what: 'the read to end' });
  for (let i = 0; i < 5; i++) await turn();
  expect([sink.sent, subscription.state]).toEqual([[], 'catching-up']);
  core.drain(reader);
  await until(() => subscription.state === 'live', { what: 'the reader to be live' });
  expect(history.values).toEqual(numbered(20));
});

test('a page of the store goes out though a little is buffered, as steady live traffic would always have it', async () => {
  const { core, store } = await openStored(['a'], 20);
  const { reader, sink } = core.connect();
  store.holdReads();
  const { history } = await core.subscribe(reader, 'a', 'earliest');
  await until(() => store.heldReads === 1, { what: 'the store read' });
  sink.stall();
  sink.bufferedBytes = 1;
  store.releaseReads();
  await until(() => !reader.isReading, { what: 'the read to end' });
  expect(history.values).toEqual(numbered(6));
});

test('a fault in serving one reader ends its connection and no other', async () => {
  const core = await HubCore.open();
  const broken = new FakeSink();
  const faults: unknown[] = [];
  const reader = new Reader(broken, {
    identity: NOBODY,
    failInternally: (cause) => faults.push(cause),
    failLagging: (error) => faults.push(error),
  });
  const healthy = core.connect();
  core.publish('a', ['one']);
  await turn();
  broken.send = () => {
    throw new TypeError('a fault');
  };
  await core.subscribe(healthy.reader, 'a', 'earliest');
  const answered: unknown[] = [];
  const request = { op: 'subscribe', id: 1, channel: 'a', from: 'earliest', options: null } as const;
  await subscribe(
    core.hub,
    reader,
    request,
    () => true,
    () => true,
    (result) => answered.push(result),
  );
  await until(() => faults.length === 1, { what: 'the fault' });
  await until(() => healthy.sink.sent.length === 1, { what: 'the healthy reader to be fed' });
  expect([answered.length, faults]).toEqual([1, [new TypeError('a fault')]]);
});

test('a failed store read is told, tried again after a while, and loses nothing', async () => {
  const { core, store } = await openStored(['a'], 20);
  const { reader, sink } = core.connect();
  store.failNextRead();
  const { subscription, history } = await core.subscribe(reader, 'a', 'earliest');
  await until(() => core.storeFailures.length === 1, { what: 'the failure' });
  for (let i = 0; i < 5; i++) await turn();
  expect(sink.sent).toEqual([]);
  core.clock.advance(250);
  await until(() => subscription.state === 'live', { what: 'the reader to be live' });
  expect(history.values).toEqual(numbered(20));
});

test('subscriptions closed while they wait are kept nowhere', async () => {
  const core = await HubCore.open();
  const { reader, sink } = core.connect();
  core.publish('a', [1]);
  sink.stall();
  sink.bufferedBytes = 100_000;
  for (let i = 0; i < 100; i++) {
    core.unsubscribe(await core.subscribe(reader, 'a', 'earliest'));
    await turn();
  }
  expect(reader.lagging).toEqual([]);
  core.drain(reader);
  await turn();
  expect(sink.sent).toEqual([]);
});

test('a stalled reader is sent one page; one that drained quickly has up to four in flight, one that was slow again one', async () => {
  const core = await HubCore.open();
  core.publish('a', numbered(400));
  await turn();
  const { reader, sink } = core.connect();
  sink.stall();
  const { subscription } = await core.subscribe(reader, 'a', 'earliest');
  await turn();
  await turn();
  expect(sink.sent).toHaveLength(1);
  expect(sink.bufferedBytes).toBeLessThanOrEqual(PAGE + 60);
  const refill = async (tookMs: number) => {
    core.clock.advance(tookMs);
    sink.drain(sink.bufferedBytes);
    const before = sink.sent.length;
    core.hub.catchUp.drained(reader);
    await turn();
    await turn();
    return sink.sent.length - before;
  };
  expect(await refill(49)).toBe(4);
  expect(sink.bufferedBytes).toBeLessThanOrEqual(CATCH_UP_MARK_BYTES);
  expect(await refill(50)).toBe(1);
  expect(await refill(0)).toBe(4);
  core.drain(reader);
  await until(() => subscription.state === 'live', { what: 'the reader to be live' });
  sink.check();
});

test('a round sends about 1 MiB in all and each reader at most four pages of it, so that the loop turns', async () => {
  const core = await HubCore.open();
  core.publish('a', numbered(1000));
  await turn();
  const readers = [];
  for (let i = 0; i < 8; i++) {
    const connected = core.connect();
    readers.push({ ...connected, ...(await core.subscribe(connected.reader, 'a', 'earliest')) });
  }
  const bytesOf = ({ sink }: { sink: FakeSink }) => sink.sent.reduce((sum, { bytes }) => sum + bytes, 0);
  await turn();
  const sums = readers.map(bytesOf);
  const total = sums.reduce((sum, bytes) => sum + bytes, 0);
  expect(total).toBeGreaterThan(900_000);
  expect(total).toBeLessThan(1024 * 1024 + PAGE);
  expect(Math.max(...sums)).toBeLessThan(CATCH_UP_MARK_BYTES + LIVE_MARK_BYTES);
  // Who had no turn in the first round goes first in the next.
  await turn();
  expect(readers.map(bytesOf).every((bytes) => bytes > 0)).toBe(true);
  for (const { subscription, history } of readers) {
    await until(() => subscription.state === 'live', { what: 'the reader to be live' });
    expect(history.values).toHaveLength(1000);
  }
});

test('a JSON reader catches up as well', async () => {
  const { core } = await openStored(['a'], 20);
  const { reader, sink } = core.connect(new FakeSink(undefined, 'json'));
  const { subscription } = await core.subscribe(reader, 'a', 'earliest');
  await until(() => subscription.state === 'live', { what: 'the reader to be live' });
  expect(sink.sent.length).toBeGreaterThan(2);
  sink.check();
});

test('once enough waits for all readers together, a quick one gets a page at a time like the others', async () => {
  const core = await HubCore.open();
  core.publish('a', numbered(400));
  await turn();
  const channel = await core.hub.openChannel('a');
  const catchUp = new CatchUp(core.hub.logs.reader, core.clock, { onStoreError() {}, onLive() {} }, PAGE / 2);
  const lagging = () => {
    const sink = new FakeSink();
    sink.expect(channel.log.number, { epoch: core.hub.logs.epoch, offset: 0 });
    sink.stall();
    const reader = new Reader(sink);
    catchUp.add(new Subscription(reader, channel, REPLAY, { epoch: core.hub.logs.epoch, offset: 0 }));
    return { sink, reader };
  };
  const refill = async ({ sink, reader }: ReturnType<typeof lagging>) => {
    const before = sink.sent.length;
    sink.drain(sink.bufferedBytes);
    catchUp.drained(reader);
    await turn();
    await turn();
    return sink.sent.length - before;
  };
  const quick = lagging();
  await turn();
  expect(await refill(quick)).toBe(4);
  const stalled = lagging();
  await turn();
  await turn();
  expect(stalled.sink.sent).toHaveLength(1);
  expect(await refill(quick)).toBe(1);
  catchUp.forget(stalled.reader);
  expect(await refill(quick)).toBe(4);
});
