/** Each example, opened from its file as its first comment says. */
import { readFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { startHub } from '../support/start-hub.ts';
import { until } from '../support/until.ts';
import { expectAccessible } from './accessibility.ts';
import { sdkBundle } from './bundle.ts';
import { chromiumOfFile, type Page, type PageOptions } from './chromium.ts';
import { CuttableProxy } from './cuttable-proxy.ts';
import { publisher } from './load.ts';

const FOLDER = new URL('../../client/examples/', import.meta.url);
const MOST_LINES = 60;
const chromium = chromiumOfFile();

async function scene() {
  const hub = await startHub();
  const [proxy, token] = await Promise.all([CuttableProxy.start(hub.url), hub.token()]);
  const open = (name: string, options: PageOptions = {}) => openExample(name, proxy.url, token, options);
  return { hub, proxy, token, open };
}

async function openExample(
  name: string,
  hub: string,
  token: string,
  options: PageOptions = {},
): Promise<Page> {
  const served = { path: '/client.js', body: await sdkBundle() };
  return chromium.open(`${new URL(name, FOLDER)}#hub=${hub}&token=${token}`, { ...options, served });
}

async function untilText(page: Page, selector: string, text: string | RegExp): Promise<void> {
  const have = () => page.locator(selector).allTextContents();
  const matches = async () => {
    const all = (await have()).join(' ');
    return typeof text === 'string' ? all.includes(text) : text.test(all);
  };
  await until(matches, { what: `${text} in ${selector}`, timeoutMs: 10_000, have });
}

describe('the example of a price board', () => {
  test('shows the newest price of each symbol, those of before it was opened first', async () => {
    const { hub, token, open } = await scene();
    const client = await publisher(hub.url, token);
    const publish = (key: string, price: number) => client.publish('example.prices', { price }, { key });
    await publish('AAPL', 1);
    await publish('SAP', 2);
    await publish('AAPL', 3);
    const page = await open('price-board.html');
    await untilText(page, 'tbody', /SAP2\.00.*AAPL3\.00/);
    await publish('SAP', 1.5);
    await untilText(page, 'tbody', /SAP1\.50▼ 0\.50/);
    await untilText(page, '[role=status]', 'live');
  });

  test('runs a market of its own, which another tab sees too', async () => {
    const { open } = await scene();
    const [page, other] = [await open('price-board.html'), await open('price-board.html')];
    await page.getByRole('button').click();
    await untilText(page, 'tbody', /NVDA.*[▲▼] 0\.\d*[1-9]/);
    await untilText(other, 'tbody', /NVDA.*[▲▼] 0\.\d*[1-9]/);
  });
});

describe('the example of a chat', () => {
  async function say(page: Page, name: string, text: string): Promise<void> {
    await page.getByLabel('Your name').fill(name);
    await page.getByLabel('Message', { exact: true }).fill(text);
    await page.getByRole('button').click();
  }

  test('brings what is said to all, and shows what was said before to who comes later or reloads', async () => {
    const { open } = await scene();
    const ann = await open('chat.html');
    await untilText(ann, '[role=status]', 'live');
    await say(ann, 'Ann', 'Hello <b>there</b>');
    await untilText(ann, 'ol', 'Ann Hello <b>there</b>');
    const bob = await open('chat.html');
    await untilText(bob, 'ol', 'Ann Hello <b>there</b>');
    await say(bob, 'Bob', 'Hi');
    await untilText(ann, 'ol', 'Bob Hi');
    await ann.reload();
    await untilText(ann, 'ol', /Ann Hello.*Bob Hi/);
    expect(await ann.locator('li').count()).toBe(2);
  });

  test('keeps what is said offline, and sends it once when it is back', async () => {
    const { proxy, open } = await scene();
    const [ann, bob] = [await open('chat.html'), await open('chat.html')];
    for (const page of [ann, bob]) await untilText(page, '[role=status]', 'live');
    proxy.cut();
    await untilText(ann, '[role=status]', 'offline');
    await say(ann, 'Ann', 'From the tunnel');
    await untilText(ann, 'li.unsent', 'From the tunnel');
    proxy.restore();
    await untilText(bob, 'ol', 'Ann From the tunnel');
    await until(async () => (await ann.locator('li.unsent').count()) === 0, { what: 'it to be sent' });
    expect(await ann.locator('li').count()).toBe(1);
    expect(await bob.locator('li').count()).toBe(1);
  });
});

describe('the example of job progress', () => {
  test('shows how far a job is, after a reload too, until it is done', async () => {
    const { hub, token, open } = await scene();
    const client = await publisher(hub.url, token);
    const page = await open('job-progress.html');
    const progress = (done: number) => client.publish('example.jobs', { done, of: 4 }, { key: 'report' });
    for (const done of [0, 1, 2]) await progress(done);
    await untilText(page, 'label', 'report50 %');
    await page.reload();
    await untilText(page, 'label', 'report50 %');
    await progress(4);
    await untilText(page, 'label', 'reportdone');
    expect(
      await page
        .locator('progress')
        .evaluateAll((bars) => bars.map((bar) => (bar as HTMLProgressElement).value)),
    ).toEqual([4]);
  });

  test('starts a job that goes on by itself', async () => {
    const { open } = await scene();
    const page = await open('job-progress.html');
    await page.getByRole('button').click();
    await untilText(page, 'output', /[1-9] %/);
  });
});

describe.each(['price-board.html', 'chat.html', 'job-progress.html'])('the example %s', (name) => {
  test('says what is wrong with a token, and what to do', async () => {
    const { hub } = await scene();
    const page = await openExample(name, hub.url, 'not.a.jwt');
    await untilText(page, '[role=status]', /token-malformed: refresh-token/);
  });

  test('is accessible, light and dark', async () => {
    const { open } = await scene();
    for (const colorScheme of ['light', 'dark'] as const) {
      const page = await open(name, { colorScheme });
      await untilText(page, '[role=status]', 'live');
      const button = page.getByRole('button').and(page.locator(':not(form *)'));
      if ((await button.count()) > 0) await button.click();
      await expectAccessible(page);
    }
  });

  test('is short enough to be read', async () => {
    const text = await readFile(new URL(name, FOLDER), 'utf8');
    expect(text.trimEnd().split('\n').length).toBeLessThan(MOST_LINES);
  });
});
