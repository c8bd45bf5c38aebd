/** What a page goes through in life, and the promise: each record once, in order, gaps announced. */
import { describe, expect, test } from 'vitest';
import { startHub } from '../support/start-hub.ts';
import { chromiumOfFile } from './chromium.ts';
import { CuttableProxy } from './cuttable-proxy.ts';
import { publisher } from './load.ts';
import { expectEach, expectInOrder, statusesOf, untilNoted, untilStatus } from './noted.ts';
import { servePages } from './page-server.ts';

const chromium = chromiumOfFile();

/** A hub, a proxy before it, a page behind that, and somebody who publishes past the proxy. */
async function scene(connect = {}) {
  const hub = await startHub();
  const [proxy, pages, token] = await Promise.all([CuttableProxy.start(hub.url), servePages(), hub.token()]);
  const client = await publisher(hub.url, token);
  let next = 0;
  const publish = async (count: number) => {
    const items = Array.from({ length: count }, () => ({ channel: 'a', data: next++ }));
    await client.publishMany(items);
    return next - 1;
  };
  const params = { url: proxy.url, token, channel: 'a', subscribe: { from: 'earliest' }, connect };
  return { hub, proxy, publish, address: pages('notebook', params) };
}

describe('a page whose connection is cut', () => {
  test('is given each record once and in order, those that it missed first', async () => {
    const { proxy, publish, address } = await scene();
    const page = await chromium.open(address);
    await untilNoted(page, await publish(100));
    proxy.cut();
    await untilStatus(page, 'offline');
    await publish(500);
    proxy.restore();
    const last = await publish(100);
    const entries = await untilNoted(page, last);
    expectEach(entries, 0, last);
    expectInOrder(entries);
    expect(await statusesOf(page)).toContain('offline');
  });
});
