/** What outlives a page: how far it has read, and what it has published. */
import { describe, expect, test } from 'vitest';
import { OUTBOX_STORE_SUITE } from '../conformance/outbox-store-suite.ts';
import { startHub } from '../support/start-hub.ts';
import { until } from '../support/until.ts';
import { chromiumOfFile, type Page } from './chromium.ts';
import { CuttableProxy } from './cuttable-proxy.ts';
import { publisher } from './load.ts';
import { servePages } from './page-server.ts';
import type { StoresParams } from './pages/tab.ts';

const chromium = chromiumOfFile();
const CRASHES = { mayLog: /the page crashed/ };

async function scene() {
  const hub = await startHub();
  const [proxy, pages, token] = await Promise.all([CuttableProxy.start(hub.url), servePages(), hub.token()]);
  const client = await publisher(hub.url, token);
  let next = 0;
  const publish = async (count: number, data: (value: number) => unknown = (value) => value) => {
    const items = Array.from({ length: count }, () => ({ channel: 'a', data: data(next++) }));
    await client.publishMany(items);
    return next;
  };
  const address = (params: Partial<StoresParams>, name = 'tab') =>
    pages(name, { url: proxy.url, token, channel: 'a', ...params });
  return { proxy, client, publish, address };
}

async function seen(page: Page, resume = 'true'): Promise<string[]> {
  const text = await page.evaluate((name) => localStorage.getItem(name), `seen ${resume}`);
  return text?.trim().split(' ') ?? [];
}

async function untilSeen(page: Page, value: unknown, resume?: string): Promise<string[]> {
  const have = () => seen(page, resume);
  await until(async () => (await have()).includes(String(value)), {
    what: `the page to be given ${String(value)}`,
    timeoutMs: 10_000,
  });
  return have();
}

function upTo(count: number): string[] {
  return Array.from({ length: count }, (_, index) => String(index));
}

/** Another page of the same profile. */
async function openBeside(page: Page, address: string): Promise<Page> {
  const other = await page.context().newPage();
  await other.goto(address);
  return other;
}

/** Ends its process: no event, no last word. */
async function crash(page: Page): Promise<void> {
  const cdp = await page.context().newCDPSession(page);
  const crashed = page.waitForEvent('crash');
  cdp.send('Page.crash').catch(() => {});
  await crashed;
}

async function untilClient(page: Page): Promise<void> {
  await until(() => page.evaluate(() => window.tab?.client !== undefined), {
    what: 'the page to have a client',
  });
}

const errorsOf = (page: Page) => page.evaluate(() => window.tab.errors);

describe('a page that resumes', () => {
  test('is given each record once over reloads, with localStorage', { timeout: 60_000 }, async () => {
    const { publish, address } = await scene();
    const page = await chromium.open(address({ cursors: 'local', resume: true }));
    await untilClient(page);
    for (let reloads = 0; reloads < 8; reloads++) {
      const published = await publish(300);
      // In the middle of them.
      const publishing = publish(300);
      await untilSeen(page, published - 1 - (reloads % 2) * 150);
      await Promise.all([page.reload(), publishing]);
    }
    const count = await publish(1);
    expect(await untilSeen(page, count - 1)).toEqual(upTo(count));
    expect(await errorsOf(page)).toEqual([]);
  });

  test.each(['local', 'indexed-db'] as const)('misses nothing when it crashes, with %s', async (cursors) => {
    const { publish, address } = await scene();
    const where = address({ cursors, resume: true });
    const first = await chromium.open(where, CRASHES);
    const watcher = await openBeside(first, address({}));
    let page = first;
    for (let crashes = 0; crashes < 3; crashes++) {
      const count = await publish(200);
      await untilSeen(watcher, count - 1);
      await publish(200);
      await crash(page);
      page = await openBeside(watcher, where);
    }
    const count = await publish(1);
    const all = await untilSeen(watcher, count - 1);
    // Some twice, none out of a run.
    expect([...new Set(all)].sort((a, b) => Number(a) - Number(b))).toEqual(upTo(count));
    for (const [index, value] of all.entries()) {
      expect(Number(value)).toBeLessThanOrEqual(Number(all[index - 1] ?? -1) + 1);
    }
  });

  test('goes its own way in each tab that has a name of its own', async () => {
    const { publish, address } = await scene();
    const one = await chromium.open(address({ cursors: 'indexed-db', resume: 'one' }));
    const two = await openBeside(one, address({ cursors: 'indexed-db', resume: 'two' }));
    const count = await publish(50);
    await untilSeen(one, count - 1, 'one');
    await untilSeen(one, count - 1, 'two');
    await two.close();
    const more = await publish(50);
    await untilSeen(one, more - 1, 'one');
    const again = await openBeside(one, address({ cursors: 'indexed-db', resume: 'two' }));
    expect([...new Set(await untilSeen(again, more - 1, 'two'))]).toEqual(upTo(more));
    expect(await seen(one, 'one')).toEqual(upTo(more));
  });
});

