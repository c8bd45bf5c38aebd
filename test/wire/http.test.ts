import { mkdir, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { expect, onTestFinished, test } from 'vitest';
import { createMemoryStore } from '../../server/log/memory-store.ts';
import { FaultyStore } from '../support/faulty-store.ts';
import { RawClient } from '../support/raw-client.ts';
import { startHub } from '../support/start-hub.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { until } from '../support/until.ts';

const httpOf = (url: string) => url.replace('ws:', 'http:');

test('a stop says going-away to each client, then closes with 4000, and takes no new ones', async () => {
  const { hub, url, connect, dial } = await startHub();
  const clients = [await connect(), await connect({ form: 'json' }), await dial()];
  await clients[0]!.subscribe('a');
  await hub.stop();
  for (const client of clients) {
    expect(await client.closed()).toEqual({ code: 4000, reason: 'going-away' });
    expect(client.frames.at(-1)).toEqual({ op: 'going-away', reconnectAfterMs: 250 });
  }
  await expect(RawClient.connect(url)).rejects.toThrow('ECONNREFUSED');
  await hub.stop();
});

test('what was accepted before a stop is delivered before the goodbye', async () => {
  const { hub, connect } = await startHub();
  const publisher = await connect();
  const reader = await connect();
  const { channelNumber } = await reader.subscribe('a');
  for (let i = 0; i < 100; i++) publisher.publishLater([{ channel: 'a', values: [i] }], 'memory', 0);
  await publisher.ping();
  await hub.stop();
  await reader.closed();
  expect(reader.history(channelNumber).values).toHaveLength(100);
});

test('/health says ok, and 503 while the store takes no writes', async () => {
  const store = new FaultyStore(createMemoryStore({ keep: true }));
  const { url, connect } = await startHub({ store });
  const health = () => fetch(`${httpOf(url)}/health`);
  const ok = await health();
  const bounds = { maxUnpersistedBytes: 64 * 1024 * 1024 };
  expect([ok.status, await ok.json()]).toEqual([200, { status: 'ok', unpersistedBytes: 0, ...bounds }]);
  store.failNextWrite('nothing-written');
  store.failOpens(1);
  await (await connect()).publish('a', [1]);
  await until(async () => (await health()).status === 503, { what: 'the failure to show' });
  expect(await (await health()).json()).toMatchObject({ status: 'store-failing', ...bounds });
  await until(async () => (await health()).status === 200, { what: 'the store to work again' });
});

test('/metrics counts what happens', async () => {
  const { url, connect, metric } = await startHub();
  const publisher = await connect();
  const reader = await connect();
  const { channelNumber } = await reader.subscribe('a');
  await publisher.publish('a', [1, 2, 3]);
  await until(() => reader.history(channelNumber).values.length === 3, { what: 'the records' });
  const late = await connect();
  await late.subscribe('a', 'earliest');
  await late.next('batch');
  const names = [
    'connections',
    'subscriptions',
    'channels',
    'published_records_total',
    'delivered_records_total',
  ];
  const figures = await Promise.all(
    [...names, 'replayed_records_total'].map((name) => metric(`ringcast_${name}`)),
  );
  expect(figures).toEqual([3, 2, 1, 3, 3, 3]);
  await until(async () => (await metric('ringcast_event_loop_delay_seconds_count')) > 0, { what: 'a delay' });
  expect(await metric('ringcast_push_seconds_count')).toBe(1);
  expect(await metric('ringcast_push_seconds_sum')).toBeGreaterThan(0);
  const response = await fetch(`${httpOf(url)}/metrics`);
  expect(response.headers.get('content-type')).toContain('text/plain');
  reader.cut();
  await until(async () => (await metric('ringcast_connections')) === 2, { what: 'the connection to go' });
  expect(await metric('ringcast_subscriptions')).toBe(1);
});

test('/inspect needs a token with the admin grant, and tells of every channel', async () => {
  const { url, connect, token } = await startHub();
  const inspect = (authorization?: string) =>
    fetch(`${httpOf(url)}/inspect`, { headers: authorization ? { authorization } : {} });
  const anonymous = await inspect();
  expect([anonymous.status, (await anonymous.json()).code]).toEqual([401, 'token-missing']);
  expect((await (await inspect('Bearer nonsense')).json()).code).toBe('token-malformed');
  const stranger = await inspect(`Bearer ${await token()}`);
  expect([stranger.status, (await stranger.json()).code]).toEqual([403, 'forbidden']);
  const client = await connect();
  await client.subscribe('a');
  const { epoch } = await client.publish('a', [1, 2]);
  const answer = await inspect(`Bearer ${await token({ admin: true })}`);
  expect(answer.status).toBe(200);
  expect(await answer.json()).toMatchObject({
    epoch,
    channels: [{ name: 'a', head: 2, oldest: 1, subscriptions: 1 }],
  });
});

test('/ tells what this is, and other paths are 404', async () => {
  const { url } = await startHub({ builtFolder: await tempFolder() });
  for (const accept of ['*/*', 'text/html']) {
    const root = await ask(url, '/', { accept });
    expect([root.status, root.text]).toEqual([200, expect.stringMatching(/WebSocket.*not built/)]);
  }
  expect((await ask(url, '/nothing')).status).toBe(404);
});

/** Without what fetch adds and takes away by itself. */
async function ask(url: string, path: string, headers: Record<string, string> = {}, method = 'GET') {
  return new Promise<Answer>((resolve, reject) => {
    const asked = request(`${httpOf(url)}${path}`, { headers, method }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => {
        const body = Buffer.concat(chunks);
        resolve({ status: response.statusCode!, headers: response.headers, body, text: body.toString() });
      });
    });
    asked.on('error', reject).end();
  });
}

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: Buffer;
  readonly text: string;
}

