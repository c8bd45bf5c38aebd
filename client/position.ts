/**
 * Where records and gaps lie against a reader's cursor. Pure. These are the contract's invariants:
 *
 *     P1  a record at or before the cursor is not handed on again
 *     P2  what lies between the cursor and the next record is nothing, or was announced by a gap
 *     P3  the cursor only moves forward, and only past what was handed on or announced
 *
 * Asked by subscription-state (what comes by push) and reader-state (what comes by push or pull).
 */
import type { RunFields, SparseBatch, StateFrame } from '../shared/frames.ts';
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

/** The position of records of one epoch with holes among them, each of which is announced. */
export type SparsePlace = Pick<SparseBatch, 'epoch' | 'prevOffset' | 'offsets' | 'missing'>;

/** A gap, or the records `from` up to but not `to`. */
export type SparsePart = { readonly gap: Gap } | { readonly from: number; readonly to: number };

export type SparseVerdict =
  | { readonly kind: 'skip' }
  | { readonly kind: 'hole' }
  /** What is new of it, in order; the cursor behind all of it. */
  | { readonly kind: 'take'; readonly parts: readonly SparsePart[]; readonly cursor: Cursor };

/** The position of newest records of their keys. */
export type StatePlace = Pick<StateFrame, 'epoch' | 'offsets'>;

/** Any of the above. */
export type Verdict =
  | { readonly kind: 'skip' }
  | { readonly kind: 'hole' }
  | { readonly kind: 'take'; readonly cursor: Cursor };
export type Taken<V extends Verdict> = Extract<V, { readonly kind: 'take' }>;

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

/** As {@link placeRun}, with a gap for each hole; of one that the cursor lies in, only the part behind it. */
export function placeSparse(
  cursor: Cursor,
  { epoch, prevOffset, offsets, missing }: SparsePlace,
): SparseVerdict {
  const last = { epoch, offset: offsets.at(-1) ?? 0 };
  if (offsets.length === 0 || compareCursors(last, cursor) <= 0) return SKIP; // P1
  const isHole = epoch > cursor.epoch || prevOffset > cursor.offset;
  if (isHole && !isOrigin(cursor)) return HOLE; // P2
  const parts: SparsePart[] = [];
  let from = epoch === cursor.epoch ? offsets.findIndex((offset) => offset > cursor.offset) : 0;
  for (const { index, count, reason } of missing) {
    if (index < from || index >= offsets.length) continue;
    if (index > from) parts.push({ from, to: index });
    const begin = { epoch, offset: index === 0 ? prevOffset : offsets[index - 1]! };
    const upTo = { epoch, offset: offsets[index]! - 1 };
    const after = laterCursor(begin, cursor);
    const isPart = after !== begin;
    if (compareCursors(upTo, after) > 0)
      parts.push({ gap: { after, upTo, count: isPart ? null : count, reason } });
    from = index;
  }
  parts.push({ from, to: offsets.length });
  return { kind: 'take', parts, cursor: last };
}

/** How many of the records were handed on before, where the last that was is at `after`. */
export function knownOfState(after: Cursor, { epoch, offsets }: StatePlace): number {
  const known = offsets.findIndex((offset) => compareCursors({ epoch, offset }, after) > 0);
  return known === -1 ? offsets.length : known;
}

/** `0-0` stands before whatever history there is, so what comes first follows it; retention's part comes as a gap. */
export function isOrigin(cursor: Cursor): boolean {
  return cursor.epoch === 0;
}

export function laterCursor(a: Cursor, b: Cursor): Cursor {
  return compareCursors(a, b) >= 0 ? a : b;
}
