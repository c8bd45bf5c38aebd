/** What becomes of readers that lag, by policy, delivery and credit: the effects, over the real hub without sockets. */
import { describe, expect, test } from 'vitest';
import { publish } from '../../../server/hub/publish.ts';
import { NOBODY, Reader } from '../../../server/hub/reader.ts';
import { createMemoryStore } from '../../../server/log/memory-store.ts';
import { runKey } from '../../../server/log/store-keys.ts';
import type { RingcastError } from '../../../shared/errors.ts';
import type { From } from '../../../shared/terms.ts';
import { FakeSink } from '../../support/fake-sink.ts';
import { FaultyStore } from '../../support/faulty-store.ts';
import { HubCore, turn } from '../../support/hub-core.ts';
import { record } from '../../support/raw-client.ts';
import { until } from '../../support/until.ts';

const filler = 'x'.repeat(10_000);
const numbered = (count: number, from = 1) => Array.from({ length: count }, (_, i) => [from + i, filler]);
const numbers = (values: readonly unknown[]) => values.map((value) => (value as [number])[0]);
const range = (from: number, upTo: number) => Array.from({ length: upTo - from + 1 }, (_, i) => from + i);

function publishKeyed(core: HubCore, keys: string): void {
  const records = [...keys].map((key, i) => record([key, i, filler], key === '-' ? null : key));
  publish(
    core.hub,
    core.publisher,
    { op: 'publish', id: 0, ack: 'memory', entries: [{ channel: 'a', records }] },
    () => true,
    ({ error }) => core.refusals.push(error),
  );
}

/** A reader whose socket took nothing of what is published while `lag` runs, and is then drained. */
async function lagging(options: Record<string, unknown>, lag: (core: HubCore) => unknown, core?: HubCore) {
  const opened = core ?? (await HubCore.open());
  const { reader, sink } = opened.connect();
  const { subscription, history } = await opened.subscribe(reader, 'a', 'latest', options);
  sink.stall();
  opened.publish('a', numbered(8));
  await turn();
  const cursor = history.cursor.offset;
  expect(subscription.state).toBe('catching-up');
  await lag(opened);
  await turn();
  opened.drain(reader);
  await until(() => subscription.state === 'live', {
    what: 'the reader to be live again',
    have: () => history,
  });
  sink.check();
  return { core: opened, subscription, history, sink, cursor };
}

describe('drop-oldest', () => {
  test('keeps the newest n records and tells the rest as one gap with its count', async () => {
    const { history, cursor } = await lagging({ policy: 'drop-oldest', maxLagRecords: 3 }, (core) => {
      core.publish('a', numbered(20, 9));
    });
    expect(history.gaps).toMatchObject([
      { after: { offset: cursor }, upTo: { offset: 25 }, count: 25 - cursor, reason: 'dropped' },
    ]);
    expect(numbers(history.values)).toEqual([...range(1, cursor), 26, 27, 28]);
  });

  test('keeps what fits the limit by bytes, exactly', async () => {
    const { history, core } = await lagging({ policy: 'drop-oldest', maxLagBytes: 40_500 }, (hub) => {
      hub.publish('a', numbered(20, 9));
    });
    const { log } = await core.hub.openChannel('a');
    expect(numbers(history.values).slice(-4)).toEqual([25, 26, 27, 28]);
    expect(log.headBytes - log.bytesThrough(24)).toBeLessThanOrEqual(40_500);
    expect(log.headBytes - log.bytesThrough(23)).toBeGreaterThan(40_500);
    expect(history.gaps).toHaveLength(1);
  });

  test('does nothing to history that was asked for, however much it is', async () => {
    const core = await HubCore.open();
    core.publish('a', numbered(50));
    await turn();
    const { reader } = core.connect();
    const options = { policy: 'drop-oldest', maxLagRecords: 3 };
    const { subscription, history } = await core.subscribe(reader, 'a', 'earliest', options);
    await until(() => subscription.state === 'live', { what: 'the reader to be live' });
    expect(numbers(history.values)).toEqual(range(1, 50));
    expect(history.gaps).toEqual([]);
  });

  test('hands on a newest record beyond the limit that is read from the store, and does not read it for ever', async () => {
    const channelLimits = { ring: { maxRecords: 1, maxBytes: null, maxAgeMs: null } };
    const { history } = await lagging(
      { policy: 'drop-oldest', maxLagBytes: 100 },
      async (core) => {
        core.publish('a', numbered(20, 9));
        await core.flush();
        const { log } = await core.hub.openChannel('a');
        for (const segment of [...log.segments]) log.seal(segment);
        await core.flush();
      },
      await HubCore.open({ channelLimits, ringBytes: 1 }),
    );
    expect(numbers(history.values).at(-1)).toBe(28);
  });

  test('goes on behind a hole of the store, whose bytes nobody knows (it looked for ever for what to leave out)', async () => {
    const channelLimits = { ring: { maxRecords: 1, maxBytes: null, maxAgeMs: null } };
    const core = await HubCore.open({ channelLimits });
    const { reader, sink } = core.connect();
    const options = { policy: 'drop-oldest', maxLagBytes: 300_500, creditBytes: 25_000 };
    const { subscription, history } = await core.subscribe(reader, 'a', 'latest', options);
    const grow = async (count: number) => {
      for (let i = 0; i < count; i++) core.publish('a', [filler]);
      await core.flush();
      const { log } = await core.hub.openChannel('a');
      for (const segment of [...log.segments]) log.seal(segment);
      await core.flush();
    };
    for (let i = 0; i < 6; i++) await grow(5);
    const { log } = await core.hub.openChannel('a');
    const hole = { type: 'del', key: runKey(log.number, log.currentEpoch, 11) } as const;
    await core.hub.logs.segmentStore.write([hole]);
    const read = () => {
      core.hub.catchUp.credited(subscription, 1_000_000);
      return history.gaps.length > 0;
    };
    await until(read, { what: 'the hole to be told' });
    await grow(10);
    const isLive = () => {
      core.hub.catchUp.credited(subscription, 1_000_000);
      return subscription.state === 'live';
    };
    await until(isLive, { what: 'the reader to be live', have: () => history.cursor });
    expect(history.gaps).toMatchObject([{ reason: 'lost', count: 5 }]);
    sink.check();
  });

  test('does nothing while the lag is within its limits', async () => {
    const { history } = await lagging({ policy: 'drop-oldest', maxLagRecords: 100 }, (core) => {
      core.publish('a', numbered(20, 9));
    });
    expect(history.gaps).toEqual([]);
    expect(numbers(history.values)).toEqual(range(1, 28));
  });
});

