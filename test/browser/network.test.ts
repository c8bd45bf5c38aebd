/**
 * What a page goes through in life, and the promise: each record once, in order, gaps announced. Needs
 * `npm run build`.
 */
import { describe, expect, onTestFinished, test } from 'vitest';
import type { Client } from '../../client/node.ts';
import { HubProcess } from '../faults/hub-process.ts';
import { startHub } from '../support/start-hub.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { until } from '../support/until.ts';
import { chromiumOfFile, type Page } from './chromium.ts';
import { CuttableProxy } from './cuttable-proxy.ts';
import { publisher } from './load.ts';
import { entriesOf, expectEach, expectInOrder, statusesOf, untilNoted, untilStatus } from './noted.ts';
import { servePages } from './page-server.ts';

const chromium = chromiumOfFile();
const DIST = new URL('../../dist/', import.meta.url);

class Feed {
  readonly client: Client;
  next = 0;

  constructor(client: Client) {
    this.client = client;
  }

  /** Publishes the next `count` numbers, and resolves with the last. */
  async publish(count: number, ack: 'memory' | 'disk' = 'memory'): Promise<number> {
    const items = Array.from({ length: count }, () => ({ channel: 'a', data: this.next++ }));
    await this.client.publishMany(items, { ack });
    return this.next - 1;
  }
}

/** A hub, a proxy before it, the address of a page behind that, and somebody who publishes past the proxy. */
async function scene(connect = {}) {
  const hub = await startHub();
  const [proxy, pages, token] = await Promise.all([CuttableProxy.start(hub.url), servePages(), hub.token()]);
  const feed = new Feed(await publisher(hub.url, token));
  const params = { url: proxy.url, token, channel: 'a', subscribe: { from: 'earliest' }, connect };
  return { proxy, feed, address: pages('notebook', params) };
}

async function expectAll(page: Page, last: number): Promise<void> {
  const entries = await untilNoted(page, last);
  expectEach(entries, 0, last);
  expectInOrder(entries);
}

describe('a page is given each record once and in order', () => {
  test('when its connection is cut, those that it missed first', async () => {
    const { proxy, feed, address } = await scene();
    const page = await chromium.open(address);
    await untilNoted(page, await feed.publish(100));
    proxy.cut();
    await untilStatus(page, 'offline');
    await feed.publish(500);
    proxy.restore();
    await expectAll(page, await feed.publish(100));
  });

  test('when it is cut again and again while records come', async () => {
    const { proxy, feed, address } = await scene({ backoff: { capMs: 50 } });
    const page = await chromium.open(address);
    for (let cuts = 0; cuts < 10; cuts++) {
      const seen = await feed.publish(200);
      await untilNoted(page, seen - 100 * (cuts % 2));
      proxy.cut();
      await feed.publish(200);
      proxy.restore();
    }
    await expectAll(page, await feed.publish(1));
  });

  test('when its link dies without a word: its own heartbeat finds out', async () => {
    const { proxy, feed, address } = await scene({ pingIntervalMs: 300 });
    const page = await chromium.open(address);
    await untilNoted(page, await feed.publish(100));
    proxy.silence();
    await feed.publish(500);
    await untilStatus(page, 'offline');
    proxy.restore();
    await expectAll(page, await feed.publish(100));
  });

  test('when the browser is offline and online again', async () => {
    const { proxy, feed, address } = await scene();
    const page = await chromium.open(address);
    await untilNoted(page, await feed.publish(100));
    await page.context().setOffline(true);
    proxy.silence();
    await feed.publish(500);
    proxy.restore();
    await page.context().setOffline(false);
    await expectAll(page, await feed.publish(100));
  });

  /**
   * A headless shell has no back/forward cache (Chromium calls it BackForwardCacheDisabledForDelegate): the page is
   * told what it would be, and is frozen between, as it would be.
   */
  test('when it waits in the back/forward cache and is shown again', async () => {
    const { proxy, feed, address } = await scene({ backoff: { baseMs: 60_000, capMs: 60_000 } });
    const page = await chromium.open(address, { shared: true });
    await untilNoted(page, await feed.publish(100));
    const cdp = await page.context().newCDPSession(page);
    const tell = (type: string) =>
      page.evaluate((name) => dispatchEvent(new PageTransitionEvent(name, { persisted: true })), type);
    await tell('pagehide');
    await cdp.send('Page.setWebLifecycleState', { state: 'frozen' });
    // A browser that keeps a page closes its connections.
    proxy.cut();
    await feed.publish(500);
    proxy.restore();
    await cdp.send('Page.setWebLifecycleState', { state: 'active' });
    await tell('pageshow');
    await expectAll(page, await feed.publish(100));
  });

  test('when it is frozen and resumed', async () => {
    const { feed, address } = await scene();
    const page = await chromium.open(address, { shared: true });
    await untilNoted(page, await feed.publish(100));
    const cdp = await page.context().newCDPSession(page);
    await cdp.send('Page.setWebLifecycleState', { state: 'frozen' });
    await feed.publish(500);
    expectEach(await entriesOf(page), 0, 99);
    await cdp.send('Page.setWebLifecycleState', { state: 'active' });
    await expectAll(page, await feed.publish(100));
  });
});

