/** Policies, credit, durable delivery and state over a real socket and a real disk. */
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Publish } from '../../shared/frames.ts';
import { parseCursor } from '../../shared/terms.ts';
import { type RawClient, record } from '../support/raw-client.ts';
import { startHub } from '../support/start-hub.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { until } from '../support/until.ts';

const FILLER = 'x'.repeat(1000);
const rocks = async (channels: object[] = []) =>
  ({ store: 'rocksdb', dataFolder: join(await tempFolder(), 'data'), channels }) as never;

async function publishKeyed(client: RawClient, channel: string, ...pairs: [key: string, value: unknown][]) {
  const id = client.nextId();
  const records = pairs.map(([key, value]) => record(value, key));
  const frame: Publish = { op: 'publish', id, ack: 'disk', entries: [{ channel, records }] };
  client.send(frame);
  return client.published(id);
}

describe('a reader that does not read', () => {
  test.each([
    ['drop-oldest', { policy: 'drop-oldest', maxLagRecords: 5 }, 'dropped'],
    ['conflate', { policy: 'conflate' }, 'conflated'],
  ])(
    'of policy %s is given less once it goes on, and is told exactly what is missing',
    async (_, options, reason) => {
      const { connect } = await startHub({ config: await rocks() });
      const publisher = await connect();
      const slow = await connect();
      const { channelNumber } = await slow.subscribe('a', 'latest', options);
      slow.pause();
      const total = 20_000;
      for (let i = 0; i < total; i += 500) {
        const pairs = Array.from({ length: 500 }, (_, j): [string, unknown] => [
          `k${(i + j) % 7}`,
          [i + j, FILLER],
        ]);
        await publishKeyed(publisher, 'a', ...pairs);
      }
      slow.resume();
      const history = () => slow.history(channelNumber);
      await until(() => history().cursor.offset === total, {
        what: 'the head',
        have: history,
        timeoutMs: 15_000,
      });
      const { records, gaps } = history();
      expect(records.length).toBeLessThan(total);
      expect(gaps.length).toBeGreaterThan(0);
      expect(gaps.every((gap) => gap.reason === reason)).toBe(true);
      expect(records.length + gaps.reduce((sum, { count }) => sum + count!, 0)).toBe(total);
      const last = new Map(records.map(({ key, value }) => [key, (value as [number])[0]]));
      if (reason === 'conflated')
        expect([...last.values()].sort()).toEqual([19_993, 19_994, 19_995, 19_996, 19_997, 19_998, 19_999]);
    },
  );

  test('of policy disconnect is closed with 4005, resumes from its cursor, and has missed nothing', async () => {
    const { connect } = await startHub();
    const publisher = await connect();
    const slow = await connect();
    const options = { policy: 'disconnect', maxLagRecords: 100 };
    const first = await slow.subscribe('a', 'latest', { ...options, creditBytes: 1000 });
    for (let i = 0; i < 200; i++) await publisher.publish('a', [i]);
    expect(await slow.error(null)).toMatchObject({ code: 'lagging' });
    expect(await slow.closed()).toEqual({ code: 4005, reason: 'lagging' });
    const shown = slow.history(first.channelNumber);
    const again = await connect();
    const second = await again.subscribe('a', { cursor: shown.cursor }, options);
    const rest = () => again.history(second.channelNumber).values;
    await until(() => shown.values.length + rest().length === 200, {
      what: 'the rest',
      have: () => rest().length,
    });
    expect([...shown.values, ...rest()]).toEqual(Array.from({ length: 200 }, (_, i) => i));
  });
});

test('a client is sent no more than its credit and one frame, and goes on as it gives back', async () => {
  const { connect } = await startHub();
  const publisher = await connect();
  const client = await connect();
  const { channelNumber } = await client.subscribe('a', 'latest', { creditBytes: 10_000 });
  for (let i = 0; i < 100; i++) await publisher.publish('a', [[i, FILLER]]);
  await client.ping();
  const shown = () => client.history(channelNumber).values.length;
  expect(shown()).toBeGreaterThan(8);
  expect(shown()).toBeLessThan(12);
  while (shown() < 100) {
    const before = shown();
    client.send({ op: 'credit', channelNumber, bytes: 10_000 });
    await until(() => shown() > before, { what: 'more' });
  }
  // Of a number that is nobody's it counts for nothing.
  client.send({ op: 'credit', channelNumber: 999, bytes: 5 });
  await client.ping();
});

test('a durable reader and a durable pull are given what was synced', async () => {
  const config = await rocks();
  const { connect } = await startHub({ config });
  const publisher = await connect();
  const reader = await connect();
  const { channelNumber } = await reader.subscribe('a', 'latest', { deliver: 'durable' });
  await publisher.publish('a', ['synced'], 'disk');
  await until(() => reader.history(channelNumber).values.length === 1, { what: 'the record' });
  const durable = await publisher.page(publisher.pull('a', { durable: true }));
  expect([durable.count, durable.atEnd]).toEqual([1, true]);
});

describe('a state', () => {
  const channels = [{ pattern: 'prices', state: {}, retention: { maxRecords: 1, maxAgeMs: null } }];

  test('is the newest of each key over a restart, then the log without a hole', async () => {
    const config = await rocks(channels);
    const before = await startHub({ config });
    const first = await before.connect();
    await publishKeyed(first, 'prices', ['a', 1], ['b', 1], ['a', 2], ['c', 1], ['b', null]);
    await before.hub.stop();
    const after = await startHub({ config });
    const client = await after.connect();
    const { channelNumber, cursor } = await client.subscribe('prices', 'state');
    expect(parseCursor(cursor)!.offset).toBe(5);
    const history = () => client.history(channelNumber);
    await until(() => history().isStateWhole, { what: 'the state' });
    expect(history().state.map(({ key, value, offset }) => [key, value, offset])).toEqual([
      ['a', 2, 3],
      ['c', 1, 4],
    ]);
    await publishKeyed(client, 'prices', ['d', 1]);
    await until(() => history().values.length === 1, { what: 'the live record' });
    expect(history().gaps).toEqual([]);
  });

  test('that was cut off goes on where it was, and tells in the log what was deleted since', async () => {
    const { connect } = await startHub({ config: await rocks(channels) });
    const client = await connect();
    await publishKeyed(client, 'prices', ['a', 1], ['b', 1], ['c', 1]);
    const { epoch } = await publishKeyed(client, 'prices', ['b', null]);
    const upTo = { epoch, offset: 3 };
    const { channelNumber } = await client.subscribe('prices', { state: { epoch, offset: 2 }, upTo });
    const history = () => client.history(channelNumber);
    await until(() => history().values.length === 1, { what: 'the deletion', have: history });
    expect(history().state.map(({ key }) => key)).toEqual(['c']);
    expect(history().records).toMatchObject([{ key: 'b', value: null, offset: 4 }]);
  });

  test('takes a new key again once one was deleted', async () => {
    const { connect } = await startHub({ config: { channels: [{ pattern: 'few', state: { maxKeys: 2 } }] } });
    const client = await connect();
    const offer = (key: string, value: unknown) => {
      const id = client.nextId();
      client.send({
        op: 'publish',
        id,
        ack: 'memory',
        entries: [{ channel: 'few', records: [record(value, key)] }],
      });
      return client.published(id);
    };
    await offer('a', 1);
    await offer('b', 1);
    await expect(offer('c', 1)).rejects.toMatchObject({ code: 'too-many-keys' });
    await offer('b', 2);
    // Deleting what is not there needs no room.
    await offer('d', null);
    await offer('a', null);
    await offer('c', 1);
  });
});