test('the example has each order once, over crashes in the middle', { timeout: 60_000 }, async () => {
  const { publish, address } = await scene();
  const order = (value: number) => ({ id: `o${value}`, amount: value });
  const where = address({}, 'exactly-once');
  const watcher = await chromium.open(address({}), CRASHES);
  let page = await openBeside(watcher, where);
  const ordersOf = () => page.evaluate(() => window.shop?.orders());
  const untilOrder = (id: string) =>
    until(async () => (await ordersOf())?.includes(id), { what: `the order ${id}`, timeoutMs: 15_000 });
  for (let crashes = 0; crashes < 4; crashes++) {
    const count = await publish(100, order);
    await untilOrder(`o${count - 1 - crashes * 20}`);
    await crash(page);
    page = await openBeside(watcher, where);
  }
  const count = await publish(1, order);
  await untilOrder(`o${count - 1}`);
  expect(await ordersOf()).toEqual(upTo(count).map((value) => `o${value}`));
  expect(await page.evaluate(() => window.shop.total())).toBe((count * (count - 1)) / 2);
});

describe('what a page publishes with an outbox', () => {
  async function landed(client: Awaited<ReturnType<typeof scene>>['client'], count: number) {
    const records = async () =>
      (await client.history('b', { limit: 5000 })).records.map(({ data }) => data as number);
    await until(async () => (await records()).length >= count, {
      what: `${count} records`,
      timeoutMs: 10_000,
      have: () => records(),
    });
    return records();
  }
  const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);
  const store = (page: Page, values: readonly number[]) =>
    page.evaluate((all) => window.tab.store('b', all), values);

  test('offline arrives once and in order when a page is online again, though all were closed', async () => {
    const { proxy, client, address } = await scene();
    const where = address({ outbox: 'shop' });
    const watcher = await chromium.open(address({}), CRASHES);
    let page = await openBeside(watcher, where);
    await untilClient(page);
    await store(page, range(0, 10));
    await landed(client, 10);
    proxy.cut();
    await store(page, range(10, 20));
    await crash(page);
    page = await openBeside(watcher, where);
    await untilClient(page);
    await store(page, range(20, 25));
    await page.reload();
    proxy.restore();
    await untilClient(page);
    await store(page, range(25, 30));
    expect(await landed(client, 30)).toEqual(range(0, 30));
    expect(await errorsOf(page)).toEqual([]);
  });

  test('is not published twice when the page crashes before the hub’s answer reaches it', async () => {
    const { client, address } = await scene();
    const where = address({ outbox: 'shop' });
    const watcher = await chromium.open(address({}), CRASHES);
    let page = await openBeside(watcher, where);
    await untilClient(page);
    for (let crashes = 0; crashes < 4; crashes++) {
      await store(page, range(crashes * 50, crashes * 50 + 50));
      await crash(page);
      page = await openBeside(watcher, where);
      await untilClient(page);
    }
    expect(await landed(client, 200)).toEqual(range(0, 200));
  });

  test('in several tabs that are gone is delivered by the one that comes', async () => {
    const { proxy, client, address } = await scene();
    const where = address({ outbox: 'shop' });
    const watcher = await chromium.open(address({}), CRASHES);
    const tabs = [];
    for (let index = 0; index < 3; index++) tabs.push(await openBeside(watcher, where));
    for (const tab of tabs) await untilClient(tab);
    proxy.cut();
    for (const [index, tab] of tabs.entries()) await store(tab, range(index * 10, index * 10 + 10));
    for (const tab of tabs) await crash(tab);
    proxy.restore();
    const page = await openBeside(watcher, where);
    await untilClient(page);
    const all = await landed(client, 30);
    for (const index of [0, 1, 2]) {
      const own = all.filter((value) => Math.floor(value / 10) === index);
      expect(own).toEqual(range(index * 10, index * 10 + 10));
    }
    expect(all).toHaveLength(30);
    expect(await errorsOf(page)).toEqual([]);
  });

  test('is kept by a store that holds the suite', async () => {
    const { address } = await scene();
    const page = await chromium.open(address({}, 'outbox-suite'));
    const results = await page.evaluate(() => window.suite);
    expect(results).toEqual(OUTBOX_STORE_SUITE.map(({ title }) => `${title}: ok`));
  });
});
