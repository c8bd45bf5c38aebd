import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type After,
  after as comesAfter,
  cursorBefore,
  type EpochStart,
  epochAt,
  headCursor,
  isKnown,
  type LogBounds,
} from '../../../server/log/log-bounds.ts';
import { type Cursor, compareCursors, type Gap } from '../../../shared/terms.ts';

/** What lies between two positions that follow each other. */
type Step = 'record' | 'trimmed' | 'boundary';

/** A log as the list of its positions, oldest first: the plainest thing that can answer what comes after one. */
interface Listed {
  readonly positions: readonly Cursor[];
  /** `steps[i]` leads from `positions[i]` to `positions[i + 1]`. */
  readonly steps: readonly Step[];
}

function listOf({ epochs, currentEpoch, oldestOffset, headOffset }: LogBounds): Listed {
  const positions: Cursor[] = [];
  const steps: Step[] = [];
  const current = { epoch: currentEpoch, prevOffset: headOffset };
  const all = epochs.at(-1)?.epoch === currentEpoch ? epochs : [...epochs, current];
  all.forEach(({ epoch, prevOffset }, i) => {
    if (i > 0) steps.push('boundary');
    positions.push({ epoch, offset: prevOffset });
    const endOffset = all[i + 1]?.prevOffset ?? headOffset;
    for (let offset = prevOffset + 1; offset <= endOffset; offset++) {
      steps.push(offset < oldestOffset ? 'trimmed' : 'record');
      positions.push({ epoch, offset });
    }
  });
  return { positions, steps };
}

function gap(from: Cursor, upTo: Cursor, reason: Gap['reason'], count: number | null): After {
  return { kind: 'gap', gap: { after: from, upTo, count, reason } };
}

/** The answer of the list. */
function expectedAfter(bounds: LogBounds, cursor: Cursor): After {
  const { positions, steps } = listOf(bounds);
  if (cursor.epoch > bounds.currentEpoch) return { kind: 'unknown-cursor' };
  const at =
    cursor.epoch === 0 ? 0 : positions.findIndex((position) => compareCursors(position, cursor) === 0);
  if (at < 0) return expectedOffList(bounds, positions, cursor);
  const step = steps[at];
  if (step === undefined) return { kind: 'head' };
  const from = positions[at]!;
  if (step === 'boundary') return gap(from, positions[at + 1]!, 'lost', null);
  let end = at;
  while (steps[end] === step) end++;
  const last = positions[end]!;
  if (step === 'trimmed') return gap(from, last, 'retention', end - at);
  return { kind: 'records', epoch: from.epoch, firstOffset: from.offset + 1, lastOffset: last.offset };
}

/** A cursor that the log, as it is now, has no position for. */
function expectedOffList({ currentEpoch }: LogBounds, positions: readonly Cursor[], cursor: Cursor): After {
  const ofEpoch = positions.filter(({ epoch }) => epoch === cursor.epoch);
  const beginning = ofEpoch[0];
  // Made up: before the epoch began. Nothing is known of how it came there.
  if (beginning && cursor.offset < beginning.offset) return gap(cursor, beginning, 'lost', null);
  if (cursor.epoch === currentEpoch) return { kind: 'unknown-cursor' };
  // Beyond the kept end of its epoch, which may have kept nothing at all: what was shown beyond it is withdrawn.
  const next = positions.find(({ epoch }) => epoch > cursor.epoch)!;
  const from = { epoch: cursor.epoch, offset: Math.min(cursor.offset, next.offset) };
  return gap(from, next, 'lost', null);
}

