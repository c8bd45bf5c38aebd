/** What becomes of publishes that the hub has not answered, or refused for now. */
import { describe, expect, test } from 'vitest';
import type { Publish } from '../../../shared/frames.ts';
import { decodeValue } from '../../../shared/msgpack.ts';
import { comeBack, quiet, setUp } from '../../support/fake-client.ts';
import type { FakeConnection, FakeHub } from '../../support/fake-hub.ts';

const code = (wanted: string) => expect.objectContaining({ code: wanted });

/** A frame as the tests look at it: per entry its channel, sequence, `first` flag and values. */
function shape({ entries, firstSentMs }: Publish): unknown[] {
  const shapes = entries.map(({ channel, records, sequence, first }) => {
    const values = records.map(({ payload }) => decodeValue(payload, { timestamps: true }));
    return `${channel} ${sequence}${first ? ' first' : ''}: ${values.join(' ')}`;
  });
  return firstSentMs === undefined ? shapes : [...shapes, { firstSentMs }];
}

function shapes(hub: FakeHub): unknown[] {
  return hub.received('publish').map(shape);
}

function valuesOf(hub: FakeHub, channel: string): unknown[] {
  return hub.log(channel).entries.map(({ bytes }) => {
    const [, , , payload] = decodeValue(bytes, { timestamps: false }) as [
      unknown,
      unknown,
      unknown,
      Uint8Array,
    ];
    return decodeValue(payload, { timestamps: true });
  });
}

/** Deals with publishes as `deal` says; true: it is dealt with. */
function onPublish(hub: FakeHub, deal: (frame: Publish, connection: FakeConnection) => boolean): void {
  hub.intercept = (frame, connection) => frame.op === 'publish' && deal(frame, connection);
}

/** Publishes each value in a frame of its own. */
async function publishEach(
  client: Awaited<ReturnType<typeof setUp>>['client'],
  channel: string,
  ...values: unknown[]
): Promise<Promise<unknown>[]> {
  const all: Promise<unknown>[] = [];
  for (const value of values) {
    const published = client.publish(channel, value);
    published.catch(() => {});
    all.push(published);
    await quiet();
  }
  return all;
}

describe('sequences', () => {
  test('count the entries of each channel; only the first of a connection is flagged', async () => {
    const { hub, client } = await setUp();
    await client.publish('a', 1);
    await client.publish('a', 2);
    await client.publish('b', 3);
    expect(shapes(hub)).toEqual([['a 1 first: 1'], ['a 2: 2'], ['b 1 first: 3']]);
    expect(hub.received('hello')[0]?.producerId).toEqual(expect.any(String));
  });

  test('two frames under way at the start: only the one with nothing before it is flagged', async () => {
    const { hub, client } = await setUp();
    await Promise.all([client.publish('a', 1), client.publish('a', 2, { ack: 'disk' })]);
    expect(shapes(hub)).toEqual([['a 1 first: 1'], ['a 2: 2']]);
  });

  test('the first after one that was refused for good is flagged', async () => {
    const { hub, client } = await setUp();
    await client.publish('a', 1);
    onPublish(hub, ({ id }, connection) => {
      connection.refuse(id, 'forbidden');
      return true;
    });
    await expect(client.publish('a', 2)).rejects.toMatchObject({ code: 'forbidden' });
    hub.intercept = () => false;
    await client.publish('a', 3);
    expect(shapes(hub)).toEqual([['a 1 first: 1'], ['a 2: 2'], ['a 3 first: 3']]);
    expect(valuesOf(hub, 'a')).toEqual([1, 3]);
  });

  test('publishes without acknowledgement have none', async () => {
    const { hub, client } = await setUp();
    await client.publish('a', 1, { ack: 'none' });
    await quiet();
    expect(shapes(hub)).toEqual([['a undefined: 1']]);
  });
});

