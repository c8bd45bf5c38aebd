import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createMemoryStore } from '../../server/log/memory-store.ts';
import { ManualClock } from '../../shared/clock.ts';
import { parseCursor } from '../../shared/terms.ts';
import { FaultyStore } from '../support/faulty-store.ts';
import { record } from '../support/raw-client.ts';
import { startHub } from '../support/start-hub.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { until } from '../support/until.ts';

const config = async () => ({ store: 'rocksdb', dataFolder: join(await tempFolder(), 'data') }) as const;

test('after a clean stop the epoch goes on and a reader resumes without a gap', async () => {
  const settings = await config();
  const before = await startHub({ config: settings });
  const first = await before.connect();
  const { epoch } = await first.publish('a', [1, 2, 3]);
  await before.hub.stop();
  const after = await startHub({ config: settings });
  const client = await after.connect();
  const { channelNumber } = await client.subscribe('a', { cursor: { epoch, offset: 1 } });
  expect(await client.publish('a', [4])).toMatchObject({ epoch, firstOffsets: [4] });
  const history = () => client.history(channelNumber);
  await until(() => history().values.length === 3, { what: 'the records', have: history });
  expect(history().values).toEqual([2, 3, 4]);
  expect(history().gaps).toEqual([]);
});

test('after a crash a reader is told from where on its records are withdrawn', async () => {
  const settings = await config();
  const before = await startHub({ config: settings });
  const first = await before.connect();
  const { epoch } = await first.publish('a', [1, 2, 3], 'disk');
  const crashed = join(await tempFolder(), 'crashed');
  await cp(settings.dataFolder, crashed, { recursive: true });
  const reader = await before.connect();
  const shown = await reader.subscribe('a', 'earliest');
  await first.publish('a', [4, 5]);
  await until(() => reader.history(shown.channelNumber).values.length === 5, { what: 'five records' });
  await before.hub.stop();

  const after = await startHub({ config: { ...settings, dataFolder: crashed } });
  const client = await after.connect();
  const { channelNumber, head } = await client.subscribe('a', { cursor: { epoch, offset: 5 } });
  const next = await client.publish('a', ['other']);
  expect(next.epoch).toBeGreaterThan(epoch);
  expect(next.firstOffsets).toEqual([4]);
  expect(parseCursor(head)).toEqual({ epoch: next.epoch, offset: 3 });
  const history = () => client.history(channelNumber);
  await until(() => history().values.length === 1, { what: 'the new record', have: history });
  expect(history().values).toEqual(['other']);
  const lost = { count: null, reason: 'lost', after: { epoch, offset: 3 } };
  expect(history().gaps).toEqual([{ ...lost, upTo: { epoch: next.epoch, offset: 3 } }]);
});

test('a reader from the beginning crosses a crash with all that was kept and one gap', async () => {
  const settings = await config();
  const before = await startHub({ config: settings });
  const { epoch } = await (await before.connect()).publish('a', [1, 2], 'disk');
  const crashed = join(await tempFolder(), 'crashed');
  await cp(settings.dataFolder, crashed, { recursive: true });
  const after = await startHub({ config: { ...settings, dataFolder: crashed } });
  const client = await after.connect();
  const next = await client.publish('a', [3]);
  const { channelNumber } = await client.subscribe('a', 'earliest');
  const history = () => client.history(channelNumber);
  await until(() => history().values.length === 3, { what: 'three records', have: history });
  expect(history().records.map((shown) => [shown.epoch, shown.offset])).toEqual([
    [epoch, 1],
    [epoch, 2],
    [next.epoch, 3],
  ]);
  expect(history().gaps).toHaveLength(1);
});

test('the first publish to a channel after a restart keeps its payload, though the channel is opened from disk', async () => {
  const settings = await config();
  const before = await startHub({ config: settings });
  const first = await before.connect();
  await first.publish('a', ['old']);
  await before.hub.stop();
  const after = await startHub({ config: settings });
  const client = await after.connect();
  await client.publish('a', ['kept', { as: 'it', was: 'sent' }]);
  const { channelNumber } = await client.subscribe('a', 'earliest');
  const history = () => client.history(channelNumber);
  await until(() => history().values.length === 3, { what: 'three records', have: history });
  expect(history().values).toEqual(['old', 'kept', { as: 'it', was: 'sent' }]);
});

test('a publish to a channel that is opened from disk first keeps its sequence and its condition', async () => {
  const settings = await config();
  const before = await startHub({ config: settings });
  const first = await before.dial();
  const { timeMs: firstSentMs } = await first.hello(await before.token(), 'p');
  const entry = { channel: 'a', records: [record(1)], sequence: 1, first: true };
  const sent = { op: 'publish', id: 50, ack: 'disk', entries: [entry] } as const;
  first.send(sent);
  await first.published(50);
  await before.hub.stop();
  const after = await startHub({ config: settings });
  const again = await after.dial();
  await again.hello(await after.token(), 'p');
  again.send({ ...sent, firstSentMs });
  expect(await again.published(50)).toMatchObject({ firstOffsets: [null] });
  await after.hub.stop();

  const third = await startHub({ config: settings });
  const client = await third.connect();
  const expectedCursor = { epoch: 0, offset: 0 };
  client.send({
    op: 'publish',
    id: 51,
    ack: 'memory',
    entries: [{ channel: 'a', records: [record(2)], expectedCursor }],
  });
  expect((await client.error(51)).code).toBe('conflict');
});

