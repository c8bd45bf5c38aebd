import { expect, test } from 'vitest';
import { LIVE_MARK_BYTES } from '../../../server/hub/sink.ts';
import { FakeSink } from '../../support/fake-sink.ts';
import { HubCore, turn } from '../../support/hub-core.ts';
import { until } from '../../support/until.ts';

const KIB_10 = 'x'.repeat(10_000);

test('what is published in one tick is one frame per channel and reader', async () => {
  const core = await HubCore.open();
  const { reader, sink } = core.connect();
  const { history } = await core.subscribe(reader, 'a');
  for (let i = 0; i < 10; i++) core.publish('a', [i]);
  expect(sink.sent).toEqual([]);
  await turn();
  expect(history.values).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  expect(sink.sent).toHaveLength(1);
  expect(sink.corks).toBe(0);
});

test('frames of several channels reach a reader under one cork', async () => {
  const core = await HubCore.open();
  const { reader, sink } = core.connect();
  const names = ['a', 'b', 'c'];
  const opened = await Promise.all(names.map((name) => core.subscribe(reader, name)));
  for (const name of names) core.publish(name, [name]);
  await turn();
  expect(opened.map(({ history }) => history.values)).toEqual([['a'], ['b'], ['c']]);
  expect([sink.sent.length, sink.corks]).toEqual([3, 1]);
});

test('a tick ends at once when 256 KiB were appended, and not before', async () => {
  const core = await HubCore.open();
  const { reader, sink } = core.connect();
  await core.subscribe(reader, 'a');
  for (let i = 0; i < 26; i++) core.publish('a', [KIB_10]);
  expect(sink.sent).toEqual([]);
  core.publish('a', [KIB_10]);
  expect(sink.sent.length).toBeGreaterThan(3);
  await turn();
  sink.check();
});

test('no frame holds more than a page but for one record that is larger', async () => {
  const core = await HubCore.open();
  const { reader, sink } = core.connect();
  const { history } = await core.subscribe(reader, 'a');
  core.publish('a', [KIB_10, 'x'.repeat(300_000), ...new Array(20).fill(KIB_10)]);
  await until(() => history.values.length === 22, { what: 'all records' });
  const large = sink.sent.filter(({ bytes }) => bytes > LIVE_MARK_BYTES + 60);
  expect(large).toEqual([expect.objectContaining({ bytes: expect.closeTo(300_000, -2) })]);
});

test('a reader whose socket fills stops being live with its cursor behind what the socket took', async () => {
  const core = await HubCore.open();
  const { reader, sink } = core.connect();
  const { subscription, history } = await core.subscribe(reader, 'a');
  sink.stall();
  core.publish('a', new Array(7).fill(KIB_10));
  await turn();
  expect([subscription.state, sink.isFull]).toEqual(['catching-up', true]);
  expect(subscription.cursor).toEqual(history.cursor);
  expect(subscription.cursor.offset).toBeGreaterThan(0);
  expect(subscription.feed.live).toEqual([]);
  const before = sink.sent.length;
  core.publish('a', ['while stalled']);
  await turn();
  expect(sink.sent).toHaveLength(before);
  expect(subscription.lagRecords).toBe(8 - history.cursor.offset);
  core.drain(reader);
  await until(() => subscription.state === 'live', { what: 'the reader to be live' });
  expect(history.values).toEqual([...new Array(7).fill(KIB_10), 'while stalled']);
  core.publish('a', ['live']);
  await turn();
  expect(history.values.at(-1)).toBe('live');
  sink.check();
});

test('a socket that was filled by something else is sent nothing, and nothing is lost', async () => {
  const core = await HubCore.open();
  const { reader, sink } = core.connect();
  const { subscription, history } = await core.subscribe(reader, 'a');
  sink.stall();
  sink.isFull = true;
  sink.bufferedBytes = 100_000;
  core.publish('a', [1, 2]);
  await turn();
  expect([subscription.state, subscription.cursor, sink.sent]).toEqual(['catching-up', history.cursor, []]);
  core.drain(reader);
  await until(() => subscription.state === 'live', { what: 'the reader to be live' });
  expect(history.values).toEqual([1, 2]);
});

test('of a channel’s readers only the slow one falls behind, wherever it stands among them', async () => {
  for (const slow of [0, 1, 2]) {
    const core = await HubCore.open();
    const readers = await Promise.all(
      [0, 1, 2].map(async () => {
        const connected = core.connect();
        return { ...connected, ...(await core.subscribe(connected.reader, 'a')) };
      }),
    );
    readers[slow]!.sink.stall();
    for (let i = 0; i < 20; i++) {
      core.publish('a', [`${i} ${KIB_10}`]);
      await turn();
    }
    const states = [0, 1, 2].map((i) => (i === slow ? 'catching-up' : 'live'));
    expect(readers.map(({ subscription }) => subscription.state)).toEqual(states);
    expect(readers.map(({ history }) => history.values.length === 20)).toEqual(
      [0, 1, 2].map((i) => i !== slow),
    );
    for (const { sink } of readers) sink.check();
    await core.stop();
  }
});

test('a reader that is gone is passed over', async () => {
  const core = await HubCore.open();
  const gone = core.connect();
  const there = core.connect();
  await core.subscribe(gone.reader, 'a');
  const { history } = await core.subscribe(there.reader, 'a');
  gone.sink.isClosed = true;
  core.publish('a', [1]);
  await turn();
  core.hub.closeReader(gone.reader);
  core.publish('a', [2]);
  await turn();
  expect(history.values).toEqual([1, 2]);
  expect(core.hub.openChannel('a')).toMatchObject({ subscriptionCount: 1 });
});

test('JSON and msgpack readers are fed from the same records', async () => {
  const core = await HubCore.open();
  const json = core.connect(new FakeSink(undefined, 'json'));
  const msgpack = core.connect();
  await core.subscribe(json.reader, 'a');
  const { history } = await core.subscribe(msgpack.reader, 'a');
  core.publish('a', [1, 2]);
  await turn();
  expect(history.values).toEqual([1, 2]);
  expect(json.sink.sent).toHaveLength(1);
  json.sink.check();
});