describe('conflate', () => {
  test('keeps of each key the newest, of records without one all, and tells each hole before what follows it', async () => {
    const { history, sink } = await lagging({ policy: 'conflate' }, (core) => publishKeyed(core, 'aba-bca'));
    const shown = history.records.filter(({ offset }) => offset > 8);
    expect(shown.map(({ key, offset }) => [key, offset])).toEqual([
      [null, 12],
      ['b', 13],
      ['c', 14],
      ['a', 15],
    ]);
    expect(history.gaps).toMatchObject([
      { after: { offset: 8 }, upTo: { offset: 11 }, count: 3, reason: 'conflated' },
    ]);
    expect(sink.sent.map(({ op }) => op)).toContain('sparse-batch');
  });

  test('counts what came while a page was on its way, too', async () => {
    const { history } = await lagging({ policy: 'conflate' }, async (core) => {
      publishKeyed(core, 'aaaaaaaaaaaaaaaaaaaaaa');
      await turn();
      publishKeyed(core, 'ab');
    });
    const shown = history.records.filter(({ key }) => key !== null);
    expect(shown.map(({ key, offset }) => [key, offset])).toEqual([
      ['a', 31],
      ['b', 32],
    ]);
  });

  test('holds across the ring and the disk', async () => {
    const channelLimits = { ring: { maxRecords: 4, maxBytes: null, maxAgeMs: null } };
    const { history } = await lagging(
      { policy: 'conflate' },
      async (core) => {
        for (let i = 0; i < 10; i++) {
          publishKeyed(core, 'abcdefg');
          await core.flush();
        }
      },
      await HubCore.open({ channelLimits }),
    );
    const shown = history.records.filter(({ key }) => key !== null);
    expect(shown.map(({ key }) => key).join('')).toBe('abcdefg');
    expect(history.gaps.reduce((sum, { count }) => sum + count!, 0)).toBe(63);
  });

  test('takes a few pages a turn, though little of them is sent (a long history held every other reader up)', async () => {
    const core = await HubCore.open();
    for (let i = 0; i < 20; i++) publishKeyed(core, 'a'.repeat(60));
    await turn();
    const { reader, sink } = core.connect();
    const { subscription } = await core.subscribe(reader, 'a', 'earliest', { policy: 'conflate' });
    let most = 0;
    while (subscription.state !== 'live') {
      const before = sink.sent.length;
      await turn();
      most = Math.max(most, sink.sent.length - before);
    }
    expect(sink.sent.length).toBeGreaterThan(100);
    expect(most).toBeLessThanOrEqual(5);
    sink.check();
  });

  describe('beside others that conflate and are further behind', () => {
    async function stored() {
      const store = new FaultyStore(createMemoryStore({ keep: true }));
      const channelLimits = { ring: { maxRecords: 4, maxBytes: null, maxAgeMs: null } };
      const core = await HubCore.open({ store, channelLimits });
      const lengthen = async () => {
        for (let i = 0; i < 10; i++) publishKeyed(core, 'abcdefg');
        await core.flush();
      };
      await lengthen();
      return { core, store, lengthen };
    }

    /** Holds all that it may after the page that it was sent. */
    async function held(core: HubCore, from: From) {
      const { reader } = core.connect();
      const options = { policy: 'conflate', creditBytes: 30_000 };
      const { subscription } = await core.subscribe(reader, 'a', from, options);
      publishKeyed(core, 'abcdefg');
      await until(() => subscription.state === 'paused', { what: 'the credit to be spent' });
      return { give: () => core.hub.catchUp.credited(subscription, 1_000_000), subscription };
    }

    test('a reader does not wait while the history of another one is looked at', async () => {
      const { core, store } = await stored();
      const near = await held(core, 'latest');
      publishKeyed(core, 'abcdefg');
      near.give();
      await until(() => near.subscription.state === 'paused', { what: 'a page of it' });
      store.holdReads();
      const { reader } = core.connect();
      await core.subscribe(reader, 'a', 'earliest', { policy: 'conflate' });
      await until(() => store.heldReads === 1, { what: 'the history to be read' });
      const isLive = () => {
        near.give();
        return near.subscription.state === 'live';
      };
      await until(isLive, { what: 'the near one to be live' });
      store.releaseReads();
      await until(() => reader.subscriptions.values().next().value?.state === 'live', { what: 'both live' });
    });

    test('a reader does not look at what came since another one stalled', async () => {
      const { core, store, lengthen } = await stored();
      const stalled = await held(core, 'earliest');
      for (let i = 0; i < 5; i++) await lengthen();
      const quick = await held(core, 'latest');
      store.holdReads();
      quick.give();
      await until(() => quick.subscription.state === 'live', { what: 'the quick one to be live' });
      store.releaseReads();
      const { sink } = stalled.subscription.reader as unknown as { sink: FakeSink };
      const isLive = () => {
        stalled.give();
        return stalled.subscription.state === 'live';
      };
      await until(isLive, { what: 'the stalled one to be live' });
      sink.check();
    });
  });

  test('forgets the keys once nobody lags', async () => {
    const { subscription } = await lagging({ policy: 'conflate' }, (core) => publishKeyed(core, 'aab'));
    expect(subscription.feed.keyIndex).toBeUndefined();
    expect(subscription.feed.conflatingCount).toBe(0);
  });
});

