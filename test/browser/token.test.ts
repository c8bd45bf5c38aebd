/** What a page is told of its token, and that it need not care while a function gets it one. */
import { describe, expect, test } from 'vitest';
import { SECRET, startHub } from '../support/start-hub.ts';
import { until } from '../support/until.ts';
import { forgeToken } from '../unit/auth/forge-token.ts';
import { chromiumOfFile, type Page } from './chromium.ts';
import { publisher } from './load.ts';
import { expectEach, statusesOf, untilNoted, untilStatus } from './noted.ts';
import { servePages } from './page-server.ts';

const chromium = chromiumOfFile();
const STRICT = { auth: { secret: SECRET, clockToleranceMs: 0 }, tokens: { graceMs: 0 } };

const closedBy = (page: Page) => page.evaluate(() => window.notebook.closedBy);
const errorsOf = (page: Page) => page.evaluate(() => window.notebook.errors);

async function untilError(page: Page, error: string): Promise<void> {
  const have = () => errorsOf(page);
  await until(async () => (await have()).includes(error), { what: error });
}

describe('a page whose function gets it tokens', () => {
  test('stays live while one after the other runs out, and misses nothing', async () => {
    const hub = await startHub({ config: STRICT });
    let fetched = 0;
    const token = () => {
      fetched++;
      return hub.token({ ttlMs: 2000 });
    };
    const pages = await servePages({ token });
    const client = await publisher(hub.url, await hub.token());
    const params = { url: hub.url, token: null, channel: 'a', subscribe: { from: 'earliest' } };
    const page = await chromium.open(pages('notebook', params));
    await untilStatus(page, 'live');
    // The third was fetched when the first had run out.
    let last = 0;
    await until(
      async () => {
        await client.publish('a', last++);
        return fetched === 4;
      },
      { what: 'the fourth token', timeoutMs: 10_000, have: () => fetched },
    );
    expectEach(await untilNoted(page, last - 1), 0, last - 1);
    expect(await statusesOf(page)).toEqual(['live']);
  });

  test('is told when a token grants its channel no longer, with what to do', async () => {
    const hub = await startHub();
    const tokens = [await hub.token(), await hub.token({ subscribe: ['other'] })];
    const pages = await servePages({ token: async () => tokens.shift()! });
    const page = await chromium.open(pages('notebook', { url: hub.url, token: null, channel: 'a' }));
    await untilStatus(page, 'live');
    await page.evaluate(() => window.notebook.client!.refreshToken());
    await untilError(page, 'forbidden: refresh-token');
    expect(await page.evaluate(() => window.notebook.subscription!.state)).toBe('ended');
    expect(await page.evaluate(() => window.notebook.client!.status)).toBe('live');
  });
});

describe('a page with a token as text', () => {
  test('is closed when it has expired, and told to get another', async () => {
    const hub = await startHub({ config: STRICT });
    const pages = await servePages();
    const token = await hub.token({ ttlMs: 1500 });
    const page = await chromium.open(pages('notebook', { url: hub.url, token, channel: 'a' }));
    await untilStatus(page, 'closed');
    expect(await statusesOf(page)).toEqual(['live', 'closed']);
    expect(await closedBy(page)).toBe('token-expired: refresh-token');
    expect(await errorsOf(page), 'of its subscription').toEqual(['token-expired: refresh-token']);
  });

  test.each([
    ['with another secret', 'token-signature', () => forgeToken('another secret that is long enough too')],
    ['that is no JWT', 'token-malformed', () => 'not.a.jwt'],
    ['that has expired', 'token-expired', () => forgeToken(SECRET, { exp: 1 })],
  ])('%s is refused at once and told why and what to do', async (_, code, token) => {
    const hub = await startHub();
    const pages = await servePages();
    const page = await chromium.open(pages('notebook', { url: hub.url, token: token(), channel: 'a' }));
    await untilError(page, `${code}: refresh-token`);
    expect(await statusesOf(page)).toEqual(['closed']);
    expect(await closedBy(page)).toBe(`${code}: refresh-token`);
  });
});
