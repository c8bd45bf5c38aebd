/**
 * Finds a position in a log by something else than its offset: by time, by bytes. What the ring holds is found at once,
 * the rest by halves over the stored runs, each of which says where it lies. Part of log-reader, which is its door.
 */
import { skipRecords } from '../../shared/record-run.ts';
import type { Cursor, Offset } from '../../shared/terms.ts';
import type { ChannelLog } from './channel-log.ts';
import { cursorBefore, epochAt, type LogBounds } from './log-bounds.ts';
import { findTime, recordsWithin } from './segment.ts';
import type { SegmentStore } from './segment-store.ts';
import type { StoredRun } from './store-keys.ts';

/** The cursor just before the first record at or after `timeMs`. Rejects with `store-failed`. */
export async function cursorAtTime(
  store: SegmentStore,
  log: ChannelLog,
  bounds: LogBounds,
  timeMs: number,
): Promise<Cursor> {
  if (timeMs > log.lastTimeMs) return cursorBefore(bounds, bounds.headOffset + 1);
  for (const segment of log.segments) {
    if (segment.lastTimeMs < timeMs) continue;
    // The store may hold earlier records that are late enough, too.
    const isFirst = segment === log.segments[0] && log.oldestOffset < segment.firstOffset;
    if (isFirst && segment.firstTimeMs >= timeMs) break;
    return cursorBefore(bounds, segment.offsetAtTime(timeMs)!);
  }
  const offset = await searchStored(store, log, ({ bytes, start }) =>
    findTime(bytes, start, bytes.length, timeMs),
  );
  return cursorBefore(bounds, offset);
}

/**
 * The first readable offset that has at least `bytes` run bytes of the channel, ever, before it; head + 1 where none
 * has. At once where the ring tells; rejects with `store-failed`.
 */
export function offsetAtBytes(store: SegmentStore, log: ChannelLog, bytes: number): Offset | Promise<Offset> {
  if (bytes <= log.oldestBytes) return log.oldestOffset;
  if (bytes >= log.headBytes) return log.headOffset + 1;
  const segment = log.segments.findLast(({ bytesBefore }) => bytesBefore <= bytes);
  if (segment) return segment.offsetAtBytes(bytes);
  return searchStored(store, log, (run) => {
    if (run.bytesBefore + run.bytes.length - run.start < bytes) return undefined;
    // Where but its end has enough before it, that is the record behind it.
    const until = run.start + Math.max(0, bytes - run.bytesBefore);
    return recordsWithin(run.bytes, run.start, run.bytes.length, until);
  });
}

/**
 * Run bytes of the channel, ever, up to the record at `offset`, it included. At once where the ring tells; rejects with
 * `store-failed`.
 */
export function bytesThrough(store: SegmentStore, log: ChannelLog, offset: Offset): number | Promise<number> {
  if (offset < log.oldestOffset) return log.oldestBytes;
  return offset + 1 < log.ringFirstOffset ? storedBytesThrough(store, log, offset) : log.bytesThrough(offset);
}

async function storedBytesThrough(store: SegmentStore, log: ChannelLog, offset: Offset): Promise<number> {
  const run = await store.runAt(log.number, epochAt(log, offset), offset);
  // Trimmed meanwhile.
  if (!run) return log.oldestBytes;
  const end = skipRecords(run.bytes, run.start, run.bytes.length, offset + 1 - run.firstOffset);
  return run.bytesBefore + end - run.start;
}

/**
 * By halves: `find` tells the index of the wanted record in a run, which is 0 as well where it lies in an earlier run,
 * and undefined where it lies in a later one. The first of the ring where it lies in none.
 */
async function searchStored(
  store: SegmentStore,
  log: ChannelLog,
  find: (run: StoredRun) => number | undefined,
): Promise<Offset> {
  let low = log.oldestOffset;
  let high = log.ringFirstOffset;
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    const run = await store.runAt(log.number, epochAt(log, middle), middle);
    if (!run) {
      low = Math.max(middle + 1, log.oldestOffset);
      continue;
    }
    const found = find(run);
    if (found === undefined) low = run.firstOffset + run.count;
    else if (found > 0) return run.firstOffset + found;
    else high = run.firstOffset;
  }
  return low;
}
