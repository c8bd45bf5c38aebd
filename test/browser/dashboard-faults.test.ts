/** What the dashboard shows when something goes wrong: gaps at their place, a hub that is gone. */
import { describe, expect, test } from 'vitest';
import { createRocksStore } from '../../server/log/rocks-store.ts';
import { storeFolder } from '../../server/log/store-folder.ts';
import { FaultyStore } from '../support/faulty-store.ts';
import { freePort } from '../support/free-port.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { until } from '../support/until.ts';
import { chromiumOfFile } from './chromium.ts';
import {
  FIGURES_MS,
  goTo,
  isGap,
  readingOf,
  rowsOf,
  type ShownRow,
  startDashboard,
  untilGap,
  untilStatus,
  untilText,
} from './dashboard-scene.ts';
import { publisher } from './load.ts';

const chromium = chromiumOfFile();

const numbers = (channel: string, from: number, to: number, more = {}) =>
  Array.from({ length: to - from + 1 }, (_, i) => ({ channel, data: { n: from + i, ...more } }));

/** Records that a gap says are missing. */
function countIn({ text }: ShownRow): number {
  return Number(/: ([\d\u202f]+) records/.exec(text)?.[1]?.replace(/\D/g, ''));
}

/** A hub that comes back to its port and its folder. */
async function lasting() {
  const figures = { intervalMs: FIGURES_MS };
  return { figures, port: await freePort(), dataFolder: await tempFolder(), store: 'rocksdb' } as const;
}

describe('a channel shows a gap where it is', () => {
  test('of what was dropped for a page that was too slow', async () => {
    const channels = [{ pattern: 'quick', readers: { maxLagRecords: 100 } }];
    const hub = await startDashboard({ config: { figures: { intervalMs: FIGURES_MS }, channels } });
    const client = await publisher(hub.url, await hub.token());
    await client.publishMany(numbers('quick', 1, 10));
    const page = await chromium.open(hub.link);
    await goTo(page, '#/channel/quick');
    await until(async () => (await rowsOf(page)).length === 10, { what: 'the records' });
    // Its script stands still, as a page's that has too much to do.
    const cdp = await page.context().newCDPSession(page);
    await cdp.send('Debugger.enable');
    await cdp.send('Debugger.pause');
    const NOTE = 'x'.repeat(400);
    for (let from = 11; from < 20_000; from += 1000)
      await client.publishMany(numbers('quick', from, from + 999, { NOTE }));
    await cdp.send('Debugger.disable');
    const newest = async () => (await rowsOf(page))[0];
    await until(async () => (await newest())?.offset === 20_010, { what: 'the newest', have: newest });
    const rows = (await untilGap(page, 'dropped')).reverse();
    const at = rows.findLastIndex((row) => isGap(row, 'dropped'));
    const missing = rows[at + 1]!.offset - rows[at - 1]!.offset - 1;
    expect(missing).toBeGreaterThan(1000);
    expect(countIn(rows[at]!)).toBe(missing);
    const mark = page.locator('.strip .mark.dropped title').last();
    expect(await mark.textContent()).toContain('dropped: ');
  });

  test('of what a crash took back, with the records that were shown struck through', async () => {
    const config = await lasting();
    const disk = new FaultyStore(createRocksStore(storeFolder(config.dataFolder)));
    const hub = await startDashboard({ config, store: disk });
    const client = await publisher(hub.url, await hub.token());
    await client.publishMany(numbers('a', 1, 20), { ack: 'disk' });
    const page = await chromium.open(hub.link);
    await goTo(page, '#/channel/a');
    await until(async () => (await rowsOf(page)).length === 20, { what: 'the records' });
    disk.failNextWrite('nothing-written');
    disk.failOpens(1000);
    await client.publishMany(numbers('a', 21, 25));
    await until(async () => (await rowsOf(page)).length === 25, { what: 'what is in memory only' });
    // It tries for some seconds to write them after all; its disk is free for the next one.
    const stopped = hub.hub.stop();
    await untilStatus(page, 'Offline');
    await startDashboard({ config });
    await untilStatus(page, 'Live', 15_000);
    await client.publish('a', { n: 'after' }, { ack: 'disk' });
    const rows = (await untilGap(page, 'lost')).reverse();
    await until(async () => (await rowsOf(page))[0]?.text.includes('after'), {
      what: 'the record behind it',
    });
    const at = rows.findIndex((row) => isGap(row, 'lost'));
    expect(rows.slice(0, at).map(({ offset }) => offset)).toEqual(
      Array.from({ length: 25 }, (_, i) => i + 1),
    );
    expect(rows.slice(0, at).map(({ withdrawn }) => withdrawn)).toEqual(
      Array.from({ length: 25 }, (_, i) => i >= 20),
    );
    expect(rows[at]!.text).toContain('an unknown number of records');
    await untilText(page, /\d gap/);
    await stopped;
  }, 40_000);
});

test('while the hub is stopped the page says so and keeps its figures; then it is live again by itself', async () => {
  const config = await lasting();
  const hub = await startDashboard({ config });
  const client = await publisher(hub.url, await hub.token());
  await client.publishMany(numbers('a', 1, 100), { ack: 'disk' });
  const page = await chromium.open(hub.link);
  await untilStatus(page, 'Live');
  await until(() => readingOf(page, 'Memory'), { what: 'figures' });
  const memory = () => readingOf(page, 'Memory');
  const before = await memory();
  await hub.hub.stop();
  await untilStatus(page, 'Offline');
  await untilText(page, /figures are .* old/);
  expect(await memory()).toBeGreaterThan(0);
  await untilText(page, 'Busiest channels');
  await startDashboard({ config });
  await untilStatus(page, 'Live', 15_000);
  await until(async () => (await memory()) !== before, { what: 'new figures', timeoutMs: 8000 });
  expect(await page.getByText(/figures are .* old/).count()).toBe(0);
});
