import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { knownOfState, placeGap, placeRun, placeSparse } from '../../../client/position.ts';
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

describe('the place of a sparse batch', () => {
  const hole = (index: number, count: number | null, reason: Gap['reason'] = 'conflated') => ({
    index,
    count,
    reason,
  });
  const batch = {
    epoch: 3,
    prevOffset: 10,
    offsets: [13, 14, 18],
    missing: [hole(0, 2), hole(2, 3, 'dropped')],
  };
  const first = { after: at(3, 10), upTo: at(3, 12), count: 2, reason: 'conflated' };
  const second = { after: at(3, 14), upTo: at(3, 17), count: 3, reason: 'dropped' };

  test.each([
    ['at the cursor', 10, [{ gap: first }, { from: 0, to: 2 }, { gap: second }, { from: 2, to: 3 }]],
    [
      'with the cursor in its first hole, whose count is then unknown',
      11,
      [
        { gap: { ...first, after: at(3, 11), count: null } },
        { from: 0, to: 2 },
        { gap: second },
        { from: 2, to: 3 },
      ],
    ],
    ['with the cursor at the end of a hole', 12, [{ from: 0, to: 2 }, { gap: second }, { from: 2, to: 3 }]],
    ['with known records', 13, [{ from: 1, to: 2 }, { gap: second }, { from: 2, to: 3 }]],
    ['known up to a hole', 14, [{ gap: second }, { from: 2, to: 3 }]],
    [
      'with the cursor in its last hole',
      16,
      [{ gap: { ...second, after: at(3, 16), count: null } }, { from: 2, to: 3 }],
    ],
  ])('%s', (_title, offset, parts) => {
    expect(placeSparse(at(3, offset), batch)).toEqual({ kind: 'take', parts, cursor: at(3, 18) });
  });

  test('before the cursor it is skipped; behind a hole that nothing announced it is not taken', () => {
    expect(placeSparse(at(3, 18), batch)).toEqual({ kind: 'skip' });
    expect(placeSparse(at(4, 2), batch)).toEqual({ kind: 'skip' });
    expect(placeSparse(at(3, 9), batch)).toEqual({ kind: 'hole' });
    expect(placeSparse(at(2, 10), batch)).toEqual({ kind: 'hole' });
    expect(placeSparse(at(0, 0), batch)).toMatchObject({ kind: 'take', cursor: at(3, 18) });
  });

  test('on any way gaps and records follow each other from the cursor to its end', () => {
    const arbitrary = fc.record({
      steps: fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 12 }),
      cursor: fc.integer({ min: 10, max: 60 }),
    });
    fc.assert(
      fc.property(arbitrary, ({ steps, cursor }) => {
        const offsets: number[] = [];
        const missing: ReturnType<typeof hole>[] = [];
        for (const step of steps) {
          const before = offsets.at(-1) ?? 10;
          if (step > 1) missing.push(hole(offsets.length, step - 1));
          offsets.push(before + step);
        }
        const verdict = placeSparse(at(3, cursor), { epoch: 3, prevOffset: 10, offsets, missing });
        if (verdict.kind !== 'take') return;
        let reached = cursor;
        for (const part of verdict.parts) {
          if ('gap' in part) {
            expect(part.gap.after.offset).toBe(reached);
            reached = part.gap.upTo.offset;
          } else {
            for (const offset of offsets.slice(part.from, part.to)) expect(offset).toBe(++reached);
          }
        }
        expect(reached).toBe(offsets.at(-1));
      }),
      { numRuns: 1000 },
    );
  });
});

describe('state that comes again', () => {
  test('is known up to the last record that was handed on', () => {
    const place = { epoch: 3, offsets: [4, 6, 9] };
    expect(
      [at(0, 0), at(2, 50), at(3, 4), at(3, 7), at(3, 9), at(4, 1)].map((after) =>
        knownOfState(after, place),
      ),
    ).toEqual([0, 0, 1, 2, 3, 3]);
  });
});
