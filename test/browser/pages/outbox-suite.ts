/** Runs the suite of outbox stores over IndexedDB: `window.suite` resolves with what each claim came to. */
import { IndexedDbOutbox } from '../../../client/stores.ts';
import { OUTBOX_STORE_SUITE } from '../../conformance/outbox-store-suite.ts';

declare global {
  interface Window {
    suite: Promise<string[]>;
  }
}

async function runAll(): Promise<string[]> {
  const results: string[] = [];
  for (const { title, run } of OUTBOX_STORE_SUITE) {
    try {
      await run(() => new IndexedDbOutbox(title));
      results.push(`${title}: ok`);
    } catch (error) {
      results.push(`${title}: ${String(error)}`);
    }
  }
  return results;
}

window.suite = runAll();
