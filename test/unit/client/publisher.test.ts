import { describe, expect, test } from 'vitest';
import type { Publish } from '../../../shared/frames.ts';
import { decodeValue } from '../../../shared/msgpack.ts';
import { comeBack, quiet, setUp } from '../../support/fake-client.ts';
import type { FakeHub } from '../../support/fake-hub.ts';

function values(frame: Publish): unknown[] {
  return frame.entries.flatMap(({ records }) =>
    records.map(({ payload }) => decodeValue(payload, { timestamps: true })),
  );
}

function shapes(hub: FakeHub): unknown[] {
  return hub
    .received('publish')
    .map((frame) => [frame.entries[0]?.channel, frame.id === 0 ? 'none' : frame.ack, ...values(frame)]);
}

const code = (wanted: string) => expect.objectContaining({ code: wanted });

describe('publish', () => {
  test('resolves with the cursor of the record', async () => {
    const { client } = await setUp();
    expect(await client.publish('a', { x: 1 })).toEqual({ cursor: '7-1' });
    expect(await client.publish('a', { x: 2 }, { ack: 'disk' })).toEqual({ cursor: '7-2' });
  });

  test('key, meta and any value reach the hub; bytes are bin', async () => {
    const { hub, client } = await setUp();
    await client.publish('a', Uint8Array.of(1, 2), { key: 'k', meta: { n: 1, ok: true } });
    const [record] = hub.received('publish')[0]!.entries[0]!.records;
    expect(record).toMatchObject({ key: 'k', meta: { n: 1, ok: true } });
    expect([...record!.payload]).toEqual([0xc4, 2, 1, 2]);
  });

  test('those of one tick make one frame for each channel and ack level', async () => {
    const { hub, client } = await setUp();
    const all = [1, 2, 3].flatMap((n) => [client.publish('a', n), client.publish('b', n)]);
    const results = await Promise.all(all);
    expect(shapes(hub)).toEqual([
      ['a', 'memory', 1, 2, 3],
      ['b', 'memory', 1, 2, 3],
    ]);
    expect(results.map(({ cursor }) => cursor)).toEqual(['7-1', '7-1', '7-2', '7-2', '7-3', '7-3']);
  });

  test('within a channel the order stands, whatever the ack levels', async () => {
    const { hub, client } = await setUp();
    await Promise.all([
      client.publish('a', 1),
      client.publish('a', 2, { ack: 'disk' }),
      client.publish('a', 3),
      client.publish('a', 4),
    ]);
    expect(shapes(hub)).toEqual([
      ['a', 'memory', 1],
      ['a', 'disk', 2],
      ['a', 'memory', 3, 4],
    ]);
  });

  test('what the answers to one frame set off is one tick again', async () => {
    const { hub, client } = await setUp();
    const chain = async (n: number) => {
      await client.publish('a', n);
      await client.publish('a', n + 10);
    };
    await Promise.all([chain(1), chain(2), chain(3)]);
    expect(shapes(hub)).toEqual([
      ['a', 'memory', 1, 2, 3],
      ['a', 'memory', 11, 12, 13],
    ]);
  });

  test('frames are cut at what the hub takes', async () => {
    const { hub, client } = await setUp({}, (prepared) => {
      prepared.limits = { ...prepared.limits, maxFrameBytes: 1000, maxRecordBytes: 500 };
    });
    await Promise.all(Array.from({ length: 20 }, () => client.publish('a', 'x'.repeat(200))));
    const counts = hub.received('publish').map((frame) => values(frame).length);
    expect(counts).toEqual([4, 4, 4, 4, 4]);
  });

  test('a refusal rejects the publishes of its frame and no others', async () => {
    const { hub, client } = await setUp();
    hub.intercept = (frame, connection) => {
      if (frame.op !== 'publish' || frame.entries[0]?.channel !== 'secret') return false;
      connection.refuse(frame.id, 'forbidden');
      return true;
    };
    const results = await Promise.allSettled([
      client.publish('secret', 1),
      client.publish('open', 1),
      client.publish('secret', 2),
    ]);
    expect(results).toEqual([
      { status: 'rejected', reason: code('forbidden') },
      { status: 'fulfilled', value: { cursor: '7-1' } },
      { status: 'rejected', reason: code('forbidden') },
    ]);
  });

  test('what can never succeed is rejected without asking the hub', async () => {
    const { hub, client } = await setUp();
    await expect(client.publish('a', 'x'.repeat(2 ** 18))).rejects.toMatchObject({
      code: 'record-too-large',
    });
    await expect(client.publish('a', 1, { key: 'é'.repeat(128) })).rejects.toMatchObject({
      code: 'record-invalid',
    });
    await expect(client.publish('not a name', 1)).rejects.toMatchObject({ code: 'channel-invalid' });
    await expect(client.publish('a', 1, { meta: { list: [] } as never })).rejects.toMatchObject({
      code: 'record-invalid',
    });
    await expect(client.publish('a', 1, { ack: 'soon' as never })).rejects.toThrow(TypeError);
    await expect(client.publish('a', () => {})).rejects.toThrow(TypeError);
    await quiet();
    expect(hub.received('publish')).toEqual([]);
  });
});

