import { expect, test } from 'vitest';
import { pull } from '../../../server/hub/pull.ts';
import { PushSchedule } from '../../../server/hub/push-schedule.ts';
import { NOBODY, Reader } from '../../../server/hub/reader.ts';
import { createMemoryStore } from '../../../server/log/memory-store.ts';
import { ManualClock } from '../../../shared/clock.ts';
import { FakeSink } from '../../support/fake-sink.ts';
import { HubCore, type HubCoreOptions, turn } from '../../support/hub-core.ts';
import { until } from '../../support/until.ts';

const KIB_10 = 'x'.repeat(10_000);
const INTERVAL_MS = 10;
const PUSH_INTERVAL: HubCoreOptions = { pushIntervalOf: () => INTERVAL_MS };

/** A store whose writes are as good as synced, so that the hub promises what it would of a disk. */
const durableStore = () =>
  Object.defineProperty(createMemoryStore({ keep: true }), 'durable', { value: true });

/** Publishes each of these in a tick of its own. */
async function publishInTicks(core: HubCore, channel: string, values: readonly unknown[]): Promise<void> {
  for (const value of values) {
    core.publish(channel, [value]);
    await turn();
  }
}

test('a channel with a push interval gathers several ticks into one frame', async () => {
  const core = await HubCore.open(PUSH_INTERVAL);
  const { reader, sink } = core.connect();
  const { history } = await core.subscribe(reader, 'a');
  await publishInTicks(core, 'a', [1, 2, 3]);
  core.clock.advance(INTERVAL_MS - 1);
  await publishInTicks(core, 'a', [4]);
  expect(sink.sent).toEqual([]);
  core.clock.advance(1);
  expect(history.values).toEqual([1, 2, 3, 4]);
  expect(sink.sent).toHaveLength(1);
  // The next interval begins with the next record.
  core.clock.advance(3 * INTERVAL_MS);
  await publishInTicks(core, 'a', [5]);
  core.clock.advance(INTERVAL_MS - 1);
  expect(sink.sent).toHaveLength(1);
  core.clock.advance(1);
  expect(history.values).toEqual([1, 2, 3, 4, 5]);
});

test('a channel without a push interval is not held up by one with', async () => {
  const core = await HubCore.open({ pushIntervalOf: (channel) => (channel === 'held' ? INTERVAL_MS : 0) });
  const { reader } = core.connect();
  const held = await core.subscribe(reader, 'held');
  const prompt = await core.subscribe(reader, 'prompt');
  core.publish('held', [1]);
  core.publish('prompt', [1]);
  await turn();
  expect([held.history.values, prompt.history.values]).toEqual([[], [1]]);
});

test('who subscribes while records are held has them pushed, and is shown each of them once', async () => {
  const core = await HubCore.open(PUSH_INTERVAL);
  const first = await core.subscribe(core.connect().reader, 'a');
  await publishInTicks(core, 'a', [1, 2]);
  core.clock.advance(INTERVAL_MS);
  await publishInTicks(core, 'a', [3, 4]);
  const earliest = await core.subscribe(core.connect().reader, 'a', 'earliest');
  const latest = await core.subscribe(core.connect().reader, 'a', 'latest');
  const { epoch } = core.hub.logs;
  const ahead = await core.subscribe(core.connect().reader, 'a', { cursor: { epoch, offset: 4 } });
  await until(() => earliest.subscription.state === 'live', { what: 'the replay to end' });
  expect(latest.subscription.state).toBe('live');
  expect(first.history.values).toEqual([1, 2, 3, 4]);
  expect(earliest.history.values).toEqual([1, 2, 3, 4]);
  await publishInTicks(core, 'a', [5]);
  core.clock.advance(INTERVAL_MS);
  expect(first.history.values).toEqual([1, 2, 3, 4, 5]);
  expect(earliest.history.values).toEqual([1, 2, 3, 4, 5]);
  expect(latest.history.values).toEqual([5]);
  expect(ahead.history.values).toEqual([5]);
});

test('a pull brings what was acknowledged, also while it is held', async () => {
  const core = await HubCore.open(PUSH_INTERVAL);
  await core.subscribe(core.connect().reader, 'a');
  await publishInTicks(core, 'a', [1, 2]);
  const request = {
    op: 'pull',
    id: 1,
    channel: 'a',
    from: 'earliest',
    limit: null,
    reverse: null,
    upTo: null,
  } as const;
  const page = await pull(core.hub, request, () => true);
  expect([page.count, page.atEnd]).toEqual([2, true]);
});