describe('after a cut', () => {
  test('what was not answered is sent again as it was, before what came later, and taken once', async () => {
    const { hub, clock, client } = await setUp();
    hub.timeMs = 5000;
    let answer = true;
    onPublish(hub, (frame, connection) => {
      if (answer) return false;
      // Taken, but the answer is lost.
      connection.takePublish(frame);
      connection.cut();
      return true;
    });
    await client.publish('a', 0);
    answer = false;
    const [lost] = await publishEach(client, 'a', 1);
    const later = client.publish('a', 2);
    answer = true;
    await comeBack({ clock, client });
    expect(await lost).toEqual({ cursor: null });
    expect(await later).toEqual({ cursor: '7-3' });
    expect(shapes(hub).slice(1)).toEqual([['a 2: 1'], ['a 2 first: 1', { firstSentMs: 1000 }], ['a 3: 2']]);
    expect(valuesOf(hub, 'a')).toEqual([0, 1, 2]);
  });

  test('what the hub never saw is taken from the second sending', async () => {
    const { hub, clock, client } = await setUp();
    onPublish(hub, () => true);
    const [first, second] = await publishEach(client, 'a', 1, 2);
    hub.connection.cut();
    hub.intercept = () => false;
    await comeBack({ clock, client });
    expect(await Promise.all([first, second])).toEqual([{ cursor: '7-1' }, { cursor: '7-2' }]);
    expect(client.backlog).toMatchObject({ outboxBytes: 0, unackedBytes: 0 });
  });

  test('a hub that tells no time is told 0', async () => {
    const { hub, clock, client } = await setUp({}, (prepared) => {
      prepared.timeMs = undefined;
    });
    onPublish(hub, () => true);
    const [first] = await publishEach(client, 'a', 1);
    hub.connection.cut();
    hub.intercept = () => false;
    await comeBack({ clock, client });
    await first;
    expect(shapes(hub)[1]).toEqual(['a 1 first: 1', { firstSentMs: 0 }]);
  });

  test('a hub that has forgotten the producer is not given the record again: its caller decides', async () => {
    const { hub, clock, client } = await setUp();
    await client.publish('a', 0);
    onPublish(hub, (frame, connection) => {
      connection.takePublish(frame);
      connection.cut();
      return true;
    });
    const [doubtful] = await publishEach(client, 'a', 1);
    hub.publishes.forget('a', 2000);
    hub.intercept = () => false;
    const later = client.publish('a', 2);
    await comeBack({ clock, client });
    await expect(doubtful).rejects.toMatchObject({ code: 'producer-unknown' });
    await later;
    expect(valuesOf(hub, 'a')).toEqual([0, 1, 2]);
  });

  test('a frame larger than the next hub takes is rejected, and does not end the connection', async () => {
    const { hub, clock, client } = await setUp();
    onPublish(hub, () => true);
    const [large, small] = await publishEach(client, 'a', 'x'.repeat(5000), 'x');
    hub.connection.cut();
    hub.intercept = () => false;
    hub.limits = { ...hub.limits, maxFrameBytes: 1000 };
    await comeBack({ clock, client });
    await expect(large).rejects.toMatchObject({ code: 'record-too-large' });
    expect(await small).toEqual({ cursor: '7-1' });
  });
});

describe('a producer that the hub forgot while it was connected', () => {
  test('goes on: what was never in doubt is sent again, flagged', async () => {
    const { hub, client } = await setUp();
    await client.publish('a', 1);
    hub.publishes.forget('a', 1e9);
    expect(await client.publish('a', 2)).toEqual({ cursor: '7-2' });
    expect(shapes(hub).slice(1)).toEqual([['a 2: 2'], ['a 2 first: 2']]);
  });
});

