/**
 * The verb subscribe: finds the starting cursor and hands the new subscription to catch-up, which makes it live. The
 * answer goes out before anything of the subscription does.
 */
import { RingcastError } from '../../shared/errors.ts';
import type { Subscribe } from '../../shared/frames.ts';
import { type Cursor, compareCursors, type From, formatCursor, ORIGIN } from '../../shared/terms.ts';
import { beginning, cursorBefore, headCursor, isKnown, type LogBounds } from '../log/log-bounds.ts';
import type { Channel } from './channel.ts';
import type { Feed } from './feed.ts';
import type { Hub } from './hub.ts';
import { validateChannel } from './publish-checks.ts';
import type { Reader } from './reader.ts';
import { type Snapshot, Subscription } from './subscription.ts';
import { readTerms } from './subscription-terms.ts';

/** What the answer says. */
export interface Subscribed {
  readonly channelNumber: number;
  readonly cursor: string;
  readonly head: string;
}

/**
 * Opens a subscription; `answer` is called just before the first frame can go out. Rejects with the error to be told:
 * `channel-invalid`, `forbidden`, `bad-request`, `already-subscribed`, `too-many-subscriptions`, `too-many-channels`,
 * `unknown-cursor`, `no-state`, `not-durable`, `store-failed`.
 */
export async function subscribe(
  hub: Hub,
  reader: Reader,
  request: Subscribe,
  maySubscribe: (channel: string) => boolean,
  isOpen: () => boolean,
  answer: (result: Subscribed) => void,
): Promise<void> {
  validateChannel(request.channel);
  const terms = readTerms(request, hub.capsOf(request.channel));
  if (terms.delivery === 'durable') refuseUndurable(hub);
  refuseForbidden(request.channel, maySubscribe);
  const channel = await hub.hold(hub.openChannel(request.channel));
  try {
    const feed = channel.feed(terms.delivery);
    // What waits to be pushed goes out first, so that "latest" is the head, or a push interval before it at most.
    hub.fanOut.flushThrough(feed);
    const snapshot = snapshotOf(channel, feed, request.from);
    const cursor = snapshot?.upTo ?? (await startOf(hub, feed, request.from as LogFrom));
    // Both may have changed while the store was asked.
    if (!isOpen()) return;
    refuseForbidden(request.channel, maySubscribe);
    refuseSecond(hub, reader, channel);
    const subscription = new Subscription(reader, channel, terms, cursor, snapshot);
    reader.add(subscription);
    channel.subscriptionCount++;
    hub.subscriptionCount++;
    answer({
      channelNumber: channel.log.number,
      cursor: formatCursor(cursor),
      head: formatCursor(headCursor(feed.bounds)),
    });
    hub.catchUp.start(subscription);
    hub.heads.watch(subscription);
  } finally {
    hub.release(channel);
  }
}

/** A place in the log; the state is none. */
export type LogFrom = Exclude<From, 'state' | { readonly state: Cursor; readonly upTo: Cursor }>;

/**
 * I22: the newest record of each key up to what is synced, then the log. One that was cut off goes on to where it was to be
 * complete: what has come to its keys since, deletions too, is in the log from there. It never goes beyond what `feed`
 * has pushed (I-hub-2), as what is synced does while a push interval holds records. Throws `no-state`,
 * `unknown-cursor`.
 */
function snapshotOf({ log, memory }: Channel, feed: Feed, from: From): Snapshot | undefined {
  if (from !== 'state' && !(typeof from === 'object' && 'state' in from)) return undefined;
  if (log.state === null) {
    const text = `${log.name} keeps no state: begin from "latest", "earliest" or a cursor`;
    throw new RingcastError('no-state', text);
  }
  const end = earlier(log.durableCursor, headCursor(feed.bounds));
  if (from === 'state') return { after: ORIGIN, upTo: end };
  refuseUnknown({ ...memory.bounds, headOffset: log.headOffset }, from.upTo);
  return { after: from.state, upTo: earlier(from.upTo, end) };
}

function earlier(a: Cursor, b: Cursor): Cursor {
  return compareCursors(a, b) <= 0 ? a : b;
}

/** The cursor that `from` means for a feed now. Rejects `unknown-cursor`, `store-failed`. */
export async function startOf(
  hub: Hub,
  feed: Feed,
  from: LogFrom,
  bounds: LogBounds = feed.bounds,
): Promise<Cursor> {
  const { log } = feed;
  if (from === 'latest') return headCursor(bounds);
  if (from === 'earliest') return cursorBefore(bounds, bounds.oldestOffset);
  if ('last' in from) {
    const offset = Math.max(bounds.oldestOffset, bounds.headOffset - from.last + 1);
    return cursorBefore(bounds, offset);
  }
  if ('since' in from) return hub.logs.reader.cursorAtTime(log, bounds, from.since);
  // 0-0 stands for the beginning of whatever history there is, and what retention took of it is a gap.
  if (from.cursor.epoch === 0) return beginning(bounds);
  // What a reader of this delivery may not see yet, it may have seen by another: it skips what it has.
  const isAhead = from.cursor.epoch === log.currentEpoch && from.cursor.offset > bounds.headOffset;
  if (isAhead && from.cursor.offset <= log.headOffset) return headCursor(bounds);
  refuseUnknown(bounds, from.cursor);
  return from.cursor;
}

function refuseUnknown(bounds: LogBounds, cursor: Cursor): void {
  if (isKnown(bounds, cursor)) return;
  const head = formatCursor(headCursor(bounds));
  throw new RingcastError(
    'unknown-cursor',
    `${formatCursor(cursor)} is beyond this channel's head ${head}: it belongs to another history; begin from "earliest" or "latest"`,
  );
}

export function refuseUndurable(hub: Hub): void {
  if (hub.logs.isDurable) return;
  throw new RingcastError(
    'not-durable',
    'this hub keeps its log in memory only, so nothing is ever durable: leave deliver and durable out',
  );
}

function refuseForbidden(channel: string, maySubscribe: (channel: string) => boolean): void {
  if (maySubscribe(channel)) return;
  throw new RingcastError('forbidden', `this token grants no subscribing to ${channel}`);
}

function refuseSecond(hub: Hub, reader: Reader, { log }: Channel): void {
  if (reader.find(log.number)) {
    throw new RingcastError(
      'already-subscribed',
      `this connection is subscribed to ${log.name}: unsubscribe first, or pull for older records`,
    );
  }
  const { maxSubscriptionsPerConnection } = hub.limits;
  if (reader.subscriptionCount >= maxSubscriptionsPerConnection) {
    throw new RingcastError(
      'too-many-subscriptions',
      `a connection may hold ${maxSubscriptionsPerConnection} subscriptions: unsubscribe some, or open another connection`,
    );
  }
}
