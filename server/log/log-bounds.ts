/**
 * What comes after a cursor: the pure heart of resuming. Given what a log holds, every cursor has exactly one answer:
 * records, a gap, the head, or that it belongs to another history. No I/O; log-reader asks it before each page.
 *
 *     epoch 3          epoch 5                      head
 *     ├────────────────┼────────────────────────────┤
 *     1      oldest   104  105                     130       offsets run on over epochs
 *
 * The end of each epoch but the current one is where the hub lost what it had only in memory (a new epoch begins for
 * no other reason), so whoever crosses it is told `lost`, count unknown (I8), and if it was shown more, from where on that
 * is withdrawn (I5).
 */
import type { Cursor, Epoch, Gap, Offset } from '../../shared/terms.ts';

/** An epoch in which the channel got records, and the offset just before the first of them. */
export interface EpochStart {
  readonly epoch: Epoch;
  readonly prevOffset: Offset;
}

export interface LogBounds {
  /** Ascending. Older ones may have been forgotten; the first then stands for them. */
  readonly epochs: readonly EpochStart[];
  /** The hub's epoch, whether or not this channel has got records in it. */
  readonly currentEpoch: Epoch;
  /** First readable record; head + 1 when there is none. */
  readonly oldestOffset: Offset;
  /** Newest record that may be read; 0 when there never was one. */
  readonly headOffset: Offset;
}

export type After =
  | {
      readonly kind: 'records';
      readonly epoch: Epoch;
      readonly firstOffset: Offset;
      readonly lastOffset: Offset;
    }
  | { readonly kind: 'gap'; readonly gap: Gap }
  | { readonly kind: 'head' }
  /** Beyond the head of its own epoch, or of an epoch to come. */
  | { readonly kind: 'unknown-cursor' };

export function headCursor(bounds: LogBounds): Cursor {
  return { epoch: bounds.currentEpoch, offset: bounds.headOffset };
}

/** The epoch that the record at `offset` was appended in. */
export function epochAt(bounds: LogBounds, offset: Offset): Epoch {
  const { epochs } = bounds;
  for (let i = epochs.length - 1; i >= 0; i--) {
    if (epochs[i]!.prevOffset < offset) return epochs[i]!.epoch;
  }
  return epochs[0]?.epoch ?? bounds.currentEpoch;
}

/** The cursor just before the record at `offset`; the head where that lies beyond it. */
export function cursorBefore(bounds: LogBounds, offset: Offset): Cursor {
  if (offset > bounds.headOffset) return headCursor(bounds);
  return { epoch: epochAt(bounds, offset), offset: offset - 1 };
}

/** What a reader at `cursor` is to be given next. */
export function after(bounds: LogBounds, cursor: Cursor): After {
  const { epochs, currentEpoch, headOffset } = bounds;
  if (cursor.epoch > currentEpoch) return { kind: 'unknown-cursor' };
  // Epoch 0 never was: it stands for the beginning of whatever history there is.
  if (cursor.epoch === 0) return after(bounds, beginning(bounds));
  const current = epochs.findLast(({ epoch }) => epoch <= cursor.epoch);
  const next = nextEpoch(bounds, cursor.epoch);
  const endOffset = next ? next.prevOffset : headOffset;
  if (!next && cursor.offset > headOffset) return { kind: 'unknown-cursor' };
  if (next && cursor.offset >= endOffset) return lost({ epoch: cursor.epoch, offset: endOffset }, next);
  if (current?.epoch !== cursor.epoch) {
    // Nothing was kept of the cursor's epoch.
    if (next) return lost(cursor, next);
    if (cursor.offset === headOffset) return { kind: 'head' };
    return lost(cursor, { epoch: currentEpoch, prevOffset: headOffset });
  }
  if (cursor.offset < current.prevOffset) return lost(cursor, current);
  if (cursor.offset === headOffset) return { kind: 'head' };
  return trimmedOrThere(bounds, cursor, endOffset);
}

/** Whether a cursor names a place in this log's history at all. */
export function isKnown(bounds: LogBounds, cursor: Cursor): boolean {
  return after(bounds, cursor).kind !== 'unknown-cursor';
}

/**
 * Whether two cursors, the second at the end of the log, stand behind the same record. A reader that crossed into an
 * epoch without records of its own stands behind the last record of an earlier one.
 */
export function isSamePoint(bounds: LogBounds, cursor: Cursor, end: Cursor): boolean {
  if (cursor.offset !== end.offset || cursor.epoch > end.epoch) return false;
  return end.offset === 0 || cursor.epoch >= epochAt(bounds, end.offset);
}

/** Just before the first record that the known history had, whether or not it is still kept. */
export function beginning(bounds: LogBounds): Cursor {
  const first = bounds.epochs[0];
  return first
    ? { epoch: first.epoch, offset: first.prevOffset }
    : { epoch: bounds.currentEpoch, offset: bounds.headOffset };
}

/** The next epoch that the channel knows of; the current one counts even while it has no records there. */
function nextEpoch({ epochs, currentEpoch, headOffset }: LogBounds, epoch: Epoch): EpochStart | undefined {
  const known = epochs.find((start) => start.epoch > epoch);
  if (known) return known;
  return currentEpoch > epoch ? { epoch: currentEpoch, prevOffset: headOffset } : undefined;
}

function lost(from: Cursor, next: EpochStart): After {
  const upTo = { epoch: next.epoch, offset: next.prevOffset };
  return { kind: 'gap', gap: { after: from, upTo, count: null, reason: 'lost' } };
}

function trimmedOrThere({ oldestOffset }: LogBounds, cursor: Cursor, lastOffset: Offset): After {
  const { epoch, offset } = cursor;
  if (offset + 1 >= oldestOffset) return { kind: 'records', epoch, firstOffset: offset + 1, lastOffset };
  const upTo = { epoch, offset: Math.min(oldestOffset - 1, lastOffset) };
  return { kind: 'gap', gap: { after: cursor, upTo, count: upTo.offset - offset, reason: 'retention' } };
}
