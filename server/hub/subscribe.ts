/**
 * The verb subscribe: finds the starting cursor and hands the new subscription to catch-up, which makes it live. The
 * answer goes out before anything of the subscription does.
 */
import { RingcastError } from '../../shared/errors.ts';
import type { Subscribe } from '../../shared/frames.ts';
import { type Cursor, type From, formatCursor } from '../../shared/terms.ts';
import { beginning, cursorBefore, headCursor, isKnown } from '../log/log-bounds.ts';
import type { Channel } from './channel.ts';
import type { Hub } from './hub.ts';
import { validateChannel } from './publish.ts';
import type { Reader } from './reader.ts';
import { Subscription } from './subscription.ts';

/** What the answer says. */
export interface Subscribed {
  readonly channelNumber: number;
  readonly cursor: string;
  readonly head: string;
}

/**
 * Opens a subscription; `answer` is called just before the first frame can go out. Rejects with the error to be told:
 * `channel-invalid`, `forbidden`, `bad-request`, `already-subscribed`, `too-many-subscriptions`, `too-many-channels`,
 * `unknown-cursor`, `store-failed`.
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
  refuseOptions(request);
  refuseForbidden(request.channel, maySubscribe);
  const channel = await hub.hold(hub.openChannel(request.channel));
  try {
    // What waits for its tick goes out first, so that head and pushedOffset are one.
    hub.fanOut.flush();
    const cursor = await startOf(hub, channel, request.from);
    // Both may have changed while the store was asked.
    if (!isOpen()) return;
    refuseForbidden(request.channel, maySubscribe);
    refuseSecond(hub, reader, channel);
    const subscription = new Subscription(reader, channel, cursor);
    reader.subscriptions.set(channel.log.number, subscription);
    channel.subscriptionCount++;
    answer({
      channelNumber: channel.log.number,
      cursor: formatCursor(cursor),
      head: formatCursor(headCursor(channel.bounds)),
    });
    hub.catchUp.start(subscription);
  } finally {
    hub.release(channel);
  }
}

/** The cursor that `from` means for a channel now. Rejects `unknown-cursor`, `store-failed`. */
export async function startOf(hub: Hub, channel: Channel, from: From): Promise<Cursor> {
  const { bounds, log } = channel;
  if (from === 'latest') return headCursor(bounds);
  if (from === 'earliest') return cursorBefore(bounds, bounds.oldestOffset);
  if (from !== 'state' && 'last' in from) {
    const offset = Math.max(bounds.oldestOffset, bounds.headOffset - from.last + 1);
    return cursorBefore(bounds, offset);
  }
  if (from !== 'state' && 'since' in from) return hub.logs.reader.cursorAtTime(log, bounds, from.since);
  if (from === 'state' || 'state' in from) {
    throw new RingcastError('no-state', `${log.name} keeps no state: begin from "latest", "earliest" or a cursor`);
  }
  // 0-0 stands for the beginning of whatever history there is, and what retention took of it is a gap.
  if (from.cursor.epoch === 0) return beginning(bounds);
  if (!isKnown(bounds, from.cursor)) {
    const head = formatCursor(headCursor(bounds));
    throw new RingcastError(
      'unknown-cursor',
      `${formatCursor(from.cursor)} is beyond this channel's head ${head}: it belongs to another history; begin from "earliest" or "latest"`,
    );
  }
  return from.cursor;
}

function refuseForbidden(channel: string, maySubscribe: (channel: string) => boolean): void {
  if (maySubscribe(channel)) return;
  throw new RingcastError('forbidden', `this token grants no subscribing to ${channel}`);
}

function refuseOptions({ options }: Subscribe): void {
  const [name] = Object.keys(options ?? {});
  if (name === undefined) return;
  throw new RingcastError(
    'bad-request',
    `this hub knows no subscribe option ${JSON.stringify(name.slice(0, 80))}: leave it out`,
  );
}

function refuseSecond(hub: Hub, reader: Reader, { log }: Channel): void {
  if (reader.subscriptions.has(log.number)) {
    throw new RingcastError(
      'already-subscribed',
      `this connection is subscribed to ${log.name}: unsubscribe first, or pull for older records`,
    );
  }
  const { maxSubscriptionsPerConnection } = hub.limits;
  if (reader.subscriptions.size >= maxSubscriptionsPerConnection) {
    throw new RingcastError(
      'too-many-subscriptions',
      `a connection may hold ${maxSubscriptionsPerConnection} subscriptions: unsubscribe some, or open another connection`,
    );
  }
}
