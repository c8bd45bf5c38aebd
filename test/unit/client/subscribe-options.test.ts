/** What a subscription asks of the hub beside where it begins: policies, durable delivery, state. */
import { describe, expect, test } from 'vitest';
import type { SubscribeOptions } from '../../../client/options.ts';
import { encodeValue } from '../../../shared/msgpack.ts';
import { collector, comeBack, quiet, setUp, takeItems } from '../../support/fake-client.ts';
import { runOf } from '../../support/fake-feed.ts';
import type { FakeHub } from '../../support/fake-hub.ts';

const code = (wanted: string) => expect.objectContaining({ code: wanted });
type PlainOptions = SubscribeOptions & { readonly gaps?: 'events' };

const CREDIT = { creditBytes: 2 ** 20 };

function put(hub: FakeHub, key: string, value: unknown): void {
  hub.appendInput('a', { key, meta: null, payload: encodeValue(value) });
}

describe('terms', () => {
  test.each<[SubscribeOptions, unknown]>([
    [{}, CREDIT],
    [{ policy: 'replay', deliver: 'memory' }, CREDIT],
    [{ policy: 'conflate' }, { ...CREDIT, policy: 'conflate' }],
    [
      { policy: 'drop-oldest', maxLagRecords: 9 },
      { ...CREDIT, policy: 'drop-oldest', maxLagRecords: 9 },
    ],
    [
      { policy: 'disconnect', maxLagBytes: 9, deliver: 'durable' },
      { ...CREDIT, policy: 'disconnect', maxLagBytes: 9, deliver: 'durable' },
    ],
  ])('%j reach the hub', async (options, wanted) => {
    const { hub, client } = await setUp();
    client.subscribe('a', options as PlainOptions, () => {});
    await quiet();
    expect(hub.received('subscribe')[0]?.options).toEqual(wanted);
  });

  test.each<[SubscribeOptions]>([
    [{ policy: 'drop' as never }],
    [{ policy: 'drop-oldest' }],
    [{ policy: 'disconnect' }],
    [{ policy: 'conflate', maxLagRecords: 3 }],
    [{ maxLagBytes: 3 }],
    [{ policy: 'drop-oldest', maxLagRecords: 0 }],
    [{ policy: 'drop-oldest', maxLagBytes: 1.5 }],
    [{ deliver: 'disk' as never }],
  ])('%j are refused with TypeError', async (options) => {
    const { client } = await setUp();
    expect(() => client.subscribe('a', options as PlainOptions)).toThrow(TypeError);
  });

  test('are those of the channel for all who read it on one client', async () => {
    const { client } = await setUp();
    const first = client.subscribe('a', { policy: 'conflate' }, () => {});
    client.subscribe('a', { policy: 'conflate' }, () => {});
    expect(() => client.subscribe('a', {}, () => {})).toThrow(code('already-subscribed'));
    expect(() => client.subscribe('a', { policy: 'conflate', deliver: 'durable' })).toThrow(
      code('already-subscribed'),
    );
    expect(first.state).toBe('pending');
  });

  test('may be others once nobody reads it any more, even before the hub has answered', async () => {
    const { hub, client } = await setUp();
    client.subscribe('a', { policy: 'conflate' }, () => {}).unsubscribe();
    const { seen, listener } = collector();
    client.subscribe('a', {}, listener);
    await quiet();
    hub.append('a', 1);
    await quiet();
    expect(seen).toEqual([1]);
    expect(hub.received('subscribe').map(({ options }) => options)).toEqual([
      { ...CREDIT, policy: 'conflate' },
      CREDIT,
    ]);
    expect(hub.connection.subscriptions.size).toBe(1);
  });

  test('of durable delivery hold for pages as well', async () => {
    const { hub, client } = await setUp();
    hub.append('a', 1, 2);
    client.subscribe('a', { deliver: 'durable' }, () => {});
    await quiet();
    client.subscribe('a', { deliver: 'durable', from: 'earliest' }, () => {});
    await quiet();
    expect(hub.received('pull')[0]?.durable).toBe(true);
  });
});

describe('sparse batches', () => {
  test('come as records with a gap for each hole, to each reader what is new to it', async () => {
    const { hub, client } = await setUp();
    hub.autoPush = false;
    const all = [collector(), collector()];
    const [first] = all.map(({ listener }) =>
      client.subscribe('a', { policy: 'conflate', gaps: 'inline' }, listener),
    );
    await quiet();
    const entries = hub.append('a', 'one', 'two', 'three', 'four', 'five');
    const kept = [entries[1]!, entries[2]!, entries[4]!];
    hub.connection.send({
      op: 'sparse-batch',
      channelNumber: 1,
      epoch: 7,
      prevOffset: 0,
      count: 3,
      offsets: [2, 3, 5],
      missing: [
        { index: 0, count: 1, reason: 'dropped' },
        { index: 2, count: 1, reason: 'conflated' },
      ],
      run: runOf(kept),
    });
    await quiet();
    const wanted = ['gap dropped 7-1', 'two', 'three', 'gap conflated 7-4', 'five'];
    expect(all.map(({ seen }) => seen)).toEqual([wanted, wanted]);
    expect(first?.cursor).toBe('7-5');
    expect(client.backlog.queuedBytes).toBe(0);
  });
});

