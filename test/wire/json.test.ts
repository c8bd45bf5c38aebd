import { expect, test } from 'vitest';
import { SECRET, startHub } from '../support/start-hub.ts';
import { until } from '../support/until.ts';
import { forgeToken } from '../unit/auth/forge-token.ts';

test('records live, replayed and pulled look the same in JSON', async () => {
  const { connect } = await startHub();
  const publisher = await connect({ form: 'json' });
  const reader = await connect({ form: 'json' });
  const { channelNumber } = await reader.subscribe('a');
  const sent = [
    { key: 'k', meta: { a: 1, b: 'two', c: true }, data: { price: 1.5, list: [1, null, 'ä'] } },
    { data: 'plain' },
    { payloadBase64: Buffer.from([0xc4, 2, 1, 2]).toString('base64') },
  ];
  const publish = { op: 'publish', id: 1, ack: 'memory', entries: [{ channel: 'a', records: sent }] };
  publisher.sendRaw(JSON.stringify(publish), { binary: false });
  const { epoch } = await publisher.published(1);
  const timeMs = expect.any(Number);
  const records = [
    { offset: 1, timeMs, key: 'k', meta: sent[0]!.meta, data: sent[0]!.data },
    { offset: 2, timeMs, key: null, meta: null, data: 'plain' },
    { offset: 3, timeMs, key: null, meta: null, payloadBase64: sent[2]!.payloadBase64 },
  ];
  const position = { epoch, prevOffset: 0, firstOffset: 1, count: 3, records };
  expect(await reader.nextJson('batch')).toEqual({ op: 'batch', channelNumber, ...position });
  const late = await connect({ form: 'json' });
  const replayed = await late.subscribe('a', 'earliest');
  expect(replayed).toEqual({ channelNumber, cursor: `${epoch}-0`, head: `${epoch}-3` });
  expect(await late.nextJson('batch')).toEqual({ op: 'batch', channelNumber, ...position });
  late.pull('a');
  const page = { op: 'page', id: late.lastId, next: `${epoch}-3`, atEnd: true, gaps: [] };
  expect(await late.nextJson('page')).toEqual({ ...page, ...position });
});

test('readers of both forms get the same records of one publish', async () => {
  const { connect } = await startHub();
  const publisher = await connect();
  const msgpack = await connect();
  const json = await connect({ form: 'json' });
  const { channelNumber } = await msgpack.subscribe('a');
  await json.subscribe('a');
  for (let i = 0; i < 50; i++) await publisher.publish('a', [i, { i }]);
  await until(() => msgpack.history(channelNumber).values.length === 100, { what: 'all records' });
  await json.ping();
  const shown = json.frames.flatMap((frame) =>
    frame.op === 'batch' ? (frame as unknown as { records: { data: unknown }[] }).records : [],
  );
  expect(shown.map(({ data }) => data)).toEqual(msgpack.history(channelNumber).values);
});

test('a JSON reader that falls behind gets each record once, in order', async () => {
  const { connect } = await startHub({
    config: {
      memory: { ringBytes: 1_048_576, unpersistedBytes: 1_048_576 },
      limits: { publishCreditBytes: 4_194_304 },
    },
  });
  const publisher = await connect();
  const json = await connect({ form: 'json' });
  await json.subscribe('a');
  json.pause();
  const filler = 'x'.repeat(2000);
  for (let i = 0; i < 6000; i += 50) {
    const values = Array.from({ length: 50 }, (_, j) => [i + j, filler]);
    await until(() => publisher.publish('a', values), { what: 'room for more' });
  }
  json.resume();
  const offsets = () =>
    json.frames.flatMap((frame) =>
      frame.op === 'batch' ? (frame as unknown as { records: { offset: number }[] }).records : [],
    );
  await until(() => offsets().length >= 6000, { what: 'all records', timeoutMs: 15_000 });
  expect(offsets().map(({ offset }) => offset)).toEqual(Array.from({ length: 6000 }, (_, i) => i + 1));
}, 30_000);

test('refusals and the goodbye are JSON too', async () => {
  const { hub, connect, dial } = await startHub();
  const stranger = await dial({ form: 'json' });
  const token = forgeToken('another secret that is long enough too', { exp: 2 ** 33 });
  stranger.send({ op: 'hello', token, client: null, features: [], producerId: null });
  expect(await stranger.error(null)).toMatchObject({ code: 'token-signature' });
  expect((await stranger.closed()).code).toBe(4101);
  const client = await connect({ form: 'json', token: { secret: SECRET, subscribe: ['a'] } });
  await expect(client.subscribe('b')).rejects.toMatchObject({ code: 'forbidden' });
  await hub.stop();
  expect((await client.next('going-away')).reconnectAfterMs).toBe(250);
});
