import { expect, onTestFinished, test } from 'vitest';
import { createMemoryStore } from '../../server/log/memory-store.ts';
import type { RecordInput } from '../../shared/terms.ts';
import { FaultyStore } from '../support/faulty-store.ts';
import { record } from '../support/raw-client.ts';
import { startHub } from '../support/start-hub.ts';
import { until } from '../support/until.ts';

test('acknowledged in memory: the epoch and the offset of each entry’s first record', async () => {
  const { connect } = await startHub();
  const client = await connect();
  await client.publish('a', [1, 2]);
  const id = client.publishLater([
    { channel: 'a', values: [3, 4, 5] },
    { channel: 'b', values: [1] },
    { channel: 'a', values: [6] },
  ]);
  const { epoch, firstOffsets } = await client.published(id);
  expect(firstOffsets).toEqual([3, 1, 6]);
  const { cursor } = await client.subscribe('a');
  expect(cursor).toBe(`${epoch}-6`);
});

test('acknowledged on disk only once it is synced', async () => {
  const store = new FaultyStore(Object.assign(createMemoryStore(), { durable: true }));
  const { connect } = await startHub({ store });
  onTestFinished(() => store.releaseWrites());
  const client = await connect();
  store.holdWrites();
  const inMemory = client.publishLater([{ channel: 'a', values: [1] }], 'memory');
  const onDisk = client.publishLater([{ channel: 'a', values: [2] }], 'disk');
  await client.published(inMemory);
  await until(() => store.heldWrites === 1, { what: 'the write to begin' });
  await client.ping();
  expect(client.frames.filter(({ op }) => op === 'published')).toHaveLength(1);
  store.releaseWrites();
  expect(await client.published(onDisk)).toMatchObject({ firstOffsets: [2] });
});

test('a hub that keeps its log in memory refuses to acknowledge on disk', async () => {
  const { connect } = await startHub();
  const client = await connect();
  await expect(client.publish('a', [1], 'disk')).rejects.toMatchObject({ code: 'not-durable' });
  // Nobody waits for the disk there.
  client.publishLater([{ channel: 'a', values: [2] }], 'disk', 0);
  expect(await client.publish('a', [3])).toMatchObject({ firstOffsets: [2] });
});

test('one bad entry refuses the whole frame', async () => {
  const { connect } = await startHub();
  const client = await connect({ token: { publish: ['a', 'b'] } });
  const { channelNumber } = await client.subscribe('a');
  const id = client.publishLater([
    { channel: 'a', values: [1] },
    { channel: 'c', values: [2] },
  ]);
  expect((await client.error(id)).code).toBe('forbidden');
  expect(await client.publish('a', ['first'])).toMatchObject({ firstOffsets: [1] });
  await client.next('batch');
  expect(client.history(channelNumber).values).toEqual(['first']);
});

const payload = record(null).payload;
const metaOf = (bytes: number) => ({ a: 'x'.repeat(bytes - 6) });

test.each<[code: string, refused: RecordInput]>([
  ['record-too-large', { key: null, meta: null, payload: new Uint8Array(65_537) }],
  ['record-invalid', { key: null, meta: null, payload: new Uint8Array(0) }],
  ['record-invalid', { key: 'k'.repeat(256), meta: null, payload }],
  ['record-invalid', { key: 'é'.repeat(128), meta: null, payload }],
  ['record-invalid', { key: null, meta: metaOf(1025), payload }],
])('a record beyond its limits is refused with %s', async (code, refused) => {
  const { connect } = await startHub({ config: { limits: { maxRecordBytes: 65_536 } } });
  const client = await connect();
  const publish = (id: number, sent: RecordInput) =>
    client.send({ op: 'publish', id, ack: 'memory', entries: [{ channel: 'a', records: [sent] }] });
  publish(101, refused);
  expect((await client.error(101)).code).toBe(code);
  publish(102, { key: 'é'.repeat(127), meta: metaOf(1024), payload: new Uint8Array(65_536).fill(1) });
  expect((await client.published(102)).firstOffsets).toEqual([1]);
});

