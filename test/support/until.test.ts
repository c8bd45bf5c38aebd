import { expect, test } from 'vitest';
import { until } from './until.ts';

test('resolves with what the condition gives once it gives something', async () => {
  let asked = 0;
  const found = await until(() => (++asked === 3 ? 'found' : undefined), { what: 'the third' });
  expect([found, asked]).toEqual(['found', 3]);
});

test('a condition that throws is not fulfilled yet', async () => {
  let asked = 0;
  const condition = async () => {
    if (++asked < 3) throw new Error('not yet');
    return asked;
  };
  expect(await until(condition, { what: 'the third' })).toBe(3);
});

test('at the deadline it says what it waited for and what it found', async () => {
  const options = { timeoutMs: 5, what: 'rain' };
  await expect(until(() => false, options)).rejects.toThrow('waited 5 ms for rain; have false');
  const have = () => ({ clouds: 2 });
  await expect(until(() => 0, { ...options, have })).rejects.toThrow(
    'waited 5 ms for rain; have { clouds: 2 }',
  );
  const thrown = new Error('no sky');
  const condition = () => Promise.reject(thrown);
  await expect(until(condition, options)).rejects.toMatchObject({
    message: 'waited 5 ms for rain; have thrown Error: no sky',
    cause: thrown,
  });
});