test('a reader that lagged goes live while records are held, without losing or repeating any', async () => {
  const core = await HubCore.open(PUSH_INTERVAL);
  const { reader, sink } = core.connect();
  const { subscription, history } = await core.subscribe(reader, 'a');
  sink.stall();
  const values = Array.from({ length: 20 }, (_, i) => `${i} ${KIB_10}`);
  await publishInTicks(core, 'a', values);
  core.clock.advance(INTERVAL_MS);
  expect(subscription.state).toBe('catching-up');
  await publishInTicks(core, 'a', ['held']);
  core.drain(reader);
  await until(() => subscription.state === 'live', { what: 'the reader to be live' });
  expect(history.values).toEqual(values);
  core.clock.advance(INTERVAL_MS);
  expect(history.values).toEqual([...values, 'held']);
  sink.check();
});

test('a state is begun with what is held pushed (its reader was beyond the log, and cut off)', async () => {
  const core = await HubCore.open({ ...PUSH_INTERVAL, channelLimits: { state: { maxKeys: 10 } } });
  await core.subscribe(core.connect().reader, 'a');
  core.publishKeyed('a', [
    ['k', 1],
    ['l', 2],
  ]);
  core.clock.advance(INTERVAL_MS);
  core.publishKeyed('a', [
    ['k', 3],
    ['m', 4],
  ]);
  await core.flush();
  const { epoch } = core.hub.logs;
  const from = { state: { epoch: 0, offset: 0 }, upTo: { epoch, offset: 4 } };
  const readers = [core.connect(), core.connect()] as const;
  const opened = [
    await core.subscribe(readers[0].reader, 'a', 'state'),
    await core.subscribe(readers[1].reader, 'a', from),
  ];
  const states = () => opened.map(({ subscription }) => subscription.state);
  await until(() => states().every((state) => state === 'live'), { what: 'both to be live', have: states });
  core.publishKeyed('a', [['n', 5]]);
  core.clock.advance(INTERVAL_MS);
  for (const { history } of opened) {
    expect(history.state.map(({ value }) => value)).toEqual([2, 3, 4]);
    expect(history.values).toEqual([5]);
  }
  for (const { sink } of readers) sink.check();
});

test('held records are pushed with the tick once they fill a frame of 64 KiB', async () => {
  const core = await HubCore.open(PUSH_INTERVAL);
  const { reader, sink } = core.connect();
  const { history } = await core.subscribe(reader, 'a');
  await publishInTicks(core, 'a', new Array(6).fill(KIB_10));
  expect(sink.sent).toEqual([]);
  core.publish('a', [KIB_10]);
  expect(sink.sent).toEqual([]);
  await turn();
  expect(history.values).toHaveLength(7);
  // What comes behind it waits for its own interval or the rest of this one.
  await publishInTicks(core, 'a', ['next']);
  expect(history.values).toHaveLength(7);
  core.clock.advance(INTERVAL_MS);
  expect(history.values.at(-1)).toBe('next');
});

test('one publish that fills a frame is not held', async () => {
  const core = await HubCore.open(PUSH_INTERVAL);
  const { history } = await core.subscribe(core.connect().reader, 'a');
  core.publish('a', new Array(7).fill(KIB_10));
  await turn();
  expect(history.values).toHaveLength(7);
});

test('channels of the same push interval reach a reader under one cork, whenever their records came', async () => {
  const core = await HubCore.open(PUSH_INTERVAL);
  const { reader, sink } = core.connect();
  const names = ['a', 'b', 'c'];
  const opened = await Promise.all(names.map((name) => core.subscribe(reader, name)));
  for (const name of names) {
    await publishInTicks(core, name, [name]);
    core.clock.advance(1);
  }
  core.clock.advance(INTERVAL_MS - names.length);
  expect(opened.map(({ history }) => history.values)).toEqual([['a'], ['b'], ['c']]);
  expect([sink.sent.length, sink.corks]).toEqual([3, 1]);
});

