import { describe, expect, test } from 'vitest';
import { judgeEntries, judgeSequence, type ProducerMemory } from '../../../server/hub/sequence.ts';

describe('one entry', () => {
  const judge = (sequence: number, first: boolean, last: number | undefined, forgotten = false) =>
    judgeSequence({ sequence, first }, last, forgotten);

  test.each([
    [5, false, 4, 'accept'],
    [4, false, 4, 'duplicate'],
    [1, false, 4, 'duplicate'],
    [6, false, 4, 'out-of-sequence'],
    [6, true, 4, 'accept'],
    [4, true, 4, 'duplicate'],
    [1, true, undefined, 'accept'],
    [9, true, undefined, 'accept'],
    [1, false, undefined, 'out-of-sequence'],
  ] as const)('%i (first: %s) after %s is: %s', (sequence, first, last, verdict) => {
    expect(judge(sequence, first, last)).toBe(verdict);
  });

  test('of a producer that may have been forgotten is never taken in silence', () => {
    expect(judge(1, true, undefined, true)).toBe('producer-unknown');
  });

  test('of a producer that is remembered is judged by what is remembered, whoever else was forgotten', () => {
    expect(judge(5, false, 4, true)).toBe('accept');
  });
});

describe('a frame', () => {
  const memory = (last: number | undefined): ProducerMemory => ({
    lastSequence: () => last,
    mayHaveForgotten: (sinceMs) => sinceMs !== undefined && sinceMs < 100,
  });
  const entry = (sequence?: number, first = false) => ({ channel: 'a', records: [], sequence, first });
  const code = (wanted: string) => expect.objectContaining({ code: wanted });

  test('counts on within itself where a channel comes twice', () => {
    const one = memory(4);
    expect(judgeEntries('p', [entry(5), entry(6)], [one, one], undefined)).toBe('accept');
    expect(() => judgeEntries('p', [entry(5), entry(7)], [one, one], undefined)).toThrow(
      code('out-of-sequence'),
    );
  });

  test('is a duplicate only as a whole', () => {
    expect(judgeEntries('p', [entry(4), entry(2)], [memory(4), memory(2)], 50)).toBe('duplicate');
    expect(() => judgeEntries('p', [entry(4), entry(3)], [memory(4), memory(2)], 50)).toThrow(
      code('out-of-sequence'),
    );
    expect(() => judgeEntries('p', [entry(4), entry()], [memory(4), memory(2)], 50)).toThrow(
      code('out-of-sequence'),
    );
  });

  test('that was sent before is refused where it may have been taken and forgotten, and only there', () => {
    const gone = memory(undefined);
    expect(() => judgeEntries('p', [entry(1, true)], [gone], 50)).toThrow(code('producer-unknown'));
    expect(judgeEntries('p', [entry(1, true)], [gone], 150)).toBe('accept');
    expect(judgeEntries('p', [entry(1, true)], [gone], undefined)).toBe('accept');
  });
});
