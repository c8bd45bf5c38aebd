import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { createMemoryStore } from '../../server/log/memory-store.ts';
import { type Assets, loadAssets } from '../../server/net/assets.ts';
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
  const { url } = await startHub();
  const root = await fetch(httpOf(url));
  expect([root.status, await root.text()]).toEqual([200, expect.stringContaining('WebSocket')]);
  expect((await fetch(`${httpOf(url)}/nothing`)).status).toBe(404);
});

describe('the files for browsers', () => {
  /** As the build leaves them. */
  async function built(): Promise<Assets> {
    const folder = await tempFolder();
    await mkdir(join(folder, 'dashboard'));
    await mkdir(join(folder, 'browser'));
    await writeFile(join(folder, 'dashboard', 'index.html'), '<!doctype html><title>Ringcast</title>');
    await writeFile(join(folder, 'browser', 'client.js'), `export const text = '${'x'.repeat(1000)}';`);
    await writeFile(join(folder, 'browser', 'stores.js'), "import './client.js';");
    return loadAssets([folder]);
  }

  test('a browser is given the dashboard at /, with a policy that lets nothing foreign run', async () => {
    const { url } = await startHub({ assets: await built() });
    const page = await fetch(httpOf(url), { headers: { accept: 'text/html,*/*' } });
    expect([page.status, await page.text()]).toEqual([200, '<!doctype html><title>Ringcast</title>']);
    expect(page.headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(page.headers.get('content-security-policy')).toContain("default-src 'none'; script-src 'self'");
    expect(await (await fetch(httpOf(url))).text()).toContain('connect here by WebSocket');
  });

  test('the SDK may be imported from other origins, is compressed, and sent again only when it has changed', async () => {
    const { url } = await startHub({ assets: await built() });
    const ask = (headers: Record<string, string> = {}, method = 'GET') =>
      fetch(`${httpOf(url)}/client.js`, { method, headers });
    const plain = await ask({ 'accept-encoding': 'identity' });
    const packed = await ask({ 'accept-encoding': 'gzip' });
    expect(plain.headers.get('access-control-allow-origin')).toBe('*');
    expect([plain.headers.get('content-encoding'), packed.headers.get('content-encoding')]).toEqual([
      null,
      'gzip',
    ]);
    expect(await packed.text()).toBe(await plain.text());
    // Its stores lie beside it, where they look for it.
    const stores = await fetch(`${httpOf(url)}/stores.js`);
    expect(stores.headers.get('access-control-allow-origin')).toBe('*');
    expect(await stores.text()).toBe("import './client.js';");
    const again = await ask({ 'if-none-match': plain.headers.get('etag')! });
    expect([again.status, await again.text()]).toEqual([304, '']);
    expect((await ask({ 'if-none-match': '"other"' })).status).toBe(200);
    const head = await ask({ 'accept-encoding': 'identity' }, 'HEAD');
    expect([head.status, Number(head.headers.get('content-length')) > 1000, await head.text()]).toEqual([
      200,
      true,
      '',
    ]);
  });

  test('what was not built is told as that', async () => {
    const { url } = await startHub({ assets: await loadAssets([]) });
    const missing = await fetch(`${httpOf(url)}/client.js`);
    expect([missing.status, await missing.text()]).toEqual([404, expect.stringContaining('npm run build')]);
    expect((await fetch(httpOf(url), { headers: { accept: 'text/html' } })).status).toBe(200);
  });
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