test('frames keep their order though the channels of some are opened from disk first', async () => {
  const settings = await config();
  const before = await startHub({ config: settings });
  const first = await before.connect();
  const channels = Array.from({ length: 30 }, (_, i) => `c.${i}`);
  first.publishLater(channels.map((channel) => ({ channel, values: ['old'] })));
  await first.ping();
  await before.hub.stop();
  const after = await startHub({ config: settings });
  const client = await after.connect();
  const ids: number[] = [];
  for (let round = 0; round < 5; round++) {
    for (const channel of channels) ids.push(client.publishLater([{ channel, values: [round] }]));
    const mixed = channels.map((channel) => ({ channel, values: [`all ${round}`] }));
    ids.push(client.publishLater(mixed));
  }
  const last = client.nextId();
  client.send({ op: 'subscribe', id: last, channel: 'c.7', from: 'earliest', options: null });
  const { channelNumber, head } = (await client.answer(last)) as { channelNumber: number; head: string };
  expect(parseCursor(head)!.offset).toBe(11);
  await Promise.all(ids.map((id) => client.published(id)));
  const history = () => client.history(channelNumber);
  await until(() => history().values.length === 11, { what: 'eleven records', have: history });
  const rounds = [0, 1, 2, 3, 4].flatMap((round) => [round, `all ${round}`]);
  expect(history().values).toEqual(['old', ...rounds]);
});

test('a publish and a subscribe behind a slow opening wait for it, and for nothing else', async () => {
  const store = new FaultyStore(createMemoryStore({ keep: true }));
  const before = await startHub({ store });
  const first = await before.connect();
  await first.publish('a', ['old']);
  await before.hub.stop();
  const after = await startHub({ store });
  const slow = await after.connect();
  const other = await after.connect();
  store.holdReads();
  const publish = slow.publishLater([{ channel: 'a', values: ['new'] }]);
  slow.send({ op: 'subscribe', id: 100, channel: 'b', from: 'latest', options: null });
  slow.send({ op: 'ping', id: 101 });
  await until(() => store.heldReads > 0, { what: 'the opening to be held' });
  await other.ping();
  expect(slow.frames.map(({ op }) => op)).toEqual(['welcome']);
  store.releaseReads();
  await slow.next('pong');
  await slow.published(publish);
  expect(slow.frames.filter(({ op }) => op === 'ok' || op === 'pong').map(({ op }) => op)).toEqual([
    'ok',
    'pong',
  ]);
});

test('a reader from before the retention is told exactly how many records it missed', async () => {
  const clock = new ManualClock();
  const settings = {
    ...(await config()),
    channels: [{ pattern: '>', retention: { maxRecords: 100, maxBytes: null, maxAgeMs: null } }],
  };
  const { connect } = await startHub({ clock, config: settings });
  const client = await connect();
  const { epoch } = await client.publish('a', [0]);
  const filler = 'x'.repeat(1000);
  for (let i = 1; i < 1000; i += 50) {
    await client.publish(
      'a',
      Array.from({ length: 50 }, (_, j) => `${i + j} ${filler}`),
      'disk',
    );
  }
  const oldest = await until(
    async () => {
      clock.advance(1000);
      const page = await client.page(client.pull('a', { limit: 1 }));
      return page.firstOffset > 1 && page.firstOffset;
    },
    { what: 'the first records to go' },
  );
  const { channelNumber, cursor } = await client.subscribe('a', { cursor: { epoch, offset: 3 } });
  expect(cursor).toBe(`${epoch}-3`);
  const history = () => client.history(channelNumber);
  await until(() => history().records.at(-1)?.offset === 1001, {
    what: 'the newest',
    have: () => history().cursor,
  });
  const [gap, ...others] = history().gaps;
  expect(others).toEqual([]);
  expect(gap).toMatchObject({
    after: { epoch, offset: 3 },
    reason: 'retention',
    count: gap!.upTo.offset - 3,
  });
  expect(gap!.upTo.offset).toBeGreaterThanOrEqual((oldest as number) - 1);
  expect(history().records[0]!.offset).toBe(gap!.upTo.offset + 1);
  expect(history().records.length).toBeGreaterThanOrEqual(100);
  const upTo = { epoch, offset: 5 };
  const cut = await client.page(client.pull('a', { from: { cursor: { epoch, offset: 3 } }, upTo }));
  expect(cut).toMatchObject({ count: 0, atEnd: true, next: upTo, gaps: [{ ...gap, upTo, count: 2 }] });
  const earliest = await connect();
  const again = await earliest.subscribe('a', 'earliest');
  await earliest.next('batch');
  expect(earliest.history(again.channelNumber).gaps).toEqual([]);
});
