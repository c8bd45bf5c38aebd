import { expect, test } from 'vitest';
import { parseCursor } from '../../shared/terms.ts';
import { startHub } from '../support/start-hub.ts';
import { until } from '../support/until.ts';

test('each from begins where it says', async () => {
  const { connect } = await startHub();
  const publisher = await connect();
  const { epoch } = await publisher.publish('a', [1, 2, 3]);
  const before = Date.now() + 1;
  await until(() => Date.now() >= before, { what: 'the next millisecond' });
  await publisher.publish('a', [4, 5]);
  const cases = [
    ['latest', 5],
    ['earliest', 0],
    [{ last: 2 }, 3],
    [{ last: 0 }, 5],
    [{ last: 100 }, 0],
    [{ since: 0 }, 0],
    [{ since: before }, 3],
    [{ since: Date.now() + 60_000 }, 5],
    [{ cursor: { epoch, offset: 2 } }, 2],
    [{ cursor: { epoch, offset: 5 } }, 5],
  ] as const;
  const clients = await Promise.all(
    cases.map(async ([from, offset]) => {
      const client = await connect();
      const result = await client.subscribe('a', from);
      expect([from, result]).toEqual([
        from,
        { channelNumber: result.channelNumber, cursor: `${epoch}-${offset}`, head: `${epoch}-5` },
      ]);
      return { client, offset, number: result.channelNumber };
    }),
  );
  await publisher.publish('a', [6]);
  for (const { client, offset, number } of clients) {
    const wanted = [1, 2, 3, 4, 5, 6].slice(offset);
    await until(() => client.history(number).values.length >= wanted.length, { what: 'the records' });
    await client.ping();
    expect(client.history(number).values).toEqual(wanted);
    expect(client.history(number).gaps).toEqual([]);
  }
});

test('the cursor before everything begins with the oldest record', async () => {
  const { connect } = await startHub();
  const client = await connect();
  await client.publish('a', [1]);
  const { channelNumber } = await client.subscribe('a', { cursor: { epoch: 0, offset: 0 } });
  await client.publish('a', [2]);
  await until(() => client.history(channelNumber).values.length === 2, { what: 'both records' });
  expect(client.history(channelNumber).values).toEqual([1, 2]);
});

test('a channel that never was begins at offset 0 and goes live', async () => {
  const { connect } = await startHub();
  const client = await connect();
  const { channelNumber, cursor, head } = await client.subscribe('never.was', 'earliest');
  expect(parseCursor(cursor)!.offset).toBe(0);
  expect(head).toBe(cursor);
  await client.publish('never.was', ['now']);
  await client.next('batch');
  expect(client.history(channelNumber).values).toEqual(['now']);
});

test('a second subscription to a channel is refused, and the first goes on', async () => {
  const { connect } = await startHub();
  const client = await connect();
  const { channelNumber } = await client.subscribe('a');
  await expect(client.subscribe('a', 'earliest')).rejects.toMatchObject({ code: 'already-subscribed' });
  await client.publish('a', [1]);
  await client.next('batch');
  expect(client.history(channelNumber).values).toEqual([1]);
});

test('after unsubscribing nothing comes, and one may subscribe again from the cursor', async () => {
  const { connect } = await startHub();
  const publisher = await connect();
  const client = await connect();
  const first = await client.subscribe('a');
  await publisher.publish('a', [1]);
  await client.next('batch');
  const { cursor } = client.history(first.channelNumber);
  await client.unsubscribe(first.channelNumber);
  await publisher.publish('a', [2]);
  await client.ping();
  expect(client.history(first.channelNumber).values).toEqual([1]);
  await expect(client.unsubscribe(first.channelNumber)).rejects.toMatchObject({ code: 'not-subscribed' });
  const second = await client.subscribe('a', { cursor });
  await publisher.publish('a', [3]);
  await until(() => client.history(second.channelNumber).values.length === 2, { what: 'both records' });
  expect(client.history(second.channelNumber).values).toEqual([2, 3]);
});

test.each([
  ['beyond the head', { epoch: 0, offset: 2 }],
  ['of an epoch to come', { epoch: 1, offset: 0 }],
])('a cursor %s is answered unknown-cursor', async (_, { epoch, offset }) => {
  const { connect } = await startHub();
  const client = await connect();
  const head = await client.publish('a', [1]);
  const from = { cursor: { epoch: head.epoch + epoch, offset } };
  await expect(client.subscribe('a', from)).rejects.toMatchObject({ code: 'unknown-cursor' });
  await expect(client.page(client.pull('a', { from }))).rejects.toMatchObject({ code: 'unknown-cursor' });
  await client.subscribe('a');
});

test('options are refused, and named shortly', async () => {
  const { connect } = await startHub();
  const client = await connect();
  const refused = await client.subscribe('a', 'latest', { ['x'.repeat(10_000)]: 1 }).catch((error) => error);
  expect(refused).toMatchObject({ op: 'error', code: 'bad-request' });
  expect(refused.message.length).toBeLessThan(300);
  await client.subscribe('a', 'latest', {});
});

test('one subscription beyond the limit is refused, and taken when another has ended', async () => {
  const { connect } = await startHub({ config: { limits: { maxSubscriptionsPerConnection: 2 } } });
  const client = await connect();
  const { channelNumber } = await client.subscribe('a');
  await client.subscribe('b');
  await expect(client.subscribe('c')).rejects.toMatchObject({ code: 'too-many-subscriptions' });
  await client.unsubscribe(channelNumber);
  await client.subscribe('c');
});

test('one publish to many channels comes to each reader once, in one order per channel', async () => {
  const { connect } = await startHub();
  const publisher = await connect();
  const reader = await connect();
  const channels = Array.from({ length: 20 }, (_, i) => `room.${i}`);
  const numbers: number[] = [];
  for (const channel of channels) numbers.push((await reader.subscribe(channel)).channelNumber);
  for (let round = 0; round < 50; round++) {
    publisher.publishLater(channels.map((channel) => ({ channel, values: [round, `${channel} ${round}`] })));
  }
  const wanted = channels.map((channel) =>
    Array.from({ length: 50 }, (_, round) => [round, `${channel} ${round}`]).flat(),
  );
  await until(() => numbers.every((number) => reader.history(number).values.length === 100), {
    what: 'all records',
  });
  expect(numbers.map((number) => reader.history(number).values)).toEqual(wanted);
});
