import { expect, test } from 'vitest';
import { Requests } from '../../../client/requests.ts';
import type { Ok } from '../../../shared/frames.ts';

function fixture() {
  const told: string[] = [];
  const requests = new Requests();
  const ask = (name: string) =>
    requests.add<Ok>({
      answered: ({ result }) => told.push(`${name} answered ${JSON.stringify(result)}`),
      refused: (error) => told.push(`${name} refused ${error.code} ${error.retryAfterMs}`),
      lost: () => told.push(`${name} lost`),
    });
  return { told, requests, ask };
}

const ok = (id: number): Ok => ({ op: 'ok', id, result: { n: id } });
const error = (id: number | null) =>
  ({ op: 'error', id, code: 'overloaded', message: 'busy', details: { retryAfterMs: 50 } }) as const;

test('each request hears of its own answer, once', () => {
  const { told, requests, ask } = fixture();
  const ids = [ask('a'), ask('b')];
  requests.answered(ok(ids[1]!));
  requests.answered(ok(ids[1]!));
  expect(requests.refused(error(ids[0]!))).toBe(true);
  expect(requests.refused(error(ids[0]!))).toBe(false);
  expect(requests.refused(error(null))).toBe(false);
  expect(told).toEqual(['b answered {"n":2}', 'a refused overloaded 50']);
});

test('ids begin at 1 and are never used again, as 0 and old ones mean something else', () => {
  const { requests, ask } = fixture();
  expect([ask('a'), ask('b')]).toEqual([1, 2]);
  requests.lost();
  expect(ask('c')).toBe(3);
});

test('a lost connection loses what is open, and what its handlers ask for anew is kept', () => {
  const { told, requests, ask } = fixture();
  const id = requests.add<Ok>({ answered: () => {}, refused: () => {}, lost: () => ask('again') });
  ask('b');
  requests.lost();
  expect(told).toEqual(['b lost']);
  requests.answered(ok(id + 2));
  expect(told).toEqual(['b lost', 'again answered {"n":3}']);
});