describe('disconnect', () => {
  test('ends the connection as soon as the lag is beyond the limit, and not before', async () => {
    const core = await HubCore.open();
    const sink = new FakeSink();
    const ends: RingcastError[] = [];
    const reader: Reader = new Reader(sink, {
      identity: NOBODY,
      failInternally: (cause) => {
        throw cause;
      },
      failLagging: (error) => {
        ends.push(error);
        core.hub.closeReader(reader);
      },
    });
    await core.subscribe(reader, 'a', 'latest', { policy: 'disconnect', maxLagRecords: 10 });
    sink.stall();
    core.publish('a', numbered(8));
    await turn();
    const lag = [...reader.subscriptions.values()][0]!.lagRecords;
    core.publish('a', numbered(10 - lag, 9));
    await turn();
    expect(ends).toEqual([]);
    core.publish('a', numbered(1, 19 - lag));
    await turn();
    expect(ends).toMatchObject([{ code: 'lagging', message: expect.stringContaining('11 records') }]);
    expect(reader.subscriptions.size).toBe(0);
  });
});

describe('credit', () => {
  test('one frame may overdraw it; then nothing comes until half of the window is free again', async () => {
    const core = await HubCore.open();
    const { reader, sink } = core.connect();
    const { subscription, history } = await core.subscribe(reader, 'a', 'latest', { creditBytes: 25_000 });
    for (let i = 1; i <= 6; i++) {
      core.publish('a', numbered(1, i));
      await turn();
    }
    expect(numbers(history.values)).toEqual([1, 2, 3]);
    expect(subscription.state).toBe('paused');
    const sentBytes = sink.sent.reduce((sum, { bytes }) => sum + bytes, 0);
    core.hub.catchUp.credited(subscription, sentBytes - 12_501);
    await turn();
    expect(subscription.state).toBe('paused');
    core.hub.catchUp.credited(subscription, 1);
    await until(() => history.values.length > 3, { what: 'more to come' });
    core.hub.catchUp.credited(subscription, 1_000_000);
    await until(() => history.values.length === 6, { what: 'the rest' });
    sink.check();
  });

  test('given back beyond the window counts for no more than the window', async () => {
    const core = await HubCore.open();
    const { reader } = core.connect();
    const { subscription, history } = await core.subscribe(reader, 'a', 'latest', { creditBytes: 15_000 });
    core.hub.catchUp.credited(subscription, 1_000_000);
    for (let i = 1; i <= 6; i++) {
      core.publish('a', numbered(1, i));
      await turn();
    }
    expect(numbers(history.values)).toEqual([1, 2]);
  });

  test('that the client holds from before is not given anew', async () => {
    const core = await HubCore.open();
    core.publish('a', numbered(3));
    const { reader, sink } = core.connect();
    const options = { creditBytes: 15_000, heldBytes: 15_000 };
    const { subscription } = await core.subscribe(reader, 'a', 'earliest', options);
    await turn();
    expect([subscription.state, sink.sent.length]).toEqual(['paused', 0]);
    core.hub.catchUp.credited(subscription, 7_500);
    await until(() => sink.sent.length === 1, { what: 'a frame' });
  });
});

