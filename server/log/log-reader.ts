/**
 * Reads a log from any cursor: ring, small values, merged values and epochs, without its caller seeing a seam. Each
 * answer is decided from what was really read, so a trim or an eviction in between makes a gap or another page, never
 * a silent hole. Called by catch-up, pull and subscribe.
 */
import { type Cursor, compareCursors, type Epoch, type Gap, type Offset } from '../../shared/terms.ts';
import type { ChannelLog } from './channel-log.ts';
import { type After, after, epochAt, type LogBounds } from './log-bounds.ts';
import { bytesThrough, cursorAtTime, offsetAtBytes } from './log-search.ts';
import type { RunSlice } from './segment.ts';
import type { SegmentStore } from './segment-store.ts';
import { readStatePage, type StatePage } from './state-page.ts';

/** Records of one epoch that follow each other, as slices to be copied behind one header. */
export interface RunPage {
  readonly kind: 'run';
  readonly epoch: Epoch;
  readonly prevOffset: Offset;
  readonly firstOffset: Offset;
  readonly count: number;
  readonly bytes: number;
  readonly slices: readonly RunSlice[];
}

export type PageResult = RunPage | Exclude<After, { kind: 'records' }>;

/** The page lies in the store: ask {@link LogReader.readStored}. */
export interface Stored {
  readonly kind: 'stored';
  readonly epoch: Epoch;
  readonly firstOffset: Offset;
  readonly lastOffset: Offset;
}

/** What lies before a cursor: a page, and the gap between it and the cursor where there is one. */
export interface BackwardPage {
  readonly page: RunPage | undefined;
  readonly gaps: readonly Gap[];
  readonly next: Cursor;
  readonly atEnd: boolean;
}

export class LogReader {
  readonly #store: SegmentStore;

  constructor(store: SegmentStore) {
    this.#store = store;
  }

  /** What follows `cursor` within `bounds`, as far as it can be told at once. */
  readRing(log: ChannelLog, bounds: LogBounds, cursor: Cursor, maxBytes: number): PageResult | Stored {
    const next = after(bounds, cursor);
    if (next.kind !== 'records') return next;
    const { epoch, firstOffset, lastOffset } = next;
    const slice = log.readRing(firstOffset, lastOffset, maxBytes);
    if (slice) return pageOf(epoch, [slice])!;
    return { kind: 'stored', epoch, firstOffset, lastOffset: Math.min(lastOffset, log.ringFirstOffset - 1) };
  }

  /** Reads what {@link readRing} said is stored. Rejects with `store-failed`. */
  async readStored(log: ChannelLog, stored: Stored, maxBytes: number): Promise<PageResult> {
    const { epoch, firstOffset, lastOffset } = stored;
    const slices = await this.#store.readForward(log.number, firstOffset, lastOffset, { epoch, maxBytes });
    const page = pageOf(epoch, slices);
    if (page) return page;
    // Trimmed while it was read: then the beginning of the log has moved on, and the next look tells the gap.
    if (log.oldestOffset > firstOffset) return after(log, { epoch, offset: firstOffset - 1 }) as PageResult;
    return this.#missing(log, stored);
  }

  /** Both of the above. The page is the caller's own. */
  async read(log: ChannelLog, bounds: LogBounds, cursor: Cursor, maxBytes: number): Promise<PageResult> {
    const result = this.readRing(log, bounds, cursor, maxBytes);
    if (result.kind === 'stored') return this.readStored(log, result, maxBytes);
    return result.kind === 'run' ? { ...result, slices: result.slices.map(copyOf) } : result;
  }

