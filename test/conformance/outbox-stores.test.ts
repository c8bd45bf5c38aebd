/** The suite in Node; in a browser's IndexedDB it runs in test/browser/stores.test.ts. */
import { describe, test } from 'vitest';
import { MemoryOutbox } from '../support/memory-outbox.ts';
import { OUTBOX_STORE_SUITE } from './outbox-store-suite.ts';

describe('the outbox store in memory', () => {
  test.each(OUTBOX_STORE_SUITE)('$title', async ({ run }) => {
    const store = new MemoryOutbox();
    await run(() => store);
  });
});