test('acknowledgements do not wait for the push interval', async () => {
  const core = await HubCore.open(PUSH_INTERVAL);
  const { reader, sink } = core.connect();
  await core.subscribe(reader, 'a');
  core.publish('a', [1]);
  await turn();
  expect(core.told).toEqual([expect.objectContaining({ op: 'published' })]);
  expect(sink.sent).toEqual([]);
});

test('readers of what is synced are pushed by the interval, which begins when it is', async () => {
  const core = await HubCore.open({ ...PUSH_INTERVAL, store: durableStore() });
  const { history } = await core.subscribe(core.connect().reader, 'a', 'latest', { deliver: 'durable' });
  core.publish('a', [1]);
  await core.flush();
  core.publish('a', [2]);
  await core.flush();
  expect(history.values).toEqual([]);
  core.clock.advance(INTERVAL_MS);
  expect(history.values).toEqual([1, 2]);
});

test('a stop pushes what is held, and what is synced by the stop', async () => {
  const core = await HubCore.open({ ...PUSH_INTERVAL, store: durableStore() });
  const { history } = await core.subscribe(core.connect().reader, 'a');
  const durable = await core.subscribe(core.connect().reader, 'a', 'latest', { deliver: 'durable' });
  await publishInTicks(core, 'a', [1, 2]);
  const stopped = core.stop();
  expect(history.values).toEqual([1, 2]);
  await stopped;
  expect(durable.history.values).toEqual([1, 2]);
});

test('records that left the ring while they were held reach their readers by catch-up', async () => {
  const core = await HubCore.open({
    pushIntervalOf: () => 1000,
    channelLimits: { ring: { maxRecords: 1, maxBytes: 1, maxAgeMs: null } },
  });
  const { reader, sink } = core.connect();
  const { subscription, history } = await core.subscribe(reader, 'a');
  // The held records begin near the end of a segment, and fill less than one.
  const pushed = Array.from({ length: 5 }, (_, i) => `${i} ${KIB_10}`);
  await publishInTicks(core, 'a', pushed);
  core.clock.advance(1000);
  const held = Array.from({ length: 5 }, (_, i) => `${i} ${KIB_10} held`);
  await publishInTicks(core, 'a', held);
  await core.flush();
  expect(history.values).toEqual(pushed);
  expect(subscription.state).toBe('live');
  expect(subscription.feed.log.readRing(6, 10, 1)).toBeUndefined();
  core.clock.advance(1000);
  expect(subscription.state).toBe('catching-up');
  await until(() => subscription.state === 'live', { what: 'the reader to be live' });
  await publishInTicks(core, 'a', ['next']);
  core.clock.advance(1000);
  expect(history.values).toEqual([...pushed, ...held, 'next']);
  expect(history.gaps).toEqual([]);
  sink.check();
});

/** A socket whose every send takes so long. */
class SlowSink extends FakeSink {
  readonly #clock: ManualClock;
  readonly #sendMs: number;

  constructor(clock: ManualClock, sendMs: number) {
    super();
    this.#clock = clock;
    this.#sendMs = sendMs;
  }

  override send(bytes: Uint8Array) {
    this.#clock.advance(this.#sendMs);
    return super.send(bytes);
  }
}

/** Five readers of one channel, after a first push of it. */
async function openPushed(sendMs: number) {
  const clock = new ManualClock();
  const core = await HubCore.open({ clock });
  const sinks = Array.from({ length: 5 }, () => new SlowSink(clock, sendMs));
  const opened = await Promise.all(sinks.map((sink) => core.subscribe(core.connect(sink).reader, 'a')));
  await publishInTicks(core, 'a', [0]);
  const last = () => opened.map(({ history }) => history.values.at(-1));
  expect(last()).toEqual([0, 0, 0, 0, 0]);
  return { core, clock, sinks, last };
}

const isSent = (sinks: readonly FakeSink[]) => sinks.map(({ sent }) => sent.length);

test('a costly push is followed by a rest of 1 ms in which the next records gather', async () => {
  const { core, clock, sinks, last } = await openPushed(0.125);
  await publishInTicks(core, 'a', [1, 2, 3]);
  clock.advance(0.75);
  await publishInTicks(core, 'a', [4]);
  expect(isSent(sinks)).toEqual([1, 1, 1, 1, 1]);
  clock.advance(0.25);
  expect(last()).toEqual([4, 4, 4, 4, 4]);
  expect(isSent(sinks)).toEqual([2, 2, 2, 2, 2]);
  // After the rest that this one needs, the next is pushed with its tick.
  clock.advance(1);
  await publishInTicks(core, 'a', [5]);
  expect(last()).toEqual([5, 5, 5, 5, 5]);
});

