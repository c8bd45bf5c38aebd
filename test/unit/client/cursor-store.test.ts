import { expect, test } from 'vitest';
import { MemoryCursorStore } from '../../../client/stores/cursor-store.ts';

test('a cursor store gives back what was saved last under a name', async () => {
  const cursors = new MemoryCursorStore();
  expect(await cursors.load('prices')).toBeUndefined();
  await cursors.save('prices', '3-1');
  await cursors.save('prices', '3-2');
  await cursors.save('orders', '3-9');
  expect(await cursors.load('prices')).toBe('3-2');
});