describe('a refusal for now', () => {
  test.each(['overloaded', 'store-failed', 'shutting-down'] as const)(
    '%s is sent again when the hub says, and what comes after it waits',
    async (word) => {
      const { hub, clock, client } = await setUp();
      let refuse = true;
      onPublish(hub, ({ id, entries }, connection) => {
        if (!refuse || entries[0]?.channel !== 'a') return false;
        connection.refuse(id, word, { retryAfterMs: 300 });
        return true;
      });
      const all = await publishEach(client, 'a', 1, 2);
      expect(await client.publish('b', 'goes on')).toEqual({ cursor: '7-1' });
      expect(hub.received('publish')).toHaveLength(2);
      refuse = false;
      clock.advance(299);
      await quiet();
      expect(hub.received('publish')).toHaveLength(2);
      clock.advance(1);
      expect(await Promise.all(all)).toEqual([{ cursor: '7-1' }, { cursor: '7-2' }]);
      expect(valuesOf(hub, 'a')).toEqual([1, 2]);
    },
  );

  test('without a delay of the hub backs off, longer each time', async () => {
    const { hub, clock, client } = await setUp();
    onPublish(hub, ({ id }, connection) => {
      connection.refuse(id, 'overloaded');
      return true;
    });
    void publishEach(client, 'a', 1);
    const sentAtMs: number[] = [];
    for (let i = 0; i < 150; i++) {
      await quiet();
      if (hub.received('publish').length > sentAtMs.length) sentAtMs.push(clock.monotonicMs());
      clock.advance(10);
    }
    expect(sentAtMs.map((ms) => ms - sentAtMs[0]!)).toEqual([0, 200, 600, 1400]);
  });

  test('of frames under way sends them again in order, each once the one before it was', async () => {
    const { hub, clock, client } = await setUp();
    await client.publish('a', 0);
    let refused = 0;
    onPublish(hub, ({ id }, connection) => {
      if (refused > 0) return false;
      refused++;
      connection.refuse(id, 'overloaded', { retryAfterMs: 100 });
      return true;
    });
    const all = [client.publish('a', 1), client.publish('a', 2, { ack: 'disk' }), client.publish('a', 3)];
    await quiet();
    clock.advance(100);
    await Promise.all(all);
    expect(valuesOf(hub, 'a')).toEqual([0, 1, 2, 3]);
    expect(shapes(hub).slice(4)).toEqual([['a 2: 1'], ['a 3: 2'], ['a 4: 3']]);
  });

  test('of one for good under way, the others are sent again and none is lost', async () => {
    const { hub, client } = await setUp();
    await client.publish('a', 0);
    onPublish(hub, (frame, connection) => {
      if (frame.entries[0]?.sequence !== 2) return false;
      connection.refuse(frame.id, 'forbidden');
      return true;
    });
    const all = [client.publish('a', 1), client.publish('a', 2, { ack: 'disk' }), client.publish('a', 3)];
    expect(await Promise.allSettled(all)).toEqual([
      { status: 'rejected', reason: code('forbidden') },
      { status: 'fulfilled', value: { cursor: '7-2' } },
      { status: 'fulfilled', value: { cursor: '7-3' } },
    ]);
    expect(valuesOf(hub, 'a')).toEqual([0, 2, 3]);
  });

  test('out-of-sequence again and again, with nothing before it, is given up on', async () => {
    const { hub, client } = await setUp();
    await client.publish('a', 0);
    onPublish(hub, ({ id }, connection) => {
      connection.refuse(id, 'out-of-sequence');
      return true;
    });
    await expect(client.publish('a', 1)).rejects.toMatchObject({ code: 'out-of-sequence' });
    expect(shapes(hub).slice(1)).toEqual([['a 2: 1'], ['a 2 first: 1']]);
  });

  test('out-of-sequence behind one that is still under way waits for it instead of circling', async () => {
    const { hub, client } = await setUp();
    hub.autoSync = false;
    const first = client.publish('a', 1, { ack: 'disk' });
    await quiet();
    onPublish(hub, ({ id }, connection) => {
      connection.refuse(id, 'out-of-sequence');
      return true;
    });
    const second = client.publish('a', 2);
    await quiet();
    expect(hub.received('publish')).toHaveLength(2);
    hub.intercept = () => false;
    hub.sync();
    expect(await Promise.all([first, second])).toEqual([{ cursor: '7-1' }, { cursor: '7-2' }]);
  });
});

describe('closing', () => {
  test('rejects what is in doubt as lost, and what was never sent as closed', async () => {
    const { hub, client } = await setUp();
    onPublish(hub, () => true);
    const [sent] = await publishEach(client, 'a', 1);
    hub.connection.cut();
    const [unsent] = await publishEach(client, 'a', 2);
    await client.close();
    await expect(sent).rejects.toMatchObject({
      code: 'connection-lost',
      message: expect.stringContaining('may or may not'),
    });
    await expect(unsent).rejects.toMatchObject({ code: 'closed' });
    expect(client.backlog.outboxBytes).toBe(0);
  });

  test('another connection of the same producer ends the client with that failure', async () => {
    const { hub, clock, client } = await setUp();
    hub.connection.refuse(null, 'producer-replaced');
    await quiet();
    hub.connection.cut(4204);
    expect(client.status).toBe('closed');
    expect(client.failure?.code).toBe('producer-replaced');
    clock.advance(100_000);
    await quiet();
    expect(hub.connections).toHaveLength(1);
    await expect(client.publish('a', 1)).rejects.toMatchObject({ code: 'producer-replaced' });
  });
});

