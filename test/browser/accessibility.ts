/** What axe-core finds fault with in a page. The tests' only use of it. */
import axe from 'axe-core';
import { expect } from 'vitest';
import type { Page } from './chromium.ts';

/** Nothing that it calls serious or critical. */
export async function expectAccessible(page: Page): Promise<void> {
  if (!(await page.evaluate(() => 'axe' in window))) await page.evaluate(axe.source);
  const found = await page.evaluate(async () => {
    const { axe } = window as unknown as { axe: typeof import('axe-core') };
    const { violations } = await axe.run({ resultTypes: ['violations'] });
    return violations.flatMap(({ id, impact, nodes }) =>
      impact === 'serious' || impact === 'critical'
        ? nodes.map(({ html }) => `${impact} ${id}: ${html}`)
        : [],
    );
  });
  expect(found).toEqual([]);
}