test.each(['', '.', 'a..b', 'a b', 'a.*', '>', 'ä', 'a'.repeat(256)])(
  'the channel %j is refused with channel-invalid',
  async (channel) => {
    const { connect } = await startHub();
    const client = await connect();
    await expect(client.publish(channel, [1])).rejects.toMatchObject({ code: 'channel-invalid' });
    await expect(client.subscribe(channel)).rejects.toMatchObject({ code: 'channel-invalid' });
    await expect(client.page(client.pull(channel))).rejects.toMatchObject({ code: 'channel-invalid' });
  },
);

test('refusals of publishes without an id come as one error per channel, with their count', async () => {
  const { connect } = await startHub();
  const client = await connect({ token: { publish: ['a'] } });
  for (let i = 0; i < 50; i++) {
    client.publishLater([{ channel: 'b', values: [i] }], 'memory', 0);
    client.publishLater([{ channel: 'a', values: [i] }], 'memory', 0);
    client.publishLater([{ channel: 'c', values: [i] }], 'memory', 0);
  }
  await client.ping();
  const errors = await until(
    () => {
      const found = client.frames.filter((frame) => frame.op === 'error');
      const counted = found.reduce((sum, { details }) => sum + (details!.count as number), 0);
      return counted === 100 ? found : undefined;
    },
    { what: '100 refusals', have: () => client.frames },
  );
  expect(errors!.every(({ id, code }) => id === null && code === 'forbidden')).toBe(true);
  expect(new Set(errors!.map(({ details }) => details!.channel))).toEqual(new Set(['b', 'c']));
  expect(errors!.length).toBeLessThan(50);
  expect(await client.publish('a', ['next'])).toMatchObject({ firstOffsets: [51] });
});

test('a refusal without an id names the channel that was refused, wherever it stands in the frame', async () => {
  const { connect } = await startHub();
  const client = await connect({ token: { publish: ['a'] } });
  const entries = [
    { channel: 'a', values: [1] },
    { channel: 'b', values: [1] },
  ];
  client.publishLater(entries, 'memory', 0);
  expect((await client.error(null)).details).toEqual({ channel: 'b', count: 1 });
});

test('beyond maxChannels a publish to a new one is refused whole', async () => {
  const { connect } = await startHub({ config: { limits: { maxChannels: 2 } } });
  const client = await connect();
  await client.publish('a', [1]);
  await client.publish('b', [1]);
  await expect(client.publish('c', [1])).rejects.toMatchObject({ code: 'too-many-channels' });
  await expect(client.subscribe('c')).rejects.toMatchObject({ code: 'too-many-channels' });
  const id = client.publishLater([
    { channel: 'a', values: [2] },
    { channel: 'c', values: [1] },
  ]);
  await expect(client.published(id)).rejects.toMatchObject({ code: 'too-many-channels' });
  expect(await client.publish('a', [2])).toMatchObject({ firstOffsets: [2] });
});

test('while the disk is behind its bound publishes are refused with overloaded, and taken when it has caught up', async () => {
  const store = new FaultyStore(createMemoryStore());
  const config = { memory: { unpersistedBytes: 1_048_576 }, limits: { publishCreditBytes: 4_194_304 } };
  const { connect } = await startHub({ store, config });
  onTestFinished(() => store.releaseWrites());
  const client = await connect();
  store.holdWrites();
  const big = 'x'.repeat(400_000);
  await client.publish('a', [big]);
  await client.publish('a', [big]);
  await expect(client.publish('a', [big])).rejects.toMatchObject({
    code: 'overloaded',
    details: { retryAfterMs: expect.any(Number) },
  });
  store.releaseWrites();
  await expect
    .poll(() =>
      client.publish('a', [big]).then(
        ({ firstOffsets }) => firstOffsets,
        () => 'refused',
      ),
    )
    .toEqual([3]);
});

test('a frame within maxFrameBytes is taken when nothing waits, however many records it holds', async () => {
  const memory = { unpersistedBytes: 1_048_576, ringBytes: 1_048_576 };
  const { connect } = await startHub({ config: { memory } });
  const client = await connect();
  const values = new Array(65_536).fill(1);
  const id = client.publishLater([{ channel: 'a', values }]);
  expect((await client.published(id)).firstOffsets).toEqual([1]);
});
