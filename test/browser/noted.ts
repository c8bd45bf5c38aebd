/** What the notebook page wrote down, as a test asks for it. */
import { inspect } from 'node:util';
import { expect } from 'vitest';
import { until } from '../support/until.ts';
import type { Page } from './chromium.ts';
import type { NotedGap, NotedRecord } from './pages/notebook.ts';

export type Entry = NotedRecord | NotedGap;

export const entriesOf = (page: Page): Promise<Entry[]> => page.evaluate(() => window.notebook.entries);
export const statusesOf = (page: Page): Promise<string[]> => page.evaluate(() => window.notebook.statuses);

/** Waits until the record with this data is there, and resolves with all that is. */
export async function untilNoted(page: Page, data: unknown, timeoutMs = 10_000): Promise<Entry[]> {
  const isNoted = () =>
    page.evaluate(
      (wanted) => window.notebook.entries.some((entry) => 'data' in entry && entry.data === wanted),
      data,
    );
  try {
    await until(isNoted, { what: `the page to note ${String(data)}`, timeoutMs });
  } catch (cause) {
    const { entries, statuses, errors } = await page.evaluate(() => {
      const { entries, statuses, errors } = window.notebook;
      return { entries: entries.slice(-5), statuses, errors };
    });
    throw new Error(`${String(cause)}; it notes ${inspect({ entries, statuses, errors })}`, { cause });
  }
  return entriesOf(page);
}

export async function untilStatus(page: Page, status: string, timeoutMs = 10_000): Promise<void> {
  await until(async () => (await statusesOf(page)).at(-1) === status, {
    what: `the status ${status}`,
    timeoutMs,
  });
}

/** Each of `first…last` once and in order, and no gap. */
export function expectEach(entries: readonly Entry[], first: number, last: number): void {
  const data = entries.map((entry) => ('gap' in entry ? entry : entry.data));
  expect(data).toEqual(Array.from({ length: last - first + 1 }, (_, index) => first + index));
}

/** Cursors that grow: by epoch, within one by offset. */
export function expectInOrder(entries: readonly Entry[]): void {
  const cursors = entries.flatMap((entry) => ('gap' in entry ? [] : [entry.cursor.split('-').map(Number)]));
  for (const [index, [epoch, offset]] of cursors.entries()) {
    const [epochBefore, offsetBefore] = cursors[index - 1] ?? [0, 0];
    const grows = epoch! > epochBefore! || (epoch === epochBefore && offset! > offsetBefore!);
    expect(grows, `${epoch}-${offset} behind ${epochBefore}-${offsetBefore}`).toBe(true);
  }
}
