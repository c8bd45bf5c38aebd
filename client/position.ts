/**
 * Where records and gaps lie against a reader's cursor. Pure. These are the contract's invariants:
 *
 *     P1  a record at or before the cursor is not handed on again
 *     P2  what lies between the cursor and the next record is nothing, or was announced by a gap
 *     P3  the cursor only moves forward, and only past what was handed on or announced
 *
 * Asked by subscription-state (what comes by push) and reader-state (what comes by push or pull).
 */
import type { RunFields } from '../shared/frames.ts';
import { type Cursor, compareCursors, type Gap } from '../shared/terms.ts';

/** The position of a run of records with consecutive offsets. */
export type RunPlace = Pick<RunFields, 'epoch' | 'prevOffset' | 'firstOffset' | 'count'>;

export type RunVerdict =
  /** All of it is old. */
  | { readonly kind: 'skip' }
  /** Something is missing before it that no gap announced. */
  | { readonly kind: 'hole' }
  /** All but the first `skip` records are new; the cursor behind them. */
  | { readonly kind: 'take'; readonly skip: number; readonly cursor: Cursor };

export type GapVerdict =
  | { readonly kind: 'skip' }
  | { readonly kind: 'hole' }
  | { readonly kind: 'take'; readonly gap: Gap; readonly cursor: Cursor };

const SKIP = { kind: 'skip' } as const;
const HOLE = { kind: 'hole' } as const;

export function placeRun(cursor: Cursor, run: RunPlace): RunVerdict {
  const last = { epoch: run.epoch, offset: run.firstOffset + run.count - 1 };
  if (run.count === 0 || compareCursors(last, cursor) <= 0) return SKIP; // P1
  const isHole = run.epoch > cursor.epoch || run.prevOffset > cursor.offset;
  if (isHole && !isOrigin(cursor)) return HOLE; // P2
  const known = run.epoch === cursor.epoch ? cursor.offset - run.firstOffset + 1 : 0;
  return { kind: 'take', skip: Math.max(0, known), cursor: last };
}

/**
 * A `lost` gap may begin before the cursor: it withdraws what was shown behind its `after`, and is handed on as it is.
 * Of any other the reader is told only the part that it has not read, and then nobody knows how many that are.
 */
export function placeGap(cursor: Cursor, gap: Gap): GapVerdict {
  if (compareCursors(gap.upTo, cursor) <= 0) return SKIP;
  const ahead = compareCursors(gap.after, cursor);
  if (ahead > 0 && !isOrigin(cursor)) return HOLE;
  const told = ahead === 0 || gap.reason === 'lost' ? gap : { ...gap, after: cursor, count: null };
  return { kind: 'take', gap: told, cursor: gap.upTo };
}

/** `0-0` stands before whatever history there is, so what comes first follows it; retention's part comes as a gap. */
function isOrigin(cursor: Cursor): boolean {
  return cursor.epoch === 0;
}

export function laterCursor(a: Cursor, b: Cursor): Cursor {
  return compareCursors(a, b) >= 0 ? a : b;
}