  /** At most `limit` records that end at `cursor`, of one epoch, the caller's own. Rejects with `store-failed`. */
  async readBackward(
    log: ChannelLog,
    bounds: LogBounds,
    cursor: Cursor,
    limit: number,
    maxBytes: number,
  ): Promise<BackwardPage | { kind: 'unknown-cursor' }> {
    const here = after(bounds, cursor);
    if (here.kind === 'unknown-cursor') return here;
    // Where the cursor's epoch ended earlier, what is before the cursor begins at that end.
    const lastOffset = here.kind === 'gap' ? Math.min(cursor.offset, here.gap.after.offset) : cursor.offset;
    const atBeginning = { page: undefined, gaps: [], next: cursor, atEnd: true };
    // Epoch 0 stands for the beginning, whatever the offset.
    if (cursor.epoch === 0 || lastOffset < bounds.oldestOffset) return atBeginning;
    const epoch = epochAt(bounds, lastOffset);
    const start = bounds.epochs.find((known) => known.epoch === epoch)?.prevOffset ?? 0;
    const firstOffset = Math.max(bounds.oldestOffset, start + 1, lastOffset - limit + 1);
    const page = pageOf(epoch, await this.#slicesBefore(log, epoch, firstOffset, lastOffset, maxBytes));
    // Trimmed while it was read.
    if (!page && lastOffset < log.oldestOffset) return atBeginning;
    const nextOffset = page ? page.prevOffset : firstOffset - 1;
    return {
      page,
      gaps: gapsBehind(page, { epoch, offset: nextOffset }, { epoch, offset: lastOffset }, cursor),
      next: { epoch, offset: nextOffset },
      atEnd: nextOffset < bounds.oldestOffset,
    };
  }

  /** The cursor just before the first record at or after `timeMs`. Rejects with `store-failed`. */
  cursorAtTime(log: ChannelLog, bounds: LogBounds, timeMs: number): Promise<Cursor> {
    return cursorAtTime(this.#store, log, bounds, timeMs);
  }

  /** The first readable offset before which at least `bytes` run bytes of the channel lie; see {@link offsetAtBytes}. */
  offsetAtBytes(log: ChannelLog, bytes: number): Offset | Promise<Offset> {
    return offsetAtBytes(this.#store, log, bytes);
  }

  /** Run bytes of the channel up to a record; see {@link bytesThrough}. */
  bytesThrough(log: ChannelLog, offset: Offset): number | Promise<number> {
    return bytesThrough(this.#store, log, offset);
  }

  /** A page of the channel's state: its newest records by key; see {@link readStatePage}. */
  readState(log: ChannelLog, after: Cursor, upTo: Cursor, maxBytes: number): Promise<StatePage> {
    return readStatePage(this.#store, log, after, upTo, maxBytes);
  }

  async #slicesBefore(
    log: ChannelLog,
    epoch: Epoch,
    firstOffset: Offset,
    lastOffset: Offset,
    maxBytes: number,
  ): Promise<RunSlice[]> {
    const segment = log.segmentAt(lastOffset);
    if (!segment) return this.#store.readBackward(log.number, firstOffset, lastOffset, { epoch, maxBytes });
    const slice = segment.read(
      Math.max(firstOffset, segment.firstOffset),
      lastOffset,
      Number.POSITIVE_INFINITY,
    );
    return [copyOf(slice)];
  }

  /** The store does not hold what it should: say so, up to what it does hold. */
  async #missing(log: ChannelLog, { epoch, firstOffset, lastOffset }: Stored): Promise<PageResult> {
    const [next] = await this.#store.runsFrom(log.number, epoch, firstOffset, 1);
    const upTo = next?.epoch === epoch ? Math.min(next.firstOffset - 1, lastOffset) : lastOffset;
    const gap: Gap = {
      after: { epoch, offset: firstOffset - 1 },
      upTo: { epoch, offset: upTo },
      count: upTo - firstOffset + 1,
      reason: 'lost',
    };
    return { kind: 'gap', gap };
  }
}

/**
 * The gaps between a page, or the place `next` where there should be one, and the cursor it was asked for: records up
 * to `kept` that the store does not hold though it should, and what was lost where an epoch ended.
 */
function gapsBehind(page: RunPage | undefined, next: Cursor, kept: Cursor, cursor: Cursor): Gap[] {
  const gaps: Gap[] = [];
  const after = page ? { epoch: page.epoch, offset: page.prevOffset + page.count } : next;
  const missing = kept.offset - after.offset;
  if (missing > 0) gaps.push({ after, upTo: kept, count: missing, reason: 'lost' });
  if (compareCursors(kept, cursor) < 0) {
    gaps.push({ after: kept, upTo: cursor, count: null, reason: 'lost' });
  }
  return gaps;
}

/** A slice of the ring is overwritten when its segment goes, and whoever awaits it may come too late. */
function copyOf({ bytes, start, end, ...position }: RunSlice): RunSlice {
  const copy = Buffer.from(bytes.subarray(start, end));
  return { ...position, bytes: copy, start: 0, end: copy.length };
}

/** A page cut between its slices into ones of at most `maxBytes`, or of one larger slice. */
export function pagesOf(page: RunPage, maxBytes: number): RunPage[] {
  const pages: RunPage[] = [];
  let slices: RunSlice[] = [];
  let bytes = 0;
  for (const slice of page.slices) {
    const sliceBytes = slice.end - slice.start;
    if (slices.length > 0 && bytes + sliceBytes > maxBytes) {
      pages.push(pageOf(page.epoch, slices)!);
      slices = [];
      bytes = 0;
    }
    slices.push(slice);
    bytes += sliceBytes;
  }
  pages.push(pageOf(page.epoch, slices)!);
  return pages;
}

function pageOf(epoch: Epoch, slices: readonly RunSlice[]): RunPage | undefined {
  const first = slices[0];
  if (!first) return undefined;
  let count = 0;
  let bytes = 0;
  for (const slice of slices) {
    count += slice.count;
    bytes += slice.end - slice.start;
  }
  return {
    kind: 'run',
    epoch,
    prevOffset: first.firstOffset - 1,
    firstOffset: first.firstOffset,
    count,
    bytes,
    slices,
  };
}
