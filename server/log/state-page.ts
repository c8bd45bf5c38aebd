/**
 * Reads the stored state of a channel page by page. Pages come from different moments: a record that is replaced
 * meanwhile is not in a later page, and what replaced it lies in the log behind `upTo`. Part of log-reader.
 */
import { type Cursor, compareCursors, type Epoch, type Offset } from '../../shared/terms.ts';
import type { ChannelLog } from './channel-log.ts';
import type { StoreEntry } from './ordered-store.ts';
import type { SegmentStore } from './segment-store.ts';
import { readStateKey } from './store-keys.ts';

/** Newest records of their keys, of one epoch, ascending. */
export interface StatePage {
  readonly epoch: Epoch;
  readonly offsets: readonly Offset[];
  /** Behind each other, as in a run. */
  readonly records: Buffer;
  readonly count: number;
  /** No more until what was asked for. */
  readonly atEnd: boolean;
  /** Where the next page goes on. */
  readonly next: Cursor;
}

/**
 * The records of the state later than `after` and at or before `upTo`, at most `maxBytes` of them (but one). Waits until
 * the store is complete to `upTo`, which it is for a durable position unless the state is being rebuilt. Rejects with
 * `store-failed`; TypeError for a channel without state.
 */
export async function readStatePage(
  store: SegmentStore,
  log: ChannelLog,
  after: Cursor,
  upTo: Cursor,
  maxBytes: number,
): Promise<StatePage> {
  if (!log.state) throw new TypeError(`${log.name} keeps no state`);
  // A place in an epoch that ended earlier may lie beyond all that there is now.
  await log.state.whenStored(Math.min(upTo.offset, log.durableOffset));
  const end = { epoch: upTo.epoch, offsets: [], records: Buffer.alloc(0), count: 0, atEnd: true, next: upTo };
  if (compareCursors(after, upTo) >= 0) return end;
  const entries = await store.readState(log.number, after, upTo, maxBytes);
  const positions = entries.map(({ key }) => readStateKey(key));
  const first = positions[0];
  if (!first) return end;
  const count = fitting(entries, maxBytes, (i) => positions[i]!.epoch === first.epoch);
  const bytes = entries.reduce((sum, { key, value }) => sum + key.length + value.length, 0);
  return {
    epoch: first.epoch,
    offsets: positions.slice(0, count).map(({ offset }) => offset),
    records: Buffer.concat(entries.slice(0, count).map(({ value }) => value)),
    count,
    // The store stops at `maxBytes`, and else at the end.
    atEnd: count === entries.length && bytes < maxBytes,
    next: positions[count - 1]!,
  };
}

/** How many of the entries make a page: those of one epoch, and no more than `maxBytes` of records, but one. */
function fitting(
  entries: readonly StoreEntry[],
  maxBytes: number,
  isOfEpoch: (index: number) => boolean,
): number {
  let count = 0;
  for (let bytes = 0; count < entries.length && isOfEpoch(count); count++) {
    bytes += entries[count]!.value.length;
    if (count > 0 && bytes > maxBytes) break;
  }
  return count;
}