describe('the bound of the outbox', () => {
  test('counts what was sent and not answered, and says so', async () => {
    const { hub, client } = await setUp({ maxOutboxBytes: 1000 });
    onPublish(hub, () => true);
    await publishEach(client, 'a', 'x'.repeat(400), 'x'.repeat(400));
    expect(client.backlog.unackedBytes).toBeGreaterThan(800);
    expect(client.backlog.outboxBytes).toBe(client.backlog.unackedBytes);
    await expect(client.publish('a', 'x'.repeat(400))).rejects.toMatchObject({
      code: 'outbox-full',
      message: expect.stringContaining('1000'),
    });
  });
});

describe('a condition', () => {
  test('has a frame of its own, and its refusal is the caller’s', async () => {
    const { hub, client } = await setUp();
    const results = await Promise.allSettled([
      client.publish('a', 1),
      client.publish('a', 2, { expectedCursor: '7-1' }),
      client.publish('a', 3, { expectedCursor: '7-1' }),
      client.publish('a', 4),
    ]);
    expect(results).toEqual([
      { status: 'fulfilled', value: { cursor: '7-1' } },
      { status: 'fulfilled', value: { cursor: '7-2' } },
      { status: 'rejected', reason: code('conflict') },
      { status: 'fulfilled', value: { cursor: '7-3' } },
    ]);
    expect(valuesOf(hub, 'a')).toEqual([1, 2, 4]);
  });

  test.each([
    ['soon', {}],
    ['7-1', { ack: 'none' as const }],
  ])('that cannot be is a TypeError: %s %j', async (expectedCursor, options) => {
    const { client } = await setUp();
    await expect(client.publish('a', 1, { expectedCursor, ...options })).rejects.toThrow(TypeError);
  });
});

describe('publishMany', () => {
  test('makes one frame, an entry for each channel, and a result for each record in order', async () => {
    const { hub, client } = await setUp();
    hub.append('b', 'before');
    const results = await client.publishMany([
      { channel: 'a', data: 1, key: 'k' },
      { channel: 'b', data: 2 },
      { channel: 'a', data: 3 },
    ]);
    expect(results).toEqual([{ cursor: '7-1' }, { cursor: '7-2' }, { cursor: '7-2' }]);
    expect(shapes(hub)).toEqual([['a 1 first: 1 3', 'b 1 first: 2']]);
    expect(hub.received('publish')[0]?.entries[0]?.records[0]?.key).toBe('k');
    expect(await client.publishMany([])).toEqual([]);
  });

  test('is refused whole', async () => {
    const { hub, client } = await setUp();
    const items = [
      { channel: 'a', data: 1 },
      { channel: 'b', data: 2, expectedCursor: '7-5' },
    ];
    await expect(client.publishMany(items)).rejects.toMatchObject({ code: 'conflict' });
    expect(valuesOf(hub, 'a')).toEqual([]);
  });

  test('keeps its place among the publishes to each of its channels, and blocks all of them while it waits', async () => {
    const { hub, clock, client } = await setUp();
    let refuse = true;
    onPublish(hub, (frame, connection) => {
      if (!refuse || frame.entries[0]?.channel !== 'a') return false;
      connection.refuse(frame.id, 'overloaded', { retryAfterMs: 100 });
      return true;
    });
    const all = [
      client.publish('a', 1),
      client.publish('b', 1),
      client.publishMany([
        { channel: 'a', data: 2 },
        { channel: 'b', data: 2 },
      ]),
      client.publish('b', 3),
    ];
    await quiet();
    const more = client.publish('b', 4);
    await client.publish('c', 'goes on');
    expect(valuesOf(hub, 'b')).toEqual([1]);
    refuse = false;
    clock.advance(100);
    await Promise.all([...all, more]);
    expect(valuesOf(hub, 'a')).toEqual([1, 2]);
    expect(valuesOf(hub, 'b')).toEqual([1, 2, 3, 4]);
  });

  test('what does not fit one frame is rejected, and nothing of it sent', async () => {
    const { hub, client } = await setUp();
    const items = Array.from({ length: 10 }, () => ({ channel: 'a', data: 'x'.repeat(200_000) }));
    await expect(client.publishMany(items)).rejects.toMatchObject({ code: 'record-too-large' });
    const twice = [1, 2].map((data) => ({ channel: 'a', data, expectedCursor: '7-0' }));
    await expect(client.publishMany(twice)).rejects.toThrow(TypeError);
    await quiet();
    expect(hub.received('publish')).toEqual([]);
    expect(client.backlog.outboxBytes).toBe(0);
  });
});
