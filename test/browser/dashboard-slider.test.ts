/** The slider of the dashboard's channel view: where it goes, and what is played from there. */
import { expect, test } from 'vitest';
import { until } from '../support/until.ts';
import { chromiumOfFile, type Page } from './chromium.ts';
import { goTo, rowsOf, startDashboard, untilText } from './dashboard-scene.ts';
import { publisher, startLoad } from './load.ts';

const chromium = chromiumOfFile();

const slider = (page: Page) => page.getByRole('slider', { name: 'Moment of the channel' });
const untilLive = (page: Page) => untilText(page, 'Live tail');
const untilPast = (page: Page) => untilText(page, 'Replaying the past');

async function untilNewest(page: Page, offset: number): Promise<void> {
  const have = async () => (await rowsOf(page))[0];
  await until(async () => (await have())?.offset === offset, {
    what: `record ${offset} on top`,
    have,
    timeoutMs: 8000,
  });
}

test('from its start each record is played once and in order; at its end it is live again', async () => {
  const hub = await startDashboard();
  const client = await publisher(hub.url, await hub.token());
  const item = (n: number) => ({ channel: 'a', data: { n } });
  const load = startLoad(client, { perSecond: 200, seconds: 3, item });
  const page = await chromium.open(hub.link);
  await goTo(page, '#/channel/a');
  const total = await load.done;
  await untilLive(page);
  await untilNewest(page, total);
  await client.publish('a', { n: 'as it comes' });
  await untilNewest(page, total + 1);
  expect((await rowsOf(page))[0]!.text).toContain('as it comes');

  await page.getByRole('button', { name: 'offset', exact: true }).click();
  await slider(page).focus();
  await page.keyboard.press('Home');
  await untilPast(page);
  // The first record stood there, and it goes on by itself, each once and in order.
  const goesOn = async () => (await rowsOf(page)).length > 20;
  await until(goesOn, { what: 'the replay to go on' });
  await page.keyboard.press('p');
  const rows = (await rowsOf(page)).reverse();
  expect(rows.map(({ offset }) => offset)).toEqual(rows.map((_, i) => i + 1));
  expect(rows.map(({ text }) => text)).toEqual(rows.map((_, i) => `{"n":${i}}`));
  // What was played before the pause may be drawn behind it.
  await page.keyboard.press('.');
  await until(async () => (await rowsOf(page))[0]!.offset > rows.length, { what: 'one record on' });

  await slider(page).focus();
  await page.keyboard.press('End');
  await untilLive(page);
  await untilNewest(page, total + 1);
});

test('dragged to its middle it shows the middle of the channel', async () => {
  const hub = await startDashboard();
  const client = await publisher(hub.url, await hub.token());
  const item = (n: number) => ({ channel: 'a', data: { n } });
  const total = await startLoad(client, { perSecond: 500, seconds: 2, item }).done;
  const page = await chromium.open(hub.link);
  await goTo(page, '#/channel/a');
  await untilNewest(page, total);
  const { x, y, width, height } = (await slider(page).boundingBox())!;
  await page.mouse.move(x + width - 9, y + height / 2);
  await page.mouse.down();
  await page.mouse.move(x + width / 2, y + height / 2, { steps: 5 });
  await untilPast(page);
  await until(async () => (await rowsOf(page))[0]!.offset < 0.7 * total, {
    what: 'the middle of the channel',
  });
  expect((await rowsOf(page))[0]!.offset).toBeGreaterThan(0.3 * total);
  await page.mouse.up();
  // Played to its end, it is the present.
  await page.getByRole('button', { name: 'max' }).click();
  await untilLive(page);
  await untilNewest(page, total);
});
