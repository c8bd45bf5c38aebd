import { expect, test } from 'vitest';
import { type ConnectOptions, readSettings } from '../../../client/options.ts';

const read = (options: object) =>
  readSettings('ws://127.0.0.1:1', { token: null, ...options } as ConnectOptions, () => {
    throw new Error('not opened');
  });

test('an object that only looks like a store is refused, and what to extend is said', () => {
  const save = async () => {};
  expect(() => read({ cursorStore: { load: async () => undefined, save } })).toThrow(
    new TypeError('a store must extend CursorStore of ringcast/stores'),
  );
  expect(() => read({ outboxStore: { claim: save } })).toThrow(
    new TypeError('a store must extend OutboxStore of ringcast/stores'),
  );
});
