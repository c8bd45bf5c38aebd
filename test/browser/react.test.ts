/** The React hooks in a page, over a real hub. */
import { describe, expect, test } from 'vitest';
import { startHub } from '../support/start-hub.ts';
import { until } from '../support/until.ts';
import { chromiumOfFile, type Page } from './chromium.ts';
import { publisher } from './load.ts';
import { servePages } from './page-server.ts';

const chromium = chromiumOfFile();

async function scene() {
  const hub = await startHub({ config: { channels: [{ pattern: 'board', state: {} }] } });
  const [pages, token] = await Promise.all([servePages(), hub.token()]);
  const client = await publisher(hub.url, token);
  const publish = (channel: string, data: unknown, key: string | null = null) =>
    client.publish(channel, data, { key });
  const openApp = () => chromium.open(pages('react', { url: hub.url, token }));
  return { hub, client, publish, openApp };
}

async function untilText(page: Page, selector: string, text: string): Promise<void> {
  const have = () => page.locator(selector).textContent();
  await until(async () => (await have()) === text, { what: `"${text}" in ${selector}`, have });
}

describe('the hooks', () => {
  test('show a channel, another one, and none; StrictMode connects once', async () => {
    const { publish, openApp } = await scene();
    await publish('a', 1, 'k');
    await publish('a', 2);
    await publish('b', 'other');
    const page = await openApp();
    await untilText(page, '#list', 'live; 1 2; gaps 0; error none');
    await untilText(page, '#newest', '2; k 1');
    await untilText(page, '#connection', 'live; well');
    for (let i = 3; i <= 8; i++) await publish('a', i);
    await untilText(page, '#list', 'live; 4 5 6 7 8; gaps 0; error none');
    await untilText(page, '#newest', '8; k 1');
    await page.evaluate(() => window.app.show('b'));
    await untilText(page, '#list', 'live; other; gaps 0; error none');
    await page.evaluate(() => window.app.show(null));
    await untilText(page, '#list', 'pending; ; gaps 0; error none');
    await page.evaluate(() => window.app.show('not a name'));
    await untilText(page, '#list', 'ended; ; gaps 0; error channel-invalid');
    expect(await page.evaluate(() => window.app.connects)).toBe(1);
  });

  test('show the state of a channel in two places, and take deleted keys out', async () => {
    const { publish, openApp } = await scene();
    await publish('board', 1, 'x');
    await publish('board', 2, 'y');
    const page = await openApp();
    for (const place of ['#board-1', '#board-2']) await untilText(page, place, 'x 1, y 2');
    await publish('board', null, 'x');
    await publish('board', 3, 'y');
    for (const place of ['#board-1', '#board-2']) await untilText(page, place, 'y 3');
  });

  test('render at most once a frame, however many records come', async () => {
    const { client, openApp } = await scene();
    const page = await openApp();
    await untilText(page, '#list', 'live; ; gaps 0; error none');
    const before = await page.evaluate(() => ({ commits: window.app.commits, atMs: performance.now() }));
    const sent = Array.from({ length: 5000 }, (_, i) => client.publish('a', i));
    await Promise.all(sent);
    await untilText(page, '#list', 'live; 4995 4996 4997 4998 4999; gaps 0; error none');
    const after = await page.evaluate(() => ({ commits: window.app.commits, atMs: performance.now() }));
    const frames = (after.atMs - before.atMs) / (1000 / 60);
    expect(after.commits - before.commits).toBeLessThanOrEqual(frames + 2);
  });

  test('close the connection when the provider is unmounted, and open one when it is mounted again', async () => {
    const { hub, publish, openApp } = await scene();
    await publish('a', 'kept');
    const page = await openApp();
    await untilText(page, '#list', 'live; kept; gaps 0; error none');
    const connections = () => hub.metric('ringcast_connections');
    expect(await connections()).toBe(2);
    await page.evaluate(() => window.app.mount(false));
    await untilText(page, '#gone', 'gone');
    await until(async () => (await connections()) === 1, {
      what: 'the connection to close',
      have: connections,
    });
    await page.evaluate(() => window.app.mount(true));
    await untilText(page, '#list', 'live; kept; gaps 0; error none');
    expect(await page.evaluate(() => window.app.connects)).toBe(2);
  });
});