/** Bounds as crashes, trims and forgotten epochs make them. */
const anyBounds: fc.Arbitrary<LogBounds> = fc
  .record({
    // Offsets that ended before the first epoch that is still known.
    forgotten: fc.nat({ max: 5 }),
    eras: fc.array(fc.record({ skipped: fc.nat({ max: 2 }), records: fc.nat({ max: 5 }) }), { maxLength: 5 }),
    // 0: the channel has got records in the hub's epoch.
    ahead: fc.nat({ max: 2 }),
    trimmed: fc.nat({ max: 25 }),
  })
  .map(({ forgotten, eras, ahead, trimmed }) => {
    const epochs: EpochStart[] = [];
    let epoch = 0;
    let headOffset = eras.length > 0 ? forgotten : 0;
    const firstOffset = headOffset + 1;
    for (const { skipped, records } of eras) {
      epoch += 1 + skipped;
      epochs.push({ epoch, prevOffset: headOffset });
      headOffset += records;
    }
    const oldestOffset = Math.min(firstOffset + trimmed, headOffset + 1);
    return { epochs, currentEpoch: Math.max(1, epoch + ahead), oldestOffset, headOffset };
  });

const boundsAndCursor = anyBounds.chain((bounds) =>
  fc.record({
    bounds: fc.constant(bounds),
    cursor: fc.record({
      epoch: fc.nat({ max: bounds.currentEpoch + 1 }),
      offset: fc.nat({ max: bounds.headOffset + 3 }),
    }),
  }),
);

const RUNS = { numRuns: 3000 };

