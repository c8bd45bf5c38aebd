/** How the dashboard is laid out, as far as a test can see. */
import { expect, test } from 'vitest';
import { systemClock } from '../../shared/clock.ts';
import { until } from '../support/until.ts';
import { chromiumOfFile } from './chromium.ts';
import { startDashboard } from './dashboard-scene.ts';
import { publisher } from './load.ts';

const chromium = chromiumOfFile();

test('on a phone the busiest channels take two lines each', async () => {
  const hub = await startDashboard();
  await (await publisher(hub.url, await hub.token())).publish('orders.eu', 1);
  const page = await chromium.open(hub.link, { viewport: { width: 390, height: 844 } });
  const row = page.getByRole('region', { name: 'Busiest channels' }).locator('tbody tr').first();
  expect((await row.boundingBox())!.height).toBeLessThan(64);
});

test('a moment at the right end of a chart is written out', async () => {
  // A full hour is the newest moment while the page is open, and so comes in at the right edge.
  const startMs = systemClock.nowMs();
  const hourMs = Math.ceil(startMs / 3_600_000) * 3_600_000;
  const clock = { ...systemClock, nowMs: () => systemClock.nowMs() - startMs + hourMs - 3000 };
  const hub = await startDashboard({ clock });
  const page = await chromium.open(hub.link, { viewport: { width: 1280, height: 900 } });
  await page.evaluate(() => {
    const drawn: { text: string; right: number; width: number }[] = [];
    const { fillText } = CanvasRenderingContext2D.prototype;
    CanvasRenderingContext2D.prototype.fillText = function (text, x, y) {
      const right = x + (this.textAlign === 'center' ? this.measureText(text).width / 2 : 0);
      drawn.push({ text, right, width: this.canvas.width });
      fillText.call(this, text, x, y);
    };
    Object.assign(window, { drawn });
  });
  type Drawn = { readonly text: string; readonly right: number; readonly width: number };
  const moments = async () => {
    const drawn = await page.evaluate(() => (window as unknown as { drawn: Drawn[] }).drawn);
    return drawn.filter(({ text, right, width }) => /^\d\d:00/.test(text) && right > 0.9 * width);
  };
  await until(async () => (await moments()).length > 0, { what: 'the full hour to be written' });
  expect((await moments()).filter(({ right, width }) => right > width)).toEqual([]);
});
