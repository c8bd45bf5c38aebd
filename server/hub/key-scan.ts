/** Fills a feed's key index from the log, a page at a time, as far as a reader at a cursor needs it. Feeder calls it. */
import type { Cursor } from '../../shared/terms.ts';
import type { LogReader, PageResult, Stored } from '../log/log-reader.ts';
import { SEGMENT_BYTES } from '../log/slab-allocator.ts';
import type { Feed } from './feed.ts';
import { KeyIndex } from './key-index.ts';

/** The index of the feed, begun where the first reader that needs it stands. */
export function keyIndexOf(feed: Feed, cursor: Cursor): KeyIndex {
  feed.keyIndex ??= new KeyIndex(cursor);
  return feed.keyIndex;
}

/** Looks at the next page: how many bytes it looked at; what to read from the store first; `covered` when all is. */
export function scanOn(
  logReader: LogReader,
  feed: Feed,
  index: KeyIndex,
  cursor: Cursor,
): 'covered' | number | Stored {
  const task = index.next(cursor, feed.pushedOffset);
  if (!task) return 'covered';
  const found = logReader.readRing(feed.log, feed.bounds, task.at, SEGMENT_BYTES);
  return found.kind === 'stored' ? found : noteScanned(index, found, feed);
}

/** Tells the index what a look brought; returns how many bytes that were. */
export function noteScanned(index: KeyIndex, found: PageResult, { bounds }: Feed): number {
  if (found.kind === 'run') {
    index.scanned(found);
    return found.bytes;
  }
  if (found.kind === 'gap') index.passed(found.gap.upTo);
  else if (found.kind === 'head') index.passed({ epoch: bounds.currentEpoch, offset: bounds.headOffset });
  return 0;
}
