/**
 * A real Chromium for the tests of one file, and the only use of Playwright. It is started by hand and spoken to over
 * its own protocol, without Playwright's emulation of a page that always has the focus: such a page can be neither
 * hidden nor frozen.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Browser, type BrowserContext, type CDPSession, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, expect, onTestFinished } from 'vitest';
import { type InstalledChromium, installChromium } from './chromium-install.ts';

export type { CDPSession, Page };

const START_TIMEOUT_MS = 15_000;

const ARGS = [
  '--headless',
  // Test machines are containers, and root: there the sandbox does not start.
  '--no-sandbox',
  '--no-zygote',
  '--disable-dev-shm-usage',
  '--disable-gpu',
  // Nothing but the test's own pages.
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--no-first-run',
  '--no-default-browser-check',
  '--force-color-profile=srgb',
  '--remote-debugging-port=0',
];

/** A browser for all tests of the file that calls this, at its top. */
export function chromiumOfFile(): { readonly open: Chromium['open'] } {
  let running: Chromium | undefined;
  beforeAll(async () => {
    running = await Chromium.start();
  }, 2 * START_TIMEOUT_MS);
  afterAll(() => running?.stop());
  return { open: (url, options) => running!.open(url, options) };
}

export interface PageOptions {
  /**
   * Instead of a profile of its own (cookies, storage), the browser's, where pages can be hidden and frozen. At most
   * one test of a file uses it at a time.
   */
  readonly shared?: boolean;
  readonly viewport?: { readonly width: number; readonly height: number };
  readonly colorScheme?: 'light' | 'dark';
  /** A file that every host gives this page, whoever it is. */
  readonly served?: { readonly path: string; readonly body: string };
  /** What the page may complain of; anything else fails the test. */
  readonly mayLog?: RegExp;
}

export class Chromium {
  readonly #browser: Browser;
  readonly #child: ChildProcess;
  readonly #profile: string;

  private constructor(browser: Browser, child: ChildProcess, profile: string) {
    this.#browser = browser;
    this.#child = child;
    this.#profile = profile;
  }

  static async start(): Promise<Chromium> {
    const installed = await installChromium();
    const profile = await mkdtemp(join(tmpdir(), 'ringcast-profile-'));
    const { child, endpoint } = await launch(installed, profile);
    try {
      const browser = await chromium.connectOverCDP(endpoint, {
        noDefaults: true,
        timeout: START_TIMEOUT_MS,
      });
      return new Chromium(browser, child, profile);
    } catch (error) {
      child.kill('SIGKILL');
      throw error;
    }
  }

  /** A page that shows `url`, closed when the test is over; an error that it did not expect fails the test. */
  async open(url: string, { shared = false, mayLog, served, ...looks }: PageOptions = {}): Promise<Page> {
    const context = shared ? this.#browser.contexts()[0]! : await this.#browser.newContext(looks);
    const page = await context.newPage();
    const complaints = complaintsOf(page, mayLog);
    onTestFinished(() => closePage(page, shared ? undefined : context));
    onTestFinished(() => expect(complaints, 'what the page complained of').toEqual([]));
    if (served) await serve(page, served);
    await page.goto(url);
    return page;
  }

  async stop(): Promise<void> {
    await this.#browser.close().catch(() => {});
    const ended =
      this.#child.exitCode === null && this.#child.signalCode === null && once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await ended;
    await rm(this.#profile, { recursive: true, force: true, maxRetries: 5 });
  }
}

async function closePage(page: Page, context: BrowserContext | undefined): Promise<void> {
  await page.close();
  await context?.close();
}

async function serve(page: Page, { path, body }: NonNullable<PageOptions['served']>): Promise<void> {
  const headers = { 'access-control-allow-origin': '*' };
  await page.route(`**${path}`, (route) => route.fulfill({ contentType: 'text/javascript', headers, body }));
}

function complaintsOf(page: Page, mayLog: RegExp | undefined): string[] {
  const complaints: string[] = [];
  const note = (text: string) => {
    // Chromium logs each failed connection, which here is what is tested.
    if (!/WebSocket connection to .* failed|favicon/.test(text) && !mayLog?.test(text)) complaints.push(text);
  };
  page.on('pageerror', (error) => note(error.stack ?? String(error)));
  page.on(
    'console',
    (message) => message.type() === 'error' && note(`${message.text()} ${message.location().url}`),
  );
  page.on('crash', () => note('the page crashed'));
  return complaints;
}

/** Resolves once it says where it listens. */
async function launch(
  { executable, env }: InstalledChromium,
  profile: string,
): Promise<{ readonly child: ChildProcess; readonly endpoint: string }> {
  const child = spawn(executable, [...ARGS, `--user-data-dir=${profile}`, 'about:blank'], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  const endpoint = await new Promise<string>((resolve, reject) => {
    const fail = (why: string) =>
      reject(new Error(`Chromium did not start: ${why}; it said:\n${said.slice(-3000)}`));
    const deadline = setTimeout(() => {
      child.kill('SIGKILL');
      fail(`not within ${START_TIMEOUT_MS} ms`);
    }, START_TIMEOUT_MS);
    child.on('error', (error) => fail(error.message));
    child.on('exit', (code, signal) => fail(`it ended with ${code ?? signal}`));
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      said = (said + text).slice(-10_000);
      const found = /DevTools listening on (ws:\S+)/.exec(said)?.[1];
      if (!found) return;
      clearTimeout(deadline);
      resolve(found);
    });
  });
  return { child, endpoint };
}
