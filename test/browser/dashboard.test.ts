/** The dashboard as the hub serves it, over a hub under load. */
import { describe, expect, onTestFinished, test } from 'vitest';
import { connect } from '../../client/node.ts';
import type { HubConfigInput } from '../../server/config.ts';
import { startHub, type TestHub } from '../support/start-hub.ts';
import { until } from '../support/until.ts';
import { expectAccessible } from './accessibility.ts';
import { chromiumOfFile, type Page, type PageOptions } from './chromium.ts';
import { CuttableProxy } from './cuttable-proxy.ts';
import { dashboardAssets } from './dashboard-scene.ts';
import { publisher, startLoad } from './load.ts';

const chromium = chromiumOfFile();

const addressOf = (hub: TestHub) => `${hub.url.replace('ws:', 'http:')}/`;

async function scene(config: HubConfigInput = {}) {
  const hub = await startHub({
    assets: await dashboardAssets(),
    config: { figures: { intervalMs: 250 }, ...config },
  });
  const token = await hub.token({ admin: true, publish: ['orders', 'market', 'short'] });
  const open = (path = '', options?: PageOptions) =>
    chromium.open(`${addressOf(hub)}#token=${token}`, options).then(async (page) => {
      await untilText(page, '[role=status]', 'Live');
      if (path !== '') await goTo(page, path);
      return page;
    });
  return { hub, token, open, client: await publisher(hub.url, token) };
}

function goTo(page: Page, path: string): Promise<void> {
  return page.evaluate((hash) => {
    location.hash = hash;
  }, path);
}

/** What is shown, as it is shown: hidden text does not count. */
async function shownIn(page: Page, selector: string): Promise<string> {
  return (await page.locator(selector).allInnerTexts()).join(' ');
}

async function untilText(page: Page, selector: string, text: string | RegExp): Promise<void> {
  const have = () => shownIn(page, selector);
  const matches = async () => {
    const all = await have();
    return typeof text === 'string' ? all.includes(text) : text.test(all);
  };
  await until(matches, { what: `${text} in ${selector}`, timeoutMs: 15_000, have });
}

/** Of what is drawn on the first canvas of `selector`, how many pixels are not blank. */
function inkOf(page: Page, selector: string): Promise<number> {
  return page
    .locator(`${selector} canvas`)
    .first()
    .evaluate((canvas) => {
      const { width, height } = canvas as HTMLCanvasElement;
      const { data } = (canvas as HTMLCanvasElement).getContext('2d')!.getImageData(0, 0, width, height);
      let ink = 0;
      for (let i = 3; i < data.length; i += 4) if (data[i]! > 0) ink++;
      return ink;
    });
}

describe('whoever opens it', () => {
  test('by the link is in, with the token out of the address at once, also after a reload', async () => {
    const { open, hub, token } = await scene();
    const page = await open();
    expect(page.url()).toBe(`${addressOf(hub)}#/`);
    await page.reload();
    await untilText(page, '[role=status]', 'Live');
    expect(await page.content()).not.toContain(token);
  });

  test('without a token, or with one that is refused, is told what to do, by the code', async () => {
    const { hub, token } = await scene();
    const page = await chromium.open(addressOf(hub));
    await untilText(page, 'main', /npm start.*npx ringcast token --admin/s);
    await page.getByLabel('Token, or the whole link').fill('not-a-token');
    await page.getByRole('button', { name: 'Connect' }).click();
    await untilText(page, '[role=alert]', 'token-malformed');
    await page.getByLabel('Token, or the whole link').fill(`${addressOf(hub)}#token=${token}`);
    await page.getByRole('button', { name: 'Connect' }).click();
    await untilText(page, '[role=status]', 'Live');
  });

  test('with a token that grants no figures is told that, and can still look at channels', async () => {
    const { hub, client } = await scene();
    await client.publish('orders', { id: 1 });
    const page = await chromium.open(`${addressOf(hub)}#token=${await hub.token()}`);
    await untilText(page, 'main', /admin/);
    await untilText(page, 'main', 'forbidden');
    await goTo(page, '#/channel/orders');
    await untilText(page, '[role=log]', '{"id":1}');
  });
});

describe('under load', () => {
  test('figures and charts move, the busiest channel comes first, and who is behind is named with the reason', async () => {
    const { hub, token, open, client } = await scene();
    const slow = await connect(hub.url, { token, client: 'slow-page', maxQueuedBytes: 2000 });
    onTestFinished(() => slow.close({ timeoutMs: 0 }));
    slow.subscribe('market', {}, () => new Promise<void>(() => {}));
    startLoad(client, {
      perSecond: 400,
      seconds: 60,
      item: (n) => ({
        channel: 'market',
        key: `S${n % 5}`,
        data: { price: 100 + (n % 17), text: 'x'.repeat(50) },
      }),
    });
    const page = await open();
    const published = page.locator('section, article, .card, .panel', { hasText: 'Published' }).first();
    const figure = async () =>
      /([\d\s ]+)\s*\/s/.exec((await published.allInnerTexts()).join(' '))?.[1]?.replace(/\D/g, '');
    const seen = new Set<string>();
    await until(
      async () => {
        const text = await figure();
        if (text && Number(text) > 100) seen.add(text);
        return seen.size >= 2;
      },
      { what: 'two different rates', timeoutMs: 15_000, have: () => [...seen] },
    );
    const before = await inkOf(page, 'main');
    expect(before).toBeGreaterThan(500);
    await untilText(page, 'main', /Busiest channels[\s\S]*market/);
    await untilText(
      page,
      'main',
      /out of credit[\s\S]*slow-page[\s\S]*Its code has not taken what it was sent/,
    );

    await page.getByRole('navigation').getByRole('link', { name: 'Subscriptions' }).click();
    const rows = page.locator('tbody tr');
    await until(async () => (await rows.first().allInnerTexts()).join(' ').includes('slow-page'), {
      what: 'the slow one first',
    });
    const channel = page.getByRole('columnheader', { name: 'Channel' });
    await channel.getByRole('button').focus();
    await page.keyboard.press('Enter');
    await until(async () => /ascending|descending/.test((await channel.getAttribute('aria-sort')) ?? ''), {
      what: 'the table to be sorted by channel',
    });
    await until(async () => !(await rows.first().allInnerTexts()).join(' ').includes('slow-page'), {
      what: 'another first',
      have: () => rows.allInnerTexts(),
    });
  });
});

