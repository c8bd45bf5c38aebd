import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { placeGap, placeRun } from '../../../client/position.ts';
import { compareCursors, type Gap } from '../../../shared/terms.ts';

const at = (epoch: number, offset: number) => ({ epoch, offset });
const run = (epoch: number, prevOffset: number, firstOffset: number, count: number) => ({
  epoch,
  prevOffset,
  firstOffset,
  count,
});

describe('the place of a run', () => {
  test.each([
    ['right behind the cursor', at(3, 10), run(3, 10, 11, 5), { kind: 'take', skip: 0, cursor: at(3, 15) }],
    ['partly known', at(3, 12), run(3, 10, 11, 5), { kind: 'take', skip: 2, cursor: at(3, 15) }],
    ['all known', at(3, 15), run(3, 10, 11, 5), { kind: 'skip' }],
    ['of an earlier epoch', at(4, 2), run(3, 10, 11, 5), { kind: 'skip' }],
    ['empty', at(3, 10), run(3, 10, 11, 0), { kind: 'skip' }],
    ['beyond a hole', at(3, 10), run(3, 11, 12, 5), { kind: 'hole' }],
    ['of a later epoch, unannounced', at(3, 10), run(4, 10, 11, 5), { kind: 'hole' }],
    ['first of all, read from 0-0', at(0, 0), run(3, 0, 1, 5), { kind: 'take', skip: 0, cursor: at(3, 5) }],
    [
      'behind offsets that do not exist',
      at(3, 10),
      run(3, 10, 20, 5),
      { kind: 'take', skip: 0, cursor: at(3, 24) },
    ],
  ] as const)('%s', (_title, cursor, place, verdict) => {
    expect(placeRun(cursor, place)).toEqual(verdict);
  });

  test('whatever is taken lies behind the cursor, moves it forward, and follows it without a hole', () => {
    const small = fc.integer({ min: 0, max: 12 });
    fc.assert(
      fc.property(small, small, small, small, small, small, (e, o, re, prev, extra, count) => {
        const cursor = at(e, o);
        const place = run(re, prev, prev + 1 + (extra % 3), count);
        const verdict = placeRun(cursor, place);
        if (verdict.kind !== 'take') return;
        const first = at(re, place.firstOffset + verdict.skip);
        expect(compareCursors(first, cursor)).toBeGreaterThan(0);
        expect(compareCursors(verdict.cursor, first)).toBeGreaterThanOrEqual(0);
        // What is read from 0-0 begins wherever the history does.
        if (e > 0) expect(re).toBe(e);
        if (e > 0) expect(prev).toBeLessThanOrEqual(o);
      }),
      { numRuns: 2000 },
    );
  });
});

describe('the place of a gap', () => {
  const lost: Gap = { after: at(3, 104), upTo: at(4, 104), count: null, reason: 'lost' };
  const retention: Gap = { after: at(3, 10), upTo: at(3, 50), count: 40, reason: 'retention' };

  test('a gap at the cursor is told as it is', () => {
    expect(placeGap(at(3, 10), retention)).toEqual({ kind: 'take', gap: retention, cursor: at(3, 50) });
  });

  test('lost records that were shown are withdrawn: the gap keeps its beginning', () => {
    expect(placeGap(at(3, 110), lost)).toEqual({ kind: 'take', gap: lost, cursor: at(4, 104) });
  });

  test('of any other gap only the unread part is told, and its count is then unknown', () => {
    expect(placeGap(at(3, 20), retention)).toEqual({
      kind: 'take',
      gap: { after: at(3, 20), upTo: at(3, 50), count: null, reason: 'retention' },
      cursor: at(3, 50),
    });
  });

  test('a gap that was told before is not told again', () => {
    expect(placeGap(at(3, 50), retention)).toEqual({ kind: 'skip' });
    expect(placeGap(at(4, 105), lost)).toEqual({ kind: 'skip' });
  });

  test('a gap that begins beyond the cursor leaves a hole before it', () => {
    expect(placeGap(at(3, 9), retention)).toEqual({ kind: 'hole' });
  });
});
