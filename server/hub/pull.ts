/**
 * The verb pull: one page of history from a cursor, forwards or backwards, beside any subscription.
 */
import { RingcastError } from '../../shared/errors.ts';
import type { Page, Pull } from '../../shared/frames.ts';
import { skipRecords } from '../../shared/record-run.ts';
import { type Cursor, compareCursors, type Gap } from '../../shared/terms.ts';
import { headCursor } from '../log/log-bounds.ts';
import type { PageResult, RunPage } from '../log/log-reader.ts';
import { SEGMENT_BYTES } from '../log/slab-allocator.ts';
import type { Feed } from './feed.ts';
import type { Hub } from './hub.ts';
import { validateChannel } from './publish-checks.ts';
import { type LogFrom, refuseUndurable, startOf } from './subscribe.ts';

/**
 * The page that answers `request`. Rejects `channel-invalid`, `forbidden`, `bad-request`, `unknown-cursor`,
 * `not-durable`, `too-many-channels`, `store-failed`.
 */
export async function pull(
  hub: Hub,
  request: Pull,
  maySubscribe: (channel: string) => boolean,
): Promise<Page> {
  validateChannel(request.channel);
  validateGrant(request, maySubscribe);
  if (request.limit === 0)
    throw new RingcastError('bad-request', 'a limit is at least 1, or null for a full page');
  if (request.from === 'state' || (typeof request.from === 'object' && 'state' in request.from)) {
    throw new RingcastError(
      'bad-request',
      'the state is subscribed to, not pulled: pull from a place in the log',
    );
  }
  if (request.durable) refuseUndurable(hub);
  const channel = await hub.hold(hub.openChannel(request.channel));
  try {
    const feed = channel.feed(request.durable ? 'durable' : 'memory');
    const cursor = await startOf(hub, feed, request.from as LogFrom, feed.pullBounds);
    const page = await (request.reverse
      ? backward(hub, feed, request, cursor)
      : forward(hub, feed, request, cursor));
    // The grant may have shrunk while the store was read.
    validateGrant(request, maySubscribe);
    return page;
  } finally {
    hub.release(channel);
  }
}

function validateGrant({ channel }: Pull, maySubscribe: (channel: string) => boolean): void {
  if (maySubscribe(channel)) return;
  throw new RingcastError('forbidden', `this token grants no reading of ${channel}`);
}

async function forward(hub: Hub, feed: Feed, request: Pull, cursor: Cursor): Promise<Page> {
  const end = endOf(request, feed);
  const gaps: Gap[] = [];
  let at = cursor;
  while (compareCursors(at, end) < 0) {
    const result: PageResult = await hub.logs.reader.read(feed.log, feed.pullBounds, at, SEGMENT_BYTES);
    if (result.kind === 'gap') {
      const gap = cutGap(result.gap, end);
      gaps.push(gap);
      at = gap.upTo;
      continue;
    }
    if (result.kind !== 'run' || result.epoch > end.epoch) break;
    const reach = result.epoch === end.epoch ? end.offset - result.prevOffset : result.count;
    const page = limited(result, Math.min(request.limit ?? result.count, reach));
    const next = { epoch: page.epoch, offset: page.prevOffset + page.count };
    return pageOf(request, next, compareCursors(next, end) >= 0, gaps, page);
  }
  return pageOf(request, at, true, gaps);
}

/** Where a pull has nothing more to bring. */
function endOf({ upTo }: Pull, { pullBounds }: Feed): Cursor {
  const head = headCursor(pullBounds);
  return upTo && compareCursors(upTo, head) < 0 ? upTo : head;
}

/** What is lost is lost as a whole; what retention removed is told as far as was asked. */
function cutGap(gap: Gap, end: Cursor): Gap {
  if (gap.reason !== 'retention' || compareCursors(gap.upTo, end) <= 0) return gap;
  return { ...gap, upTo: end, count: end.offset - gap.after.offset };
}

async function backward(hub: Hub, feed: Feed, request: Pull, cursor: Cursor): Promise<Page> {
  const limit = request.limit ?? Number.MAX_SAFE_INTEGER;
  const result = await hub.logs.reader.readBackward(feed.log, feed.pullBounds, cursor, limit, SEGMENT_BYTES);
  if ('kind' in result) return pageOf(request, cursor, true, []);
  return pageOf(request, result.next, result.atEnd, result.gaps, result.page);
}

/** The first `limit` records of a page. */
function limited(page: RunPage, limit: number): RunPage {
  if (page.count <= limit) return page;
  const slices: RunPage['slices'][number][] = [];
  let left = limit;
  for (const slice of page.slices) {
    if (left === 0) break;
    const count = Math.min(left, slice.count);
    const end = count === slice.count ? slice.end : skipRecords(slice.bytes, slice.start, slice.end, count);
    slices.push({ ...slice, end, count });
    left -= count;
  }
  return { ...page, count: limit, slices };
}

function pageOf({ id }: Pull, next: Cursor, atEnd: boolean, gaps: readonly Gap[], page?: RunPage): Page {
  const run = page
    ? Buffer.concat(page.slices.map(({ bytes, start, end }) => bytes.subarray(start, end)))
    : NO_RECORDS;
  return {
    op: 'page',
    id,
    next,
    atEnd,
    gaps,
    epoch: page?.epoch ?? next.epoch,
    prevOffset: page?.prevOffset ?? next.offset,
    firstOffset: page?.firstOffset ?? next.offset + 1,
    count: page?.count ?? 0,
    run,
  };
}

const NO_RECORDS = new Uint8Array(0);