describe('publishMany', () => {
  test('refuses a hole as it would an item that is undefined', async () => {
    const { client } = await setUp();
    const items = new Array(2);
    items[1] = { channel: 'a', data: 1 };
    await expect(client.publishMany(items)).rejects.toThrow(TypeError);
  });
});

describe('ack none', () => {
  test('resolves when sent, with id 0; a refusal comes as an error of the client', async () => {
    const errors: unknown[] = [];
    const { hub, client } = await setUp({ onError: (error) => errors.push(error) });
    hub.intercept = (frame, connection) => {
      if (frame.op === 'publish') connection.refuse(null, 'forbidden', { channel: 'a', count: 1 });
      return frame.op === 'publish';
    };
    expect(await client.publish('a', 1, { ack: 'none' })).toBeUndefined();
    await quiet();
    expect(hub.received('publish')[0]?.id).toBe(0);
    expect(errors).toEqual([code('forbidden')]);
    expect(client.status).toBe('live');
  });

  test('a refusal of one is not taken for the cause of a later cut', async () => {
    const { hub, client } = await setUp({ onError: () => {} });
    hub.connection.refuse(null, 'forbidden', { channel: 'a', count: 1 });
    await quiet();
    hub.connection.cut(4001);
    expect(client.failure?.code).toBe('hello-timeout');
  });
});