describe('a state', () => {
  test('that was to be complete to a place which a crash took back ends, and the loss is told', async () => {
    const store = createMemoryStore({ keep: true });
    const channelLimits = { state: { maxKeys: 10 } };
    const before = await HubCore.open({ store, channelLimits });
    publishKeyed(before, 'ab');
    await before.stop();
    const core = await HubCore.open({ store, channelLimits });
    const { reader } = core.connect();
    const epoch = before.hub.logs.epoch;
    const from = { state: { epoch, offset: 1 }, upTo: { epoch, offset: 99 } };
    const { history } = await core.subscribe(reader, 'a', from);
    await until(() => history.gaps.length > 0, { what: 'the loss to be told', have: () => history });
    expect(history.gaps).toMatchObject([{ after: { epoch, offset: 2 }, count: null, reason: 'lost' }]);
  });
});

describe('durable delivery', () => {
  async function durable() {
    const store = new FaultyStore(
      Object.defineProperty(createMemoryStore({ keep: true }), 'durable', { value: true }),
    );
    const core = await HubCore.open({ store });
    const { reader, sink } = core.connect();
    const { subscription, history } = await core.subscribe(reader, 'a', 'latest', { deliver: 'durable' });
    return { core, store, reader, sink, subscription, history };
  }

  test('shows a record once it is synced, and no sooner', async () => {
    const { core, store, history } = await durable();
    store.holdWrites();
    core.publish('a', numbered(3));
    core.clock.advance(50);
    await until(() => store.heldWrites === 1, { what: 'the write' });
    await turn();
    expect(history.values).toEqual([]);
    store.releaseWrites();
    await until(() => history.values.length === 3, { what: 'the records' });
  });

  test('and delivery from memory go on side by side, each at its own head', async () => {
    const { core, store, history } = await durable();
    const other = core.connect();
    const memory = await core.subscribe(other.reader, 'a', 'latest');
    store.holdWrites();
    core.publish('a', numbered(3));
    await turn();
    expect([memory.history.values.length, history.values.length]).toEqual([3, 0]);
    store.releaseWrites();
    await core.flush();
    expect(history.values).toEqual(memory.history.values);
  });

  test('begins at what is synced where the cursor is beyond it, so that nothing is shown too soon', async () => {
    const { core, store } = await durable();
    core.publish('a', numbered(2));
    await core.flush();
    store.holdWrites();
    core.publish('a', numbered(3, 3));
    await turn();
    const { reader } = core.connect();
    const cursor = { epoch: core.hub.logs.epoch, offset: 4 };
    const { history, subscription } = await core.subscribe(reader, 'a', { cursor }, { deliver: 'durable' });
    expect(history.cursor.offset).toBe(2);
    expect(subscription.state).toBe('live');
    store.releaseWrites();
    await core.flush();
    expect(numbers(history.values)).toEqual([3, 4, 5]);
  });

  test('is refused by a hub that keeps nothing on disk', async () => {
    const core = await HubCore.open();
    const { reader } = core.connect();
    await expect(core.subscribe(reader, 'a', 'latest', { deliver: 'durable' })).rejects.toMatchObject({
      code: 'not-durable',
    });
  });
});