const PAGE = '<!doctype html><title>Ringcast</title>';
const SDK = `export const text = '${'x'.repeat(4000)}';\n`;

async function builtFolder(): Promise<string> {
  const folder = await tempFolder();
  await mkdir(join(folder, 'browser'));
  await mkdir(join(folder, 'dashboard'));
  await writeFile(join(folder, 'browser/client.js'), SDK);
  await writeFile(join(folder, 'browser/client.js.map'), '{}');
  await writeFile(join(folder, 'dashboard/index.html'), PAGE);
  await writeFile(join(folder, 'dashboard/dashboard.css'), 'body {}');
  return folder;
}

test('/ is the dashboard for a browser, and a line of text for others', async () => {
  const { url } = await startHub({ builtFolder: await builtFolder() });
  const page = await ask(url, '/', { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' });
  expect([page.status, page.text]).toEqual([200, PAGE]);
  expect(page.headers).toMatchObject({
    'content-type': 'text/html; charset=utf-8',
    'content-security-policy': expect.stringMatching(
      /^default-src 'none'; script-src 'self';.* frame-ancestors 'none'$/,
    ),
    'cache-control': 'no-cache',
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
    vary: 'accept, accept-encoding',
  });
  const others = await ask(url, '/', { accept: '*/*' });
  expect(others.text).toMatch(/^ringcast\/.*WebSocket/);
  expect(others.headers.vary).toBe('accept');
});

test('/client.js is compressed for who can read that, and pages of other origins may import it', async () => {
  const { url } = await startHub({ builtFolder: await builtFolder() });
  const plain = await ask(url, '/client.js', { 'accept-encoding': 'gzip;q=0, br' });
  expect([plain.status, plain.text, plain.headers['content-encoding']]).toEqual([200, SDK, undefined]);
  expect(plain.headers).toMatchObject({
    'access-control-allow-origin': '*',
    'content-type': 'text/javascript; charset=utf-8',
    vary: 'accept-encoding',
  });
  const small = await ask(url, '/client.js', { 'accept-encoding': 'br, gzip;q=0.5' });
  expect(small.headers['content-encoding']).toBe('gzip');
  expect(small.body.length).toBeLessThan(200);
  expect(gunzipSync(small.body).toString()).toBe(SDK);
  expect(small.headers.etag).not.toBe(plain.headers.etag);
  const styles = await ask(url, '/dashboard.css');
  expect(styles.headers['access-control-allow-origin']).toBeUndefined();
});

test('a file that has not changed is answered without a body', async () => {
  const { url } = await startHub({ builtFolder: await builtFolder() });
  const { headers } = await ask(url, '/client.js');
  for (const tags of [headers.etag, `"other", W/${headers.etag}`, '*']) {
    const again = await ask(url, '/client.js', { 'if-none-match': tags as string });
    expect([again.status, again.text, again.headers.etag]).toEqual([304, '', headers.etag]);
  }
  expect((await ask(url, '/client.js', { 'if-none-match': '"other"' })).status).toBe(200);
});

test('HEAD is answered as GET is, without the body, and the next request is answered', async () => {
  const { url } = await startHub({ builtFolder: await builtFolder() });
  const head = await ask(url, '/client.js', {}, 'HEAD');
  expect([head.status, head.text, head.headers['content-length']]).toEqual([200, '', String(SDK.length)]);
  const health = await ask(url, '/health', {}, 'HEAD');
  expect([health.status, health.text]).toEqual([200, '']);
  expect((await ask(url, '/client.js.map')).text).toBe('{}');
});

test('a file that was not built says how to build it', async () => {
  const { url } = await startHub({ builtFolder: await tempFolder() });
  const { status, text } = await ask(url, '/client.js');
  expect([status, text]).toEqual([404, expect.stringContaining('npm run build')]);
});

test('a question that is given up harms nobody', async () => {
  const store = new FaultyStore(createMemoryStore());
  const { url, connect, token } = await startHub({ store });
  onTestFinished(() => store.releaseReads());
  const client = await connect();
  store.holdReads();
  const controller = new AbortController();
  const authorization = `Bearer ${await token({ admin: true })}`;
  const asked = fetch(`${httpOf(url)}/inspect`, { headers: { authorization }, signal: controller.signal });
  await until(() => store.heldReads > 0, { what: 'the question to come' });
  controller.abort();
  await expect(asked).rejects.toThrow();
  store.releaseReads();
  await client.ping();
});
