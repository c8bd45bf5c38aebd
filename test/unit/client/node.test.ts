import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type WebSocket, WebSocketServer } from 'ws';
import { connect } from '../../../client/node.ts';
import { msgpackCodec } from '../../../shared/codec.ts';
import type { ClientFrame, ServerFrame } from '../../../shared/frames.ts';
import { encodeValue } from '../../../shared/msgpack.ts';
import { FakeLog } from '../../support/fake-log.ts';
import { until } from '../../support/until.ts';

let server: WebSocketServer;
let url: string;
/** What the server does with each frame, beside answering hello and subscribe. */
let received: ClientFrame[];

beforeEach(async () => {
  received = [];
  server = new WebSocketServer({ host: '127.0.0.1', port: 0 });
  server.on('connection', (socket) => socket.on('message', (data: Buffer) => answer(socket, data)));
  await once(server, 'listening');
  url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}/`;
});

afterEach(async () => {
  for (const socket of server.clients) socket.terminate();
  await new Promise((resolve) => server.close(resolve));
});

function send(socket: WebSocket, frame: ServerFrame): void {
  socket.send(msgpackCodec.encodeServer(frame));
}

function answer(socket: WebSocket, data: Buffer): void {
  const frame = msgpackCodec.decodeClient(data);
  received.push(frame);
  if (frame.op === 'hello') {
    send(socket, {
      op: 'welcome',
      connectionId: 'c',
      features: [],
      limits: {},
      publishCreditBytes: 1000,
      tokenExpiresAtMs: null,
      server: 'test',
    });
  }
  if (frame.op === 'subscribe') {
    const result = { channelNumber: 1, cursor: '7-0', head: '7-0' };
    send(socket, { op: 'ok', id: frame.id, result });
  }
}

function batch(firstOffset: number, value: unknown): ServerFrame {
  const { bytes } = new FakeLog(7).append({ payload: encodeValue(value) });
  return {
    op: 'batch',
    channelNumber: 1,
    epoch: 7,
    prevOffset: firstOffset - 1,
    firstOffset,
    count: 1,
    run: bytes,
  };
}

async function peer(): Promise<WebSocket> {
  const socket = await until(() => [...server.clients][0], { what: 'the client’s connection' });
  return socket!;
}

describe('over the ws package', () => {
  test('speaks the msgpack subprotocol, reads records and closes with a handshake', async () => {
    const client = await connect(url, { token: 'secret' });
    const socket = await peer();
    expect(socket.protocol).toBe('ringcast.v1.msgpack');
    const subscription = client.subscribe('a');
    await until(() => subscription.state === 'live', { what: 'the subscription' });
    send(socket, batch(1, 'hello'));
    for await (const record of subscription) {
      expect(record.data).toBe('hello');
      expect(Buffer.isBuffer(record.payload)).toBe(false);
      break;
    }
    const closed = once(socket, 'close');
    await client.close();
    expect((await closed)[0]).toBe(1000);
  });

  test('says why it could not connect', async () => {
    await new Promise((resolve) => server.close(resolve));
    const connecting = connect(url, { token: null, timeoutMs: 100 });
    await expect(connecting).rejects.toMatchObject({
      code: 'timeout',
      message: expect.stringContaining('ECONNREFUSED'),
    });
  });

  test('comes back after a cut', async () => {
    const client = await connect(url, { token: null, backoff: { baseMs: 1 } });
    (await peer()).terminate();
    await until(() => received.filter(({ op }) => op === 'hello').length === 2, { what: 'a second hello' });
    await client.close();
  });

  test('a peer that sends text is no hub: not tried again', async () => {
    const client = await connect(url, { token: null });
    (await peer()).send('hello');
    await until(() => client.status === 'closed', { what: 'the end' });
    expect(client.failure?.message).toContain('text');
  });

  test('a slow application gives the peer credit as it takes records', async () => {
    const client = await connect(url, { token: null });
    const socket = await peer();
    const subscription = client.subscribe('a');
    await until(() => subscription.state === 'live', { what: 'the subscription' });
    expect(received.at(-1)).toMatchObject({ op: 'subscribe', options: { creditBytes: 2 ** 20 } });
    const value = 'x'.repeat(100_000);
    const given = () => received.filter(({ op }) => op === 'credit');
    for (let n = 1; n <= 11; n++) send(socket, batch(n, value));
    await until(() => subscription.queuedBytes > 2 ** 20, { what: 'a full queue' });
    expect(given()).toEqual([]);
    const iterator = subscription[Symbol.asyncIterator]();
    for (let n = 1; n <= 6; n++) expect((await iterator.next()).value?.offset).toBe(n);
    await until(() => given().length === 1, { what: 'credit' });
    expect(given()[0]).toMatchObject({ channelNumber: 1, bytes: expect.any(Number) });
    await client.close();
  });
});