describe('a page whose hub is killed and started again', () => {
  async function killable(maxDelayMs: number) {
    const config = { writeBehind: { maxDelayMs } };
    const hub = await HubProcess.prepare({ dist: DIST, folder: await tempFolder(), config });
    onTestFinished(() => hub.kill());
    await hub.start();
    const [pages, token] = await Promise.all([servePages(), hub.token]);
    const feed = new Feed(await publisher(hub.url, token));
    const connect = { backoff: { capMs: 500 } };
    const params = { url: hub.url, token, channel: 'a', subscribe: { from: 'earliest' }, connect };
    const page = await chromium.open(pages('notebook', params));
    return { hub, feed, page };
  }

  test('is told of what the crash took back, and has what the hub has', async () => {
    const { hub, feed, page } = await killable(5000);
    const kept = await feed.publish(100, 'disk');
    const shown = await feed.publish(50);
    await untilNoted(page, shown);
    await hub.kill();
    await untilStatus(page, 'offline');
    await hub.start();
    const entries = await untilNoted(page, await feed.publish(100, 'disk'));
    const gaps = entries.filter((entry) => 'gap' in entry);
    expect(gaps).toMatchObject([{ gap: { reason: 'lost', count: null } }]);
    const at = entries.indexOf(gaps[0]!);
    expectEach(entries.slice(0, at), 0, shown);
    expectInOrder(entries);
    // Behind the gap's `after` everything that it was shown is withdrawn.
    const lastKept = entries.findIndex((entry) => 'cursor' in entry && entry.cursor === gaps[0]!.gap.after);
    const held = [...entries.slice(0, lastKept + 1), ...entries.slice(at + 1)];
    const { records } = await feed.client.history('a', { limit: 1000 });
    expect(held.map((entry) => 'data' in entry && entry.data)).toEqual(records.map(({ data }) => data));
    expect(lastKept).toBe(kept);
    expect(await statusesOf(page)).toContain('offline');
  });
});

test('a page is live again soon after the network is, however long it was away', async () => {
  const { proxy, feed, address } = await scene({ backoff: { baseMs: 60_000, capMs: 60_000 } });
  const page = await chromium.open(address);
  await untilNoted(page, await feed.publish(1));
  await page.context().setOffline(true);
  proxy.cut();
  await untilStatus(page, 'offline');
  proxy.restore();
  await page.context().setOffline(false);
  await untilStatus(page, 'live', 2000);
  await until(async () => (await entriesOf(page)).length === 1, { what: 'nothing to be repeated' });
});
