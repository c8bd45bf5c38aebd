import { expect, onTestFinished, test } from 'vitest';
import { createMemoryStore } from '../../server/log/memory-store.ts';
import { msgpackCodec } from '../../shared/codec.ts';
import { FaultyStore } from '../support/faulty-store.ts';
import { record } from '../support/raw-client.ts';
import { startHub } from '../support/start-hub.ts';
import { until } from '../support/until.ts';

const WINDOW = 65_536;
const frameOf = (bytes: number, id = 0) =>
  msgpackCodec.encodeClient({
    op: 'publish',
    id,
    ack: 'memory',
    entries: [{ channel: 'a', records: [record('x'.repeat(bytes))] }],
  });

test('credit comes back when half is used, to the byte, refused publishes included', async () => {
  const { connect } = await startHub({ config: { limits: { publishCreditBytes: WINDOW } } });
  const client = await connect({ token: { publish: [] } });
  const frame = frameOf(10_000);
  for (let i = 0; i < 3; i++) {
    client.sendRaw(frame);
    await client.ping();
  }
  expect(client.frames.some(({ op }) => op === 'publish-credit')).toBe(false);
  client.sendRaw(frame);
  expect(await client.next('publish-credit')).toEqual({ op: 'publish-credit', bytes: 4 * frame.length });
});

test('one frame may overdraw the window by all that a frame can hold', async () => {
  const { connect } = await startHub({ config: { limits: { publishCreditBytes: WINDOW } } });
  const client = await connect();
  client.sendRaw(frameOf(40_000).slice());
  const big = frameOf(500_000, 7);
  client.sendRaw(big);
  await client.published(7);
  await until(
    () => {
      const given = client.frames.reduce((sum, f) => sum + (f.op === 'publish-credit' ? f.bytes : 0), 0);
      return given === frameOf(40_000).length + big.length;
    },
    { what: 'all credit to come back', have: () => client.frames },
  );
});

test('who floods on without credit is closed with credit-exceeded, while others go on', async () => {
  const { connect } = await startHub({ config: { limits: { publishCreditBytes: WINDOW } } });
  const publisher = await connect();
  const reader = await connect();
  const { channelNumber } = await reader.subscribe('quiet');
  const flooder = await connect();
  const frame = frameOf(1000);
  let sent = 0;
  for (let i = 0; i < 20 && !flooder.close; i++) {
    for (let j = 0; j < 2000; j++) flooder.sendRaw(frame);
    await publisher.publish('quiet', [sent++]);
  }
  expect(await flooder.error(null)).toMatchObject({ code: 'credit-exceeded' });
  expect(await flooder.closed()).toEqual({ code: 4202, reason: 'credit-exceeded' });
  for (let i = 0; i < 10; i++) await publisher.publish('quiet', [sent++]);
  await until(() => reader.history(channelNumber).values.length === sent, { what: 'all that was published' });
  expect(reader.history(channelNumber).values).toEqual(Array.from({ length: sent }, (_, i) => i));
});

test('while the disk is pressed credit is held back, and given when it has caught up', async () => {
  const store = new FaultyStore(createMemoryStore());
  const config = { memory: { unpersistedBytes: 1_048_576 }, limits: { publishCreditBytes: 1_048_576 } };
  const { connect } = await startHub({ store, config });
  onTestFinished(() => store.releaseWrites());
  const client = await connect();
  store.holdWrites();
  const frame = frameOf(524_000, 1);
  client.sendRaw(frame);
  await client.published(1);
  await client.ping();
  expect(client.frames.some(({ op }) => op === 'publish-credit')).toBe(false);
  client.sendRaw(frameOf(1000, 2));
  await client.published(2);
  await client.ping();
  expect(client.frames.some(({ op }) => op === 'publish-credit')).toBe(false);
  store.releaseWrites();
  const { bytes } = await client.next('publish-credit');
  expect(bytes).toBe(frame.length + frameOf(1000, 2).length);
});

test('frames that pile up behind a slow one end the connection before they fill memory', async () => {
  const store = new FaultyStore(createMemoryStore({ keep: true }));
  const before = await startHub({ store });
  await (await before.connect()).publish('a', ['old']);
  await before.hub.stop();
  const { connect } = await startHub({ store });
  onTestFinished(() => store.releaseReads());
  const client = await connect();
  const other = await connect();
  store.holdReads();
  client.sendRaw(frameOf(10));
  const ping = msgpackCodec.encodeClient({ op: 'ping', id: 1 });
  const large = new Uint8Array(100_000);
  large.set(ping);
  for (let i = 0; i < 60 && !client.close; i++) client.sendRaw(large);
  expect(await client.error(null)).toMatchObject({ code: 'credit-exceeded' });
  expect((await client.closed()).code).toBe(4202);
  await other.ping();
});

test('who floods with frames that cost no credit is closed too, while others go on (pings held all timers for seconds)', async () => {
  const { connect } = await startHub();
  const reader = await connect();
  const { channelNumber } = await reader.subscribe('quiet');
  const flooder = await connect();
  const ping = msgpackCodec.encodeClient({ op: 'ping', id: 1 });
  for (let i = 0; i < 100_000; i++) flooder.sendRaw(ping);
  expect(await flooder.error(null)).toMatchObject({ code: 'credit-exceeded' });
  expect(await flooder.closed()).toEqual({ code: 4202, reason: 'credit-exceeded' });
  await (await connect()).publish('quiet', ['still here']);
  await until(() => reader.history(channelNumber).values.length === 1, { what: 'the record of the other' });
});