describe('a channel', () => {
  test('is shown live, from any moment of its past, and live again', async () => {
    const { open, client } = await scene();
    for (let n = 0; n < 300; n++) await client.publish('orders', { id: n });
    const page = await open('#/channel/orders');
    await untilText(page, '[role=log]', '{"id":299}');
    await client.publish('orders', { id: 'new' });
    await untilText(page, '[role=log]', '{"id":"new"}');
    await page.getByRole('button', { name: 'offset' }).click();
    const slider = page.getByRole('slider');
    await slider.focus();
    await page.keyboard.press('Home');
    await untilText(page, '[role=log]', '{"id":0}');
    expect(await shownIn(page, '[role=log]')).not.toContain('"new"');
    await page.getByRole('button', { name: 'max' }).click();
    await untilText(page, '[role=log]', '{"id":250}');
    await slider.focus();
    await page.keyboard.press('End');
    await client.publish('orders', { id: 'newer' });
    await untilText(page, '[role=log]', '{"id":"newer"}');
    await untilText(page, '.where', 'Live');
  });

  test('shows the gap that retention made, where it is, with its count', async () => {
    const { open, client } = await scene({
      channels: [{ pattern: 'short', retention: { maxRecords: 50 }, ring: { maxRecords: 50 } }],
    });
    const text = 'x'.repeat(2000);
    for (let n = 0; n < 400; n++) await client.publish('short', { n, text });
    const gapsNow = async () => (await client.history('short', { from: '0-0', limit: 1 })).gaps;
    await until(async () => (await gapsNow()).length > 0, { what: 'retention' });
    const [gap] = await gapsNow();
    expect(gap?.reason).toBe('retention');
    const page = await open('#/channel/short');
    await untilText(page, '[role=log]', '"n":399');
    const goTo = page.getByRole('textbox', { name: /go to/i });
    await goTo.fill('1');
    await goTo.press('Enter');
    const count = String(gap!.count);
    await untilText(page, '[role=log]', new RegExp(`Gap, retention.*${count} records`));
  });

  test('is published to by hand: the answer, or what is wrong and where', async () => {
    const { open } = await scene();
    const page = await open('#/publish');
    await page.getByLabel('Channel', { exact: true }).fill('orders');
    await page.getByLabel(/^Payload/).fill('{"id": 7');
    await page.getByRole('button', { name: 'Publish' }).click();
    await untilText(page, '.problem', /./);
    await page.getByLabel(/^Payload/).fill('{"id": 7}');
    await page.getByRole('button', { name: 'Publish' }).click();
    await untilText(page, 'main', /Taken[\s\S]*orders[\s\S]*\d+-1/);
    await page.getByLabel('Channel', { exact: true }).fill('forbidden.here');
    await page.getByRole('button', { name: 'Publish' }).click();
    await untilText(page, '[role=alert]', 'forbidden');
    await goTo(page, '#/channel/orders');
    await untilText(page, '[role=log]', '{"id":7}');
  });
});

test('it stays while the hub is away, says so, and goes on when that is back', async () => {
  const { hub, token } = await scene();
  const proxy = await CuttableProxy.start(hub.url);
  const page = await chromium.open(`${proxy.url.replace('ws:', 'http:')}/#token=${token}`);
  await untilText(page, 'main', 'Published');
  proxy.cut();
  await untilText(page, '[role=status]', 'Offline');
  expect(await shownIn(page, 'main')).toContain('Published');
  proxy.restore();
  await untilText(page, '[role=status]', 'Live');
});

describe.each(['light', 'dark'] as const)('in %s', (colorScheme) => {
  test.each([1280, 390])(
    'nothing is hard to use, and nothing reaches out of a page of %i px',
    async (width) => {
      const { open, client } = await scene();
      for (let n = 0; n < 30; n++)
        await client.publish('orders', { id: n, price: n / 7 }, { key: `k${n % 3}` });
      const page = await open('', { colorScheme, viewport: { width, height: 844 } });
      for (const [path, text] of [
        ['#/', 'Published'],
        ['#/channels', 'orders'],
        ['#/subscriptions', 'live'],
        ['#/publish', 'Payload'],
        ['#/channel/orders', '"id":29'],
      ] as const) {
        await goTo(page, path);
        await untilText(page, 'main', text);
        await expectAccessible(page);
        const reach = await page.evaluate(() => document.documentElement.scrollWidth);
        expect(reach, path).toBeLessThanOrEqual(width);
      }
    },
  );
});
