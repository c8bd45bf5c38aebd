/** Fills a feed's key index from the log, a page at a time, as far as a reader at a cursor needs it. Feeder calls it. */
import type { Cursor } from '../../shared/terms.ts';
import type { LogReader, PageResult, Stored } from '../log/log-reader.ts';
import { SEGMENT_BYTES } from '../log/slab-allocator.ts';
import type { Feed } from './feed.ts';
import { type KeyBudget, KeyIndex, type Stretch } from './key-index.ts';

/** The index of the feed, begun where the first reader that needs it stands. */
export function keyIndexOf(feed: Feed, cursor: Cursor, budget: KeyBudget): KeyIndex {
  feed.keyIndex ??= new KeyIndex(cursor, budget);
  return feed.keyIndex;
}

/** What lies in the store, and is to be read for `stretch`. */
export interface StoredScan extends Stored {
  readonly stretch: Stretch;
}

/**
 * Looks at the next page: how many bytes it looked at; what to read from the store first; `covered` when all is;
 * `reading` while another reader has the store read for it.
 */
export function scanOn(
  logReader: LogReader,
  feed: Feed,
  index: KeyIndex,
  cursor: Cursor,
): 'covered' | 'reading' | number | StoredScan {
  const stretch = index.next(cursor, feed.pushedOffset);
  if (!stretch) return 'covered';
  if (stretch.isReading) return 'reading';
  const found = logReader.readRing(feed.log, feed.bounds, stretch.at, SEGMENT_BYTES);
  return found.kind === 'stored' ? { ...found, stretch } : noteScanned(index, stretch, found, feed);
}

/** Tells the index what a look brought; returns how many bytes that were. */
export function noteScanned(index: KeyIndex, stretch: Stretch, found: PageResult, { bounds }: Feed): number {
  if (found.kind === 'run') {
    index.scanned(stretch, found);
    return found.bytes;
  }
  if (found.kind === 'gap') index.passed(stretch, found.gap.upTo);
  else if (found.kind === 'head')
    index.passed(stretch, { epoch: bounds.currentEpoch, offset: bounds.headOffset });
  return 0;
}
