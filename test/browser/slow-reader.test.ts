/** Pages that take 50 ms over a record, of channels that have 10,000 a second. */
import { describe, expect, test } from 'vitest';
import { startHub } from '../support/start-hub.ts';
import { until } from '../support/until.ts';
import { chromiumOfFile, type Page } from './chromium.ts';
import { publisher, startLoad } from './load.ts';
import { servePages } from './page-server.ts';

const chromium = chromiumOfFile();
const MIB = 2 ** 20;
const PER_SECOND = 10_000;
const PER_RECORD_MS = 50;
const KEYS = 20;
/** What a symbol's price might be, with some more. */
const FILLER = 'x'.repeat(60);

/** What the tab keeps for good: its heap and the bytes beside it, after garbage was collected. */
async function keptBytes(page: Page): Promise<number> {
  const cdp = await page.context().newCDPSession(page);
  await cdp.send('HeapProfiler.collectGarbage');
  const { usedSize, backingStorageSize } = (await cdp.send('Runtime.getHeapUsage')) as {
    usedSize: number;
    backingStorageSize: number;
  };
  await cdp.detach();
  return usedSize + backingStorageSize;
}

async function scene() {
  const hub = await startHub();
  const [pages, token] = await Promise.all([servePages(), hub.token()]);
  const client = await publisher(hub.url, token);
  return { hub, pages, token, client };
}

describe('a page whose listener takes 50 ms, under 10,000 records a second', () => {
  test('keeps its memory flat, misses nothing, and shows how far it is behind', async () => {
    const { hub, pages, token, client } = await scene();
    const params = { url: hub.url, token, channel: 'a', perRecordMs: PER_RECORD_MS };
    const page = await chromium.open(pages('slow-reader', params));
    const item = (n: number) => ({ channel: 'a', data: { n, FILLER } });
    const load = startLoad(client, { perSecond: PER_SECOND, seconds: 8, item });
    await until(() => load.published > PER_SECOND, { what: 'a second of load' });
    const before = await keptBytes(page);
    expect(await load.done).toBe(8 * PER_SECOND);
    const after = await keptBytes(page);
    const { taken, queuedBytes, lag, text } = await page.evaluate(() => {
      const { taken, subscription, lag } = window.slow;
      return { taken, queuedBytes: subscription.queuedBytes, lag, text: document.body.textContent };
    });
    console.info(
      `slow tab: ${taken} of ${load.published} taken; kept ${(before / MIB).toFixed(1)}, then ${(after / MIB).toFixed(1)} MiB`,
    );
    // Seven seconds brought some 9 MB; the credit of one channel is 1 MiB.
    expect(after - before).toBeLessThan(MIB / 2);
    expect(queuedBytes).toBeLessThan(4 * MIB);
    expect(taken).toBeGreaterThan(80);
    expect(taken).toBeLessThan(400);
    expect(lag!.records).toBeGreaterThan(7 * PER_SECOND);
    expect(lag!.ms).toBeGreaterThan(5000);
    expect(text).toContain('ms behind');
  });

  test('shows with conflate the newest price of each key, none much older than it needs for them all', async () => {
    const { hub, pages, token, client } = await scene();
    const params = { url: hub.url, token, channel: 'b', perRecordMs: PER_RECORD_MS };
    const page = await chromium.open(pages('price-board', params));
    await until(() => page.evaluate(() => window.board?.subscription.cursor), { what: 'it to subscribe' });
    const item = (n: number) => ({
      channel: 'b',
      key: `symbol-${n % KEYS}`,
      data: { n, atMs: Date.now(), FILLER },
    });
    const load = startLoad(client, { perSecond: PER_SECOND, seconds: 8, item });
    const ages: number[] = [];
    const look = async () => {
      const atMs = await page.evaluate(() => Object.values(window.board.prices).map((price) => price.atMs));
      if (atMs.length === KEYS) ages.push(Date.now() - Math.min(...atMs));
      return load.published > 7 * PER_SECOND;
    };
    await until(look, { what: 'seven seconds of load', timeoutMs: 15_000 });
    const total = await load.done;
    const endMs = performance.now();
    const shown = () =>
      page.evaluate(() =>
        Object.values(window.board.prices)
          .map(({ n }) => n)
          .sort((a, b) => a - b),
      );
    const newest = Array.from({ length: KEYS }, (_, index) => total - KEYS + index);
    await until(async () => `${await shown()}` === `${newest}`, {
      what: 'the newest of each',
      timeoutMs: 10_000,
      have: shown,
    });
    const { records, conflated } = await page.evaluate(() => window.board);
    console.info(
      `price board: ${records} shown, ${conflated} conflated; oldest price ${Math.max(...ages)} ms old under load; ` +
        `the newest of all ${Math.round(performance.now() - endMs)} ms after the last`,
    );
    expect(Math.max(...ages.slice(-50))).toBeLessThan(4000);
    expect(records + conflated).toBe(total);
  });
});