describe('after', () => {
  test('gives for every cursor what a list of all positions gives', () => {
    fc.assert(
      fc.property(boundsAndCursor, ({ bounds, cursor }) => {
        expect(comesAfter(bounds, cursor)).toEqual(expectedAfter(bounds, cursor));
        expect(isKnown(bounds, cursor)).toBe(expectedAfter(bounds, cursor).kind !== 'unknown-cursor');
      }),
      RUNS,
    );
  });

  test('followed from any known cursor comes to the head, over records and gaps that tile the way', () => {
    fc.assert(
      fc.property(boundsAndCursor, ({ bounds, cursor }) => {
        fc.pre(isKnown(bounds, cursor));
        const { epochs, headOffset, oldestOffset } = bounds;
        const seen: number[] = [];
        let at = cursor;
        // Each epoch costs at most a trim, its records and a boundary.
        for (let steps = 3 * epochs.length + 4; ; steps--) {
          expect(steps).toBeGreaterThan(0);
          const next = comesAfter(bounds, at);
          if (next.kind === 'head') break;
          if (next.kind === 'unknown-cursor') throw new Error('a cursor on the way is unknown');
          const to = next.kind === 'gap' ? next.gap.upTo : { epoch: next.epoch, offset: next.lastOffset };
          if (next.kind === 'records') {
            expect([next.epoch, next.firstOffset]).toEqual([
              at.epoch === 0 ? epochs[0]!.epoch : at.epoch,
              at.epoch === 0 ? epochs[0]!.prevOffset + 1 : at.offset + 1,
            ]);
            for (let offset = next.firstOffset; offset <= next.lastOffset; offset++) seen.push(offset);
          } else if (at.epoch !== 0) {
            // A gap begins at the cursor, or withdraws what lies between a kept end and the cursor.
            const { after: from, reason } = next.gap;
            expect(from.epoch).toBe(at.epoch);
            if (reason === 'lost') expect(from.offset).toBeLessThanOrEqual(at.offset);
            else expect(from).toEqual(at);
          }
          expect(compareCursors(to, at)).toBeGreaterThan(0);
          at = to;
        }
        if (at.epoch !== 0) expect(at).toEqual(headCursor(bounds));
        else expect(oldestOffset).toBe(headOffset + 1);
        // Every readable record once, in order, from some one on; from the beginning, all.
        const first = seen[0] ?? headOffset + 1;
        expect(seen).toEqual(Array.from({ length: headOffset + 1 - first }, (_, i) => first + i));
        if (cursor.epoch === 0) expect(first).toBe(oldestOffset);
      }),
      RUNS,
    );
  });

  const crashed: LogBounds = {
    epochs: [
      { epoch: 3, prevOffset: 0 },
      { epoch: 5, prevOffset: 104 },
    ],
    currentEpoch: 5,
    oldestOffset: 41,
    headOffset: 130,
  };

  test.each<[string, LogBounds, Cursor, After]>([
    [
      'a kept place gives the rest of its epoch',
      crashed,
      { epoch: 3, offset: 60 },
      { kind: 'records', epoch: 3, firstOffset: 61, lastOffset: 104 },
    ],
    [
      'a trimmed place gives an exact gap',
      crashed,
      { epoch: 3, offset: 10 },
      gap({ epoch: 3, offset: 10 }, { epoch: 3, offset: 40 }, 'retention', 30),
    ],
    [
      'the kept end of an epoch gives the boundary',
      crashed,
      { epoch: 3, offset: 104 },
      gap({ epoch: 3, offset: 104 }, { epoch: 5, offset: 104 }, 'lost', null),
    ],
    [
      'beyond the kept end, what was shown is withdrawn',
      crashed,
      { epoch: 3, offset: 110 },
      gap({ epoch: 3, offset: 104 }, { epoch: 5, offset: 104 }, 'lost', null),
    ],
    [
      'of an epoch that kept nothing, what was shown is withdrawn too',
      crashed,
      { epoch: 4, offset: 107 },
      gap({ epoch: 4, offset: 104 }, { epoch: 5, offset: 104 }, 'lost', null),
    ],
    [
      'in a hub whose epoch has no records here yet, its cursor is the head',
      { ...crashed, currentEpoch: 7 },
      { epoch: 7, offset: 130 },
      { kind: 'head' },
    ],
    [
      'and the last epoch with records ends with a boundary',
      { ...crashed, currentEpoch: 7 },
      { epoch: 5, offset: 130 },
      gap({ epoch: 5, offset: 130 }, { epoch: 7, offset: 130 }, 'lost', null),
    ],
    [
      'epoch 0 stands for the beginning, whatever the offset',
      { ...crashed, oldestOffset: 1 },
      { epoch: 0, offset: 77 },
      { kind: 'records', epoch: 3, firstOffset: 1, lastOffset: 104 },
    ],
    ['beyond the head is unknown', crashed, { epoch: 5, offset: 131 }, { kind: 'unknown-cursor' }],
    ['an epoch to come is unknown', crashed, { epoch: 6, offset: 1 }, { kind: 'unknown-cursor' }],
    [
      'after the folder was wiped, all that was shown is withdrawn',
      { epochs: [{ epoch: 9, prevOffset: 0 }], currentEpoch: 9, oldestOffset: 1, headOffset: 2 },
      { epoch: 5, offset: 130 },
      gap({ epoch: 5, offset: 0 }, { epoch: 9, offset: 0 }, 'lost', null),
    ],
    [
      'an empty channel of a wiped folder too',
      { epochs: [], currentEpoch: 9, oldestOffset: 1, headOffset: 0 },
      { epoch: 5, offset: 130 },
      gap({ epoch: 5, offset: 0 }, { epoch: 9, offset: 0 }, 'lost', null),
    ],
    [
      'a channel without records is at its head from the beginning',
      { epochs: [], currentEpoch: 9, oldestOffset: 1, headOffset: 0 },
      { epoch: 0, offset: 0 },
      { kind: 'head' },
    ],
  ])('%s', (_, bounds, cursor, expected) => {
    expect(comesAfter(bounds, cursor)).toEqual(expected);
  });
});

describe('epochAt and cursorBefore', () => {
  test('name the place just before each readable record, which then comes next', () => {
    fc.assert(
      fc.property(anyBounds, (bounds) => {
        for (let offset = bounds.oldestOffset; offset <= bounds.headOffset; offset++) {
          const cursor = cursorBefore(bounds, offset);
          expect(cursor).toEqual({ epoch: epochAt(bounds, offset), offset: offset - 1 });
          expect(comesAfter(bounds, cursor)).toMatchObject({
            kind: 'records',
            epoch: cursor.epoch,
            firstOffset: offset,
          });
        }
        expect(cursorBefore(bounds, bounds.headOffset + 1)).toEqual(headCursor(bounds));
      }),
      RUNS,
    );
  });
});
