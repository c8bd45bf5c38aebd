/** The SDK's bundle in a page that forbids what it need not have: no inline script, no eval. */
import { expect, test } from 'vitest';
import { startHub } from '../support/start-hub.ts';
import { until } from '../support/until.ts';
import { chromiumOfFile } from './chromium.ts';
import { publisher } from './load.ts';
import { servePages } from './page-server.ts';

const chromium = chromiumOfFile();
const TIMES = 20;

test('the SDK reads and publishes in a Web Worker', async () => {
  const hub = await startHub();
  const [pages, token] = await Promise.all([servePages(), hub.token()]);
  const client = await publisher(hub.url, token);
  const values = [1, 'text', null, { nested: [1.5, true] }];
  await client.publishMany(values.map((data) => ({ channel: 'a', data })));
  const page = await chromium.open(pages('in-worker', { url: hub.url, token, channel: 'a' }));
  const posted = () => page.evaluate(() => window.posted);
  await until(async () => (await posted()).length > values.length, { what: 'its records', have: posted });
  expect(await posted()).toEqual([...values, 'from the worker']);
});

test('the SDK leaves no global behind, and runs where eval is forbidden', async () => {
  const hub = await startHub();
  const [pages, token] = await Promise.all([servePages(), hub.token()]);
  const page = await chromium.open(pages('empty', {}));
  const added = await page.evaluate(`(async () => {
    const before = new Set(Reflect.ownKeys(window));
    const { connect } = await import('/client.js');
    const client = await connect('${hub.url}', { token: '${token}' });
    await client.publish('a', { some: ['data'] });
    await client.close();
    return Reflect.ownKeys(window).filter((key) => !before.has(key)).map(String);
  })()`);
  expect(added).toEqual([]);
});

test('a page has its first record soon after it connects (the time is printed)', async () => {
  const hub = await startHub();
  const [pages, token] = await Promise.all([servePages(), hub.token()]);
  const client = await publisher(hub.url, token);
  await client.publish('a', 'first');
  const params = { url: hub.url, token, channel: 'a', times: TIMES };
  const page = await chromium.open(pages('first-record', params));
  const measured = () => page.evaluate(() => window.firstRecordMs);
  await until(async () => (await measured()).length === TIMES, { what: 'all measurements', have: measured });
  const [first = 0, ...others] = await measured();
  const sorted = others.sort((a, b) => a - b);
  const shown = [first, sorted[TIMES >> 1]!, sorted.at(-1)!].map((ms) => ms.toFixed(1));
  console.info(
    `from connect to the first record: ${shown[0]} ms, then median ${shown[1]}, most ${shown[2]} ms`,
  );
});
