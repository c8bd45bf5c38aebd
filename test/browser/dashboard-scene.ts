/** A hub that serves the dashboard as its sources make it, and what tests ask its page for. */
import { copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundleDashboard } from '../../client/bundle/bundler.ts';
import { type Assets, loadAssets } from '../../server/net/assets.ts';
import { type StartOptions, startHub, type TestHub } from '../support/start-hub.ts';
import { until } from '../support/until.ts';
import type { Page } from './chromium.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** Such a hub tells its figures so often. */
export const FIGURES_MS = 250;

let assets: Promise<Assets> | undefined;

/** The dashboard as its sources make it now. */
export function dashboardAssets(): Promise<Assets> {
  assets ??= buildAssets();
  return assets;
}

/** As the build writes it, and as the hub reads it. */
async function buildAssets(): Promise<Assets> {
  const folder = await mkdtemp(join(tmpdir(), 'ringcast-dashboard-'));
  try {
    await mkdir(join(folder, 'dashboard'));
    const { files } = await bundleDashboard(ROOT);
    for (const { name, contents } of files) await writeFile(join(folder, 'dashboard', name), contents);
    await copyFile(join(ROOT, 'client/dashboard/index.html'), join(folder, 'dashboard', 'index.html'));
    return await loadAssets([folder]);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

export interface DashboardHub extends TestHub {
  /** Of the page, without a token. */
  readonly page: string;
  /** Of the page with a token for everything. */
  readonly link: string;
}

export async function startDashboard({ config, ...options }: StartOptions = {}): Promise<DashboardHub> {
  const figures = { intervalMs: FIGURES_MS };
  const hub = await startHub({ config: { figures, ...config }, assets: await dashboardAssets(), ...options });
  const page = `${hub.url.replace('ws:', 'http:')}/`;
  return { ...hub, page, link: `${page}#token=${await adminToken(hub)}` };
}

function adminToken(hub: TestHub): Promise<string> {
  return hub.token({ subscribe: ['>', '$sys.>'], admin: true });
}

/** The connection's badge. */
export async function statusOf(page: Page): Promise<string> {
  return (await page.getByRole('status').textContent()) ?? '';
}

export async function untilStatus(page: Page, status: string | RegExp, timeoutMs = 8000): Promise<void> {
  await until(async () => (await statusOf(page)).match(status), { what: `the status ${status}`, timeoutMs });
}

/** Waits until the view says so. */
export async function untilText(page: Page, text: string | RegExp, timeoutMs = 8000): Promise<void> {
  const have = () => page.locator('#app').textContent();
  await until(async () => (await have())?.match(text), { what: `the text ${text}`, timeoutMs, have });
}

/** Another view, as a link of the page goes there. */
export async function goTo(page: Page, path: string): Promise<void> {
  await page.evaluate((hash) => {
    location.hash = hash;
  }, path);
}

/** A figure's large number, by its card's title. */
export async function readingOf(page: Page, title: string): Promise<number> {
  const card = page.locator('article.card', { has: page.getByRole('heading', { name: title, exact: true }) });
  return Number((await card.locator('.reading').textContent())!.replace(/[^\d.]/g, ''));
}

export interface ShownRow {
  readonly kind: 'record' | 'gap';
  /** Of a record. */
  readonly offset: number;
  /** The record's data, or what the gap says. */
  readonly text: string;
  readonly withdrawn: boolean;
}

/** The tail as it is shown, newest first. */
export function rowsOf(page: Page): Promise<ShownRow[]> {
  return page.evaluate(() =>
    [...document.querySelectorAll('.tail-rows .row')].map((row): ShownRow => {
      const text = (part: string) => row.querySelector(part)?.textContent ?? '';
      const withdrawn = row.classList.contains('withdrawn');
      if (row.classList.contains('gap-row'))
        return { kind: 'gap', offset: 0, text: row.textContent ?? '', withdrawn };
      return { kind: 'record', offset: Number(text('.row-offset')), text: text('.row-data'), withdrawn };
    }),
  );
}

/** Waits until the tail has such a gap, and resolves with the rows. */
export async function untilGap(page: Page, reason: string): Promise<ShownRow[]> {
  const have = async () => (await rowsOf(page)).slice(0, 5);
  const isThere = async () => {
    const rows = await rowsOf(page);
    return rows.some((row) => isGap(row, reason)) && rows;
  };
  return (await until(isThere, { what: `a gap ${reason}`, timeoutMs: 8000, have })) as ShownRow[];
}

export function isGap(row: ShownRow, reason: string): boolean {
  return row.kind === 'gap' && row.text.includes(`Gap, ${reason}`);
}