test('acknowledgements come in the rest, too', async () => {
  const { core, sinks } = await openPushed(0.125);
  const before = core.told.length;
  await publishInTicks(core, 'a', [1]);
  expect(core.told.length).toBeGreaterThan(before);
  expect(isSent(sinks)).toEqual([1, 1, 1, 1, 1]);
});

test('256 KiB in a tick are pushed at once, rest or not', async () => {
  const { core, last } = await openPushed(0.125);
  for (let i = 0; i < 26; i++) core.publish('a', [KIB_10]);
  expect(last()).toEqual([0, 0, 0, 0, 0]);
  core.publish('a', ['full', KIB_10]);
  expect(last()).toEqual(new Array(5).fill(KIB_10));
});

test('a cheap push is followed by no rest', async () => {
  const { core, last } = await openPushed(0.03125);
  await publishInTicks(core, 'a', [1]);
  expect(last()).toEqual([1, 1, 1, 1, 1]);
});

test('how long each push took is counted, those that end in a rest too', () => {
  const clock = new ManualClock(0);
  const schedule = new PushSchedule(clock, { onDue: () => {}, onTick: () => {} });
  for (const tookMs of [0, 0.05, 0.0625, 0.25, 0.5, 1000]) {
    const startMs = clock.monotonicMs();
    clock.advance(tookMs);
    schedule.pushed(startMs);
  }
  const { counts, sumMs } = schedule.times;
  expect([...counts]).toEqual([2, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
  expect(sumMs).toBeCloseTo(1000.8625, 6);
});

test.each([
  null,
  { policy: 'drop-oldest', maxLagRecords: 5 },
  { policy: 'disconnect', maxLagRecords: 5 },
  { policy: 'conflate' },
] as const)(
  'what the hub itself held too long for its ring is no lag of a reader that keeps up: %j',
  async (options) => {
    const pushIntervalOf = (channel: string) => (channel === 'a' ? 1000 : 0);
    const core = await HubCore.open({ pushIntervalOf, ringBytes: 65_536 });
    core.publish('b', ['first']);
    const sink = new FakeSink();
    const failures: unknown[] = [];
    const reader = new Reader(sink, {
      identity: NOBODY,
      failInternally: (cause) => failures.push(cause),
      failLagging: (error) => failures.push(error),
    });
    const { history, subscription } = await core.subscribe(reader, 'a', 'latest', options);
    for (let i = 0; i < 10; i++) core.publishKeyed('a', [['k', i]]);
    await core.flush();
    const { log } = subscription.channel;
    for (let i = 0; i < 40 && log.ringFirstOffset <= 10; i++) {
      core.publish('b', ['x'.repeat(20_000)]);
      await core.flush();
    }
    expect(log.ringFirstOffset).toBe(11);
    core.clock.advance(1000);
    await until(() => subscription.state === 'live', { what: 'the reader to be live again' });
    expect(failures).toEqual([]);
    const isConflated = options?.policy === 'conflate';
    expect(history.values.length + (isConflated ? 9 : 0)).toBe(10);
    sink.check();
  },
);

test('whoever comes and goes, or pulls, does not undo the push interval for all', async () => {
  const core = await HubCore.open(PUSH_INTERVAL);
  const { reader, sink } = core.connect();
  await core.subscribe(reader, 'a');
  const request = {
    op: 'pull',
    id: 1,
    channel: 'a',
    from: 'earliest',
    limit: null,
    reverse: null,
    upTo: null,
  } as const;
  for (let i = 0; i < 20; i++) {
    await publishInTicks(core, 'a', [i]);
    const page = await pull(core.hub, request, () => true);
    expect(page.count).toBe(i + 1);
    const opened = await core.subscribe(core.connect().reader, 'a');
    core.unsubscribe(opened);
  }
  expect(sink.sent.length).toBe(1);
  core.clock.advance(INTERVAL_MS);
  expect(sink.sent.length).toBe(2);
});
