import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { ManualClock } from '../../shared/clock.ts';
import { SECRET, startHub } from '../support/start-hub.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { assembleToken, forgeToken, jwkOf, pemOf, rsaPair } from '../unit/auth/forge-token.ts';
import { KeyEndpoint } from '../unit/auth/key-endpoint.ts';

const nowSeconds = () => Math.floor(Date.now() / 1000);
const claims = (more = {}) => ({ exp: nowSeconds() + 3600, aud: 'hub', iss: 'us', ...more });

const refusals: [name: string, code: string, token: () => string | null][] = [
  ['no token', 'token-missing', () => null],
  ['an empty token', 'token-missing', () => ''],
  ['what is no JWT', 'token-malformed', () => 'not.a.jwt'],
  ['alg none', 'token-algorithm', () => assembleToken({ alg: 'none' }, claims())],
  [
    'an algorithm of another family',
    'token-algorithm',
    () => forgeToken(rsaPair().privateKey, claims(), { alg: 'RS256' }),
  ],
  ['another secret', 'token-signature', () => forgeToken('another secret that is long enough too', claims())],
  ['an expired token', 'token-expired', () => forgeToken(SECRET, claims({ exp: nowSeconds() - 60 }))],
  ['one not valid yet', 'token-not-yet-valid', () => forgeToken(SECRET, claims({ nbf: nowSeconds() + 600 }))],
  ['another audience', 'token-audience', () => forgeToken(SECRET, claims({ aud: 'them' }))],
  ['another issuer', 'token-issuer', () => forgeToken(SECRET, claims({ iss: 'them' }))],
  ['a malformed grant', 'token-claims', () => forgeToken(SECRET, claims({ ringcast: { subscribe: 'all' } }))],
];

test.each(refusals)('%s is refused with %s and close 4101', async (_, code, token) => {
  const { dial } = await startHub({ config: { auth: { secret: SECRET, audience: 'hub', issuer: 'us' } } });
  const client = await dial();
  client.send({ op: 'hello', token: token(), client: null, features: [], producerId: null });
  expect(await client.error(null)).toMatchObject({ code });
  expect(await client.closed()).toEqual({ code: 4101, reason: 'token-refused' });
});

test('a token of the right audience and issuer is welcome', async () => {
  const { dial } = await startHub({ config: { auth: { secret: SECRET, audience: 'hub', issuer: 'us' } } });
  await (await dial()).hello(forgeToken(SECRET, claims()));
});

test('a public key’s text does not serve as an HMAC secret', async () => {
  const pair = rsaPair();
  const publicKeyFile = join(await tempFolder(), 'key.pem');
  await writeFile(publicKeyFile, pemOf(pair.publicKey));
  const { dial } = await startHub({ config: { auth: { publicKeyFile } } });
  const forger = await dial();
  const token = forgeToken(pemOf(pair.publicKey), claims(), { alg: 'HS256' });
  forger.send({ op: 'hello', token, client: null, features: [], producerId: null });
  expect(await forger.error(null)).toMatchObject({ code: 'token-algorithm' });
  expect((await forger.closed()).code).toBe(4101);
  await (await dial()).hello(forgeToken(pair.privateKey, claims(), { alg: 'RS256' }));
});

test('while the keys cannot be fetched hello is answered keys-unavailable and a close to come back from', async () => {
  const endpoint = await KeyEndpoint.start();
  onTestFinished(() => endpoint.stop());
  endpoint.breakDown();
  const pair = rsaPair();
  const token = forgeToken(pair.privateKey, claims(), { alg: 'RS256', kid: 'one' });
  const { dial } = await startHub({ config: { auth: { jwksUrl: endpoint.url } } });
  const client = await dial();
  client.send({ op: 'hello', token, client: null, features: [], producerId: null });
  expect(await client.error(null)).toMatchObject({
    code: 'keys-unavailable',
    details: { retryAfterMs: expect.any(Number) },
  });
  expect((await client.closed()).code).toBe(4002);
  endpoint.publish(jwkOf(pair, { kid: 'one', alg: 'RS256' }));
  const retry = async () => {
    const again = await dial({ timeoutMs: 200 });
    await again.hello(token);
    return 'welcome';
  };
  await expect.poll(() => retry().catch(String), { timeout: 10_000 }).toBe('welcome');
});

