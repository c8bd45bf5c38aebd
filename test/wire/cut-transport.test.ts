/** What happens below the frames: cut in the middle, dripped byte by byte, never read and never answered. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { msgpackCodec } from '../../shared/codec.ts';
import type { ClientFrame, Publish } from '../../shared/frames.ts';
import { record } from '../support/raw-client.ts';
import { startHub, type TestHub } from '../support/start-hub.ts';
import { framed, messageOf, TcpClient } from '../support/tcp-client.ts';
import { until } from '../support/until.ts';

async function helloTo(hub: TestHub): Promise<ClientFrame> {
  return { op: 'hello', token: await hub.token(), client: 'tcp', features: [], producerId: null };
}

const publishOf = (values: readonly unknown[]): Publish => ({
  op: 'publish',
  id: 1,
  ack: 'memory',
  entries: [{ channel: 'a', records: values.map((value) => record(value)) }],
});

/** Upgraded and welcomed. */
async function connectTcp(hub: TestHub): Promise<TcpClient> {
  const client = await TcpClient.connect(hub.url);
  client.write(TcpClient.upgrade());
  await until(() => client.isUpgraded, {
    what: 'the upgrade',
    have: () => client.received.toString('latin1'),
  });
  const before = client.received.length;
  client.write(messageOf(await helloTo(hub)));
  await until(() => client.received.length > before, { what: 'the welcome' });
  return client;
}

const connectionsAre = (hub: TestHub, count: number) =>
  until(async () => (await hub.metric('ringcast_connections')) === count, {
    what: `${count} connections`,
    have: () => hub.metric('ringcast_connections'),
  });

/** What the channel holds, as somebody else reads it. */
async function valuesOf(hub: TestHub): Promise<unknown[]> {
  const reader = await hub.connect();
  await reader.publish('a', ['last']);
  const { channelNumber } = await reader.subscribe('a', 'earliest');
  const history = () => reader.history(channelNumber);
  await until(() => history().values.at(-1) === 'last', { what: 'the last record', have: history });
  return history().values;
}

test.each([
  ['in the header of a frame', (message: Buffer) => message.subarray(0, 3)],
  ['in the middle of a frame', (message: Buffer) => message.subarray(0, message.length / 2)],
  ['one byte before its end', (message: Buffer) => message.subarray(0, message.length - 1)],
])('a publish that is cut %s is not taken, and what came before it is', async (_, part) => {
  const hub = await startHub();
  const client = await connectTcp(hub);
  client.write(messageOf(publishOf(['whole'])));
  client.write(part(messageOf(publishOf(['cut', 'x'.repeat(1000)]))));
  client.cut();
  await connectionsAre(hub, 0);
  expect(await valuesOf(hub)).toEqual(['whole', 'last']);
});

test('a message that is cut between two fragments is not taken', async () => {
  const hub = await startHub();
  const client = await connectTcp(hub);
  const bytes = msgpackCodec.encodeClient(publishOf(['cut']));
  client.write(framed(bytes.subarray(0, 10), { isFinal: false }));
  client.write(framed(bytes.subarray(10, 20), { isFinal: false, isContinuation: true }));
  client.cut();
  await connectionsAre(hub, 0);
  expect(await valuesOf(hub)).toEqual(['last']);
});

test('a message in fragments is taken as one', async () => {
  const hub = await startHub();
  const client = await connectTcp(hub);
  const bytes = msgpackCodec.encodeClient(publishOf(['in pieces']));
  client.write(framed(bytes.subarray(0, 10), { isFinal: false }));
  client.write(framed(bytes.subarray(10), { isContinuation: true }));
  const taken = async () => (await hub.metric('ringcast_published_records_total')) === 1;
  await until(taken, { what: 'the publish' });
  expect(await valuesOf(hub)).toEqual(['in pieces', 'last']);
});

test('a client that drips its bytes one by one is served like any other, and holds up nobody', async () => {
  const hub = await startHub();
  const drip = await TcpClient.connect(hub.url);
  const quick = await hub.connect();
  const all = Buffer.concat([
    TcpClient.upgrade(),
    messageOf(await helloTo(hub)),
    messageOf(publishOf(['dripped'])),
    messageOf({ op: 'ping', id: 7 }),
  ]);
  // uWebSockets.js takes a request line in pieces for one of HTTP/1.0.
  const requestLine = all.indexOf('\n') + 1;
  drip.write(all.subarray(0, requestLine));
  for (let i = requestLine; i < all.length; i++) {
    drip.write(all.subarray(i, i + 1));
    // Each byte has its turn of the loop, so that they come apart.
    await nextTurn();
    if (i % 100 === 0) await quick.ping();
  }
  const pong = Buffer.from([0x92, 0x4a, 7]);
  await until(() => drip.received.subarray(-3).equals(pong), {
    what: 'the pong',
    have: () => drip.received.toString('hex').slice(-100),
  });
  expect(await valuesOf(hub)).toEqual(['dripped', 'last']);
});

test('a client that never says hello is cut, upgraded or not, though it keeps its socket open', async () => {
  const hub = await startHub({ config: { helloTimeoutMs: 100 } });
  const silent = await TcpClient.connect(hub.url);
  silent.write(TcpClient.upgrade());
  const half = await TcpClient.connect(hub.url);
  half.write(TcpClient.upgrade());
  await until(() => half.isUpgraded, { what: 'the upgrade' });
  half.write(messageOf(await helloTo(hub)).subarray(0, 20));
  await until(() => silent.isClosed && half.isClosed, { what: 'both to be cut' });
  await connectionsAre(hub, 0);
});

test('a reader that stops reading and never closes holds no more than its share, and holds up nobody', async () => {
  const hub = await startHub();
  const stuck = await connectTcp(hub);
  stuck.write(messageOf({ op: 'subscribe', id: 1, channel: 'a', from: 'latest', options: null }));
  const subscribed = async () => (await hub.metric('ringcast_subscriptions')) === 1;
  await until(subscribed, { what: 'the subscription' });
  stuck.socket.pause();
  const [publisher, reader] = [await hub.connect(), await hub.connect()];
  const { channelNumber } = await reader.subscribe('a');
  const filler = new Array(10).fill('x'.repeat(10_000));
  for (let i = 0; i < 150; i++) await publisher.publish('a', filler);
  await until(() => reader.history(channelNumber).values.length === 1500, { what: 'the other reader' });
  // 15 MB went by: the kernel took some, the hub holds a mark and a page.
  const buffered = await hub.metric('ringcast_buffered_bytes');
  expect(buffered).toBeGreaterThan(0);
  expect(buffered).toBeLessThan(200_000);
  stuck.socket.destroy();
  await connectionsAre(hub, 2);
  await until(async () => (await hub.metric('ringcast_buffered_bytes')) === 0, { what: 'its memory' });
});
