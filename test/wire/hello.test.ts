import { request } from 'node:http';
import { expect, test } from 'vitest';
import { RawClient } from '../support/raw-client.ts';
import { startHub } from '../support/start-hub.ts';

test('a frame before hello is answered hello-required and close 4203', async () => {
  const { dial } = await startHub();
  const client = await dial();
  client.send({ op: 'ping', id: 1 });
  expect(await client.error(null)).toMatchObject({ code: 'hello-required' });
  expect(await client.closed()).toEqual({ code: 4203, reason: 'hello-required' });
});

test('an unknown opcode before hello is no hello either', async () => {
  const { dial } = await startHub();
  const client = await dial();
  client.sendRaw(Uint8Array.of(0x91, 0x3f));
  expect(await client.error(null)).toMatchObject({ code: 'hello-required' });
  expect((await client.closed()).code).toBe(4203);
});

test('who says nothing is answered hello-timeout and close 4001', async () => {
  const { dial } = await startHub({ config: { helloTimeoutMs: 100 } });
  const client = await dial();
  expect(await client.error(null)).toMatchObject({ code: 'hello-timeout' });
  expect((await client.closed()).code).toBe(4001);
});

test('who said hello in time is not timed out', async () => {
  const { connect } = await startHub({ config: { helloTimeoutMs: 100 } });
  const client = await connect();
  const late = await connect();
  const silent = await RawClient.connect((await startHub({ config: { helloTimeoutMs: 200 } })).url);
  await silent.closed();
  await client.ping();
  await late.ping();
});

test('a second hello is answered hello-repeated and close 4200', async () => {
  const { connect, token } = await startHub();
  const client = await connect();
  client.send({ op: 'hello', token: await token(), client: null, features: [], producerId: null });
  expect(await client.error(null)).toMatchObject({ code: 'hello-repeated' });
  expect((await client.closed()).code).toBe(4200);
});

test('a second hello while the first is being verified is one too many as well', async () => {
  const { dial, token } = await startHub();
  const client = await dial();
  const hello = { op: 'hello', token: await token(), client: null, features: [], producerId: null } as const;
  client.send(hello);
  client.send(hello);
  expect(await client.error(null)).toMatchObject({ code: 'hello-repeated' });
  expect((await client.closed()).code).toBe(4200);
});

test('welcome names the features of hello that the hub knows', async () => {
  const { dial, token } = await startHub();
  const client = await dial();
  const features = ['later', 'head'];
  client.send({ op: 'hello', token: await token(), client: null, features, producerId: null });
  expect((await client.next('welcome')).features).toEqual(['head']);
});

test('welcome tells the limits, the credit, the features and when the token expires', async () => {
  const { dial, token } = await startHub({
    config: { limits: { maxSubscriptionsPerConnection: 7, publishCreditBytes: 65_536 } },
  });
  const client = await dial();
  const welcome = await client.hello(await token());
  expect(welcome).toMatchObject({
    features: [],
    publishCreditBytes: 65_536,
    limits: {
      maxFrameBytes: 1_048_576,
      maxSubscriptions: 7,
      maxPulls: 16,
      maxKeyBytes: 255,
      pageBytes: 65_536,
    },
    server: expect.stringMatching(/^ringcast\//),
    connectionId: expect.stringMatching(/^.{12}$/),
  });
  expect(welcome.tokenExpiresAtMs! - Date.now()).toBeGreaterThan(3_500_000);
});

test.each([
  ['another one', ['chat.v1']],
  ['none', []],
])('who offers %s of our subprotocols is refused with 400 and a text that names both', async (_, offered) => {
  const { hub } = await startHub();
  const headers = {
    connection: 'Upgrade',
    upgrade: 'websocket',
    'sec-websocket-version': '13',
    'sec-websocket-key': Buffer.alloc(16, 1).toString('base64'),
    ...(offered.length > 0 && { 'sec-websocket-protocol': offered.join(', ') }),
  };
  const { status, text } = await new Promise<{ status: number | undefined; text: string }>(
    (resolve, reject) => {
      request({ host: '127.0.0.1', port: hub.port, headers }, (response) => {
        let body = '';
        response.on('data', (chunk) => {
          body += chunk;
        });
        response.on('end', () => resolve({ status: response.statusCode, text: body }));
      })
        .on('error', reject)
        .end();
    },
  );
  expect(status).toBe(400);
  expect(text).toContain('ringcast.v1.msgpack');
  expect(text).toContain('ringcast.v1.json');
});

test('of several subprotocols the hub takes the one it knows', async () => {
  const { dial, token } = await startHub();
  const client = await dial({ form: 'json', subprotocols: ['chat.v1', 'ringcast.v1.json'] });
  await client.hello(await token());
});

test('text in the msgpack form is a bad frame', async () => {
  const { connect } = await startHub();
  const client = await connect();
  client.sendRaw('{"op":"ping","id":1}', { binary: false });
  expect(await client.error(null)).toMatchObject({ code: 'bad-frame' });
  expect((await client.closed()).code).toBe(4200);
});

test('binary in the JSON form is a bad frame', async () => {
  const { connect } = await startHub();
  const client = await connect({ form: 'json' });
  client.sendRaw(Buffer.from('{"op":"ping","id":1}'), { binary: true });
  expect(await client.error(null)).toMatchObject({ code: 'bad-frame' });
  expect((await client.closed()).code).toBe(4200);
});

test('beyond maxConnections a client is told too-many-connections and closed, and taken when one has gone', async () => {
  const { dial, token } = await startHub({ config: { limits: { maxConnections: 1 } } });
  const first = await dial();
  const second = await dial();
  expect(await second.error(null)).toMatchObject({ code: 'too-many-connections' });
  expect(await second.closed()).toEqual({ code: 4003, reason: 'too-many-connections' });
  first.cut();
  await first.closed();
  const again = async () => {
    const next = await dial({ timeoutMs: 500 });
    await next.hello(await token());
    return 'welcome';
  };
  await expect.poll(() => again().catch(String)).toBe('welcome');
});