test('a client is warned before its token expires, served in the grace after it, then closed with 4100', async () => {
  const clock = new ManualClock();
  const { connect } = await startHub({ clock });
  const client = await connect({ token: { ttlMs: 120_000 } });
  clock.advance(59_999);
  await client.ping();
  expect(client.frames.map(({ op }) => op)).toEqual(['welcome', 'pong']);
  clock.advance(1);
  expect(await client.next('token-expiring')).toEqual({
    op: 'token-expiring',
    expiresAtMs: clock.nowMs() + 60_000,
  });
  clock.advance(69_999);
  await client.ping();
  clock.advance(1);
  expect(await client.error(null)).toMatchObject({ code: 'token-expired' });
  expect((await client.closed()).code).toBe(4100);
});

test('a refresh in the grace carries the connection on, and warns anew', async () => {
  const clock = new ManualClock();
  const { connect, token } = await startHub({ clock });
  const client = await connect({ token: { ttlMs: 120_000 } });
  clock.advance(125_000);
  const id = client.nextId();
  client.send({ op: 'refresh', id, token: await token({ ttlMs: 120_000 }) });
  expect(await client.answer(id)).toEqual({ tokenExpiresAtMs: clock.nowMs() + 120_000 });
  await client.next('token-expiring');
  clock.advance(60_000);
  expect(await client.next('token-expiring')).toEqual({
    op: 'token-expiring',
    expiresAtMs: clock.nowMs() + 60_000,
  });
});

test('a refused refresh says why and leaves the old grant', async () => {
  const { connect } = await startHub();
  const client = await connect();
  const { channelNumber } = await client.subscribe('news.eu');
  const id = client.nextId();
  client.send({ op: 'refresh', id, token: forgeToken(SECRET, { exp: nowSeconds() - 60 }) });
  expect(await client.error(id)).toMatchObject({ code: 'token-expired' });
  await client.publish('news.eu', ['still here']);
  await client.next('batch');
  expect(client.history(channelNumber).values).toEqual(['still here']);
});

test('a refresh that shrinks the grant ends what it no longer allows, and nothing follows', async () => {
  const { connect, token } = await startHub();
  const publisher = await connect();
  const client = await connect();
  const kept = await client.subscribe('news.eu');
  const ended = await client.subscribe('news.us');
  const id = client.nextId();
  client.send({ op: 'refresh', id, token: await token({ subscribe: ['news.eu'], publish: [] }) });
  await client.answer(id);
  expect(await client.error(null)).toMatchObject({
    code: 'forbidden',
    details: { channel: 'news.us', channelNumber: ended.channelNumber },
  });
  await publisher.publish('news.us', ['unseen']);
  await publisher.publish('news.eu', ['seen']);
  await client.next('batch');
  await client.ping();
  expect(client.history(ended.channelNumber).values).toEqual([]);
  expect(client.history(kept.channelNumber).values).toEqual(['seen']);
  expect((await client.error(client.publishLater([{ channel: 'news.eu', values: [1] }]))).code).toBe(
    'forbidden',
  );
  await expect(client.unsubscribe(ended.channelNumber)).rejects.toMatchObject({ code: 'not-subscribed' });
});

test('frames behind a refresh are judged by the new grant', async () => {
  const { connect, token } = await startHub();
  const client = await connect({ token: { publish: [] } });
  const wider = await token();
  client.publishLater([{ channel: 'news', values: [1] }], 'memory', 101);
  client.send({ op: 'refresh', id: 102, token: wider });
  client.publishLater([{ channel: 'news', values: [2] }], 'memory', 103);
  expect((await client.error(101)).code).toBe('forbidden');
  expect((await client.published(103)).firstOffsets).toEqual([1]);
});

test('subscribe, publish and pull each need their grant', async () => {
  const { connect } = await startHub();
  const client = await connect({ token: { subscribe: ['in.*'], publish: ['out.>'] } });
  await client.subscribe('in.a');
  await client.publish('out.a.b', [1]);
  await client.page(client.pull('in.a'));
  await expect(client.subscribe('in.a.b')).rejects.toMatchObject({ code: 'forbidden' });
  await expect(client.publish('in.a', [1])).rejects.toMatchObject({ code: 'forbidden' });
  await expect(client.page(client.pull('out.a.b'))).rejects.toMatchObject({ code: 'forbidden' });
  await expect(client.publish('$sys.a', [1])).rejects.toMatchObject({ code: 'forbidden' });
  await client.ping();
});