describe('from the state', () => {
  test('the newest record of each key comes first, then the log behind it', async () => {
    const { hub, client } = await setUp();
    put(hub, 'x', 1);
    put(hub, 'y', 2);
    put(hub, 'x', 3);
    hub.recordsPerBatch = 1;
    const { seen, listener } = collector();
    const subscription = client.subscribe('a', { from: 'state' }, listener);
    await quiet();
    put(hub, 'y', 4);
    await quiet();
    expect(seen).toEqual([2, 3, 4]);
    expect(subscription).toMatchObject({ state: 'live', cursor: '7-4' });
  });

  test('its cursor says nothing until all of the state is taken', async () => {
    const { hub, client } = await setUp();
    put(hub, 'x', 1);
    put(hub, 'y', 2);
    hub.append('a', 'without key');
    const subscription = client.subscribe('a', { from: 'state' });
    const iterator = subscription[Symbol.asyncIterator]();
    await quiet();
    expect(subscription.cursor).toBeNull();
    await iterator.next();
    expect(subscription.cursor).toBeNull();
    await iterator.next();
    expect(subscription.cursor).toBe('7-3');
  });

  test('of a channel without any, the log follows from the head', async () => {
    const { hub, client } = await setUp();
    hub.append('a', 1, 2);
    const { seen, listener } = collector();
    const subscription = client.subscribe('a', { from: 'state' }, listener);
    await quiet();
    expect(subscription).toMatchObject({ state: 'live', cursor: '7-2' });
    hub.append('a', 3);
    await quiet();
    expect(seen).toEqual([3]);
  });

  test('cut in its midst it goes on behind what was handed on', async () => {
    const { hub, clock, client } = await setUp({ maxQueuedBytes: 100 });
    for (const key of ['p', 'q', 'r', 's']) put(hub, key, `${key} ${'.'.repeat(50)}`);
    hub.recordsPerBatch = 1;
    const taking = takeItems(client.subscribe('a', { from: 'state' }), 1);
    await taking;
    await quiet();
    hub.connection.cut();
    put(hub, 'p', 'p again');
    await comeBack({ clock, client });
    await quiet();
    const [, second] = hub.received('subscribe');
    expect(second?.from).toEqual({ state: { epoch: 7, offset: 2 }, upTo: { epoch: 7, offset: 4 } });
  });

  test('strictly grows over cuts, and misses no key', async () => {
    const { hub, clock, client } = await setUp();
    hub.recordsPerBatch = 1;
    for (const key of ['p', 'q', 'r', 's', 't']) put(hub, key, key);
    const { seen, listener } = collector();
    let cuts = 0;
    hub.intercept = (frame, connection) => {
      if (frame.op !== 'subscribe' || cuts++ > 1) return false;
      hub.autoPush = false;
      connection.subscribe(frame);
      hub.autoPush = true;
      connection.push();
      // Two of its frames arrive, the others do not.
      queueMicrotask(() =>
        queueMicrotask(() => queueMicrotask(() => queueMicrotask(() => connection.cut()))),
      );
      return true;
    };
    const subscription = client.subscribe('a', { from: 'state' }, listener);
    for (let i = 0; i < 3; i++) {
      await quiet();
      put(hub, 'p', `p ${i}`);
      await comeBack({ clock, client });
    }
    await quiet();
    expect(subscription.state).toBe('live');
    expect(hub.received('subscribe').length).toBe(3);
    expect(new Set(seen).size).toBe(seen.length);
    expect(seen).toEqual(expect.arrayContaining(['q', 'r', 's', 't', 'p 2']));
  });

  test('is refused while the channel is open, and the caller is told of a channel that keeps none', async () => {
    const { hub, client } = await setUp();
    const live = client.subscribe('a', {}, () => {});
    expect(() => client.subscribe('a', { from: 'state' })).toThrow(code('already-subscribed'));
    live.unsubscribe();
    hub.intercept = (frame, connection) => {
      if (frame.op === 'subscribe') connection.refuse(frame.id, 'no-state');
      return frame.op === 'subscribe';
    };
    const iterator = client.subscribe('a', { from: 'state' })[Symbol.asyncIterator]();
    await expect(iterator.next()).rejects.toMatchObject({ code: 'no-state' });
  });

  test('one who joins meanwhile begins where the state ends', async () => {
    const { hub, client } = await setUp();
    hub.autoPush = false;
    put(hub, 'x', 1);
    client.subscribe('a', { from: 'state' }, () => {});
    await quiet();
    const { seen, listener } = collector();
    const late = client.subscribe('a', {}, listener);
    await quiet();
    expect(late.state).toBe('pending');
    hub.push();
    put(hub, 'x', 2);
    hub.push();
    await quiet();
    expect(seen).toEqual([2]);
    expect(late.state).toBe('live');
  });
});