describe('publish credit', () => {
  test('used up, nothing is sent until some is given back; one frame may overdraw', async () => {
    const { hub, client } = await setUp({}, (prepared) => {
      prepared.autoCredit = false;
      prepared.publishCreditBytes = 1000;
    });
    void client.publish('a', 'x'.repeat(900));
    await quiet();
    void client.publish('a', 'x'.repeat(900));
    await quiet();
    expect(hub.received('publish')).toHaveLength(2);
    const waiting = client.publish('a', 'last');
    await quiet();
    expect(hub.received('publish')).toHaveLength(2);
    hub.connection.send({ op: 'publish-credit', bytes: 800 });
    await quiet();
    expect(hub.received('publish')).toHaveLength(2);
    hub.connection.send({ op: 'publish-credit', bytes: 900 });
    expect(await waiting).toEqual({ cursor: '7-3' });
  });

  test('never overdrawn by more than a frame, while everything arrives in order', async () => {
    const { hub, client } = await setUp({}, (prepared) => {
      prepared.publishCreditBytes = 5000;
      prepared.limits = { ...prepared.limits, maxFrameBytes: 1500, maxRecordBytes: 1000 };
      prepared.autoCredit = false;
    });
    let outstandingBytes = 0;
    let mostBytes = 0;
    hub.intercept = (frame, connection) => {
      if (frame.op !== 'publish') return false;
      connection.takePublish(frame);
      outstandingBytes += 1500;
      mostBytes = Math.max(mostBytes, outstandingBytes);
      if (outstandingBytes > 2500) {
        connection.send({ op: 'publish-credit', bytes: outstandingBytes });
        outstandingBytes = 0;
      }
      return true;
    };
    await Promise.all(Array.from({ length: 4000 }, (_, n) => client.publish('a', [n, 'x'.repeat(n % 300)])));
    expect(
      hub
        .received('publish')
        .flatMap(values)
        .map((value) => (value as [number])[0]),
    ).toEqual(Array.from({ length: 4000 }, (_, n) => n));
    expect(mostBytes).toBeLessThanOrEqual(5000 + 1500);
    expect(client.backlog.outboxBytes).toBe(0);
  });

  test('what waits for credit gathers into few frames', async () => {
    const { hub, client } = await setUp({}, (prepared) => {
      prepared.autoCredit = false;
      prepared.publishCreditBytes = 10;
    });
    void client.publish('a', 0);
    await quiet();
    for (let n = 1; n < 50; n++) {
      void client.publish('a', n);
      await quiet();
    }
    hub.connection.send({ op: 'publish-credit', bytes: 1000 });
    await quiet();
    expect(hub.received('publish').map((frame) => values(frame).length)).toEqual([1, 49]);
  });
});

describe('outbox', () => {
  test('what was never sent is sent after the reconnect, in order', async () => {
    const { hub, clock, client } = await setUp();
    hub.connection.cut();
    const waiting = [1, 2, 3].map((n) => client.publish('a', n));
    await quiet();
    expect(client.backlog.outboxBytes).toBeGreaterThan(0);
    await comeBack({ clock, client });
    expect((await Promise.all(waiting)).map(({ cursor }) => cursor)).toEqual(['7-1', '7-2', '7-3']);
    expect(client.backlog.outboxBytes).toBe(0);
  });

  test('is bounded: beyond it publishes are rejected, and those inside are kept', async () => {
    const { hub, clock, client } = await setUp({ maxOutboxBytes: 1000 });
    hub.connection.cut();
    const waiting = [1, 2].map(() => client.publish('a', 'x'.repeat(400)));
    await expect(client.publish('a', 'x'.repeat(400))).rejects.toMatchObject({ code: 'outbox-full' });
    await comeBack({ clock, client });
    await expect(Promise.all(waiting)).resolves.toHaveLength(2);
    await expect(client.publish('a', 'x'.repeat(400))).resolves.toBeDefined();
  });

  test('a long loop that does not wait is sent while it runs, as far as credit goes', async () => {
    const { hub, client } = await setUp();
    const all: Promise<unknown>[] = [];
    for (let n = 0; n < 400; n++) all.push(client.publish('a', 'x'.repeat(1000)));
    await expect(Promise.all(all)).resolves.toHaveLength(400);
    expect(hub.received('publish').length).toBeLessThan(12);
  });

  test('what waited for a hub that now takes less is rejected, and does not end the connection', async () => {
    const { hub, clock, client } = await setUp();
    hub.connection.cut();
    const large = client.publish('a', 'x'.repeat(5000));
    large.catch(() => {});
    const small = client.publish('a', 'x');
    hub.limits = { ...hub.limits, maxRecordBytes: 1000 };
    await comeBack({ clock, client });
    await expect(large).rejects.toMatchObject({ code: 'record-too-large' });
    expect(await small).toEqual({ cursor: '7-1' });
    expect(client.backlog.outboxBytes).toBe(0);
  });

  test('subscriptions are asked for before what waited is published', async () => {
    const { hub, clock, client } = await setUp();
    hub.connection.cut();
    const seen: unknown[] = [];
    client.subscribe('a', {}, (record) => seen.push(record.data));
    void client.publish('a', 'mine');
    await comeBack({ clock, client });
    expect(seen).toEqual(['mine']);
  });
});
