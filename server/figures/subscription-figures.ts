/** The record of `$sys.subscriptions`: who is behind, and why; then who was; then others. */
import type { ReaderState, SubscriptionFigures, SubscriptionsFigures } from '../../shared/figures.ts';
import { formatCursor } from '../../shared/terms.ts';
import type { Hub } from '../hub/hub.ts';
import type { Reader } from '../hub/reader.ts';
import type { Subscription } from '../hub/subscription.ts';
import { shortened } from './fitting.ts';

export const MAX_LISTED_SUBSCRIPTIONS = 64;
/** Looked at to find those that lag furthest: who has lagged longest comes first. */
const MAX_COMPARED = 4096;

/** @param readers of connections, any; only as many as are needed are looked at */
export function subscriptionFiguresOf(
  hub: Hub,
  readers: Iterable<Reader>,
  intervalMs: number,
): SubscriptionsFigures {
  const lagging: Subscription[] = [];
  for (const subscription of hub.lagging) {
    lagging.push(subscription);
    if (lagging.length === MAX_COMPARED) break;
  }
  lagging.sort((a, b) => b.lagRecords - a.lagRecords);
  const listed = new Set(lagging.slice(0, MAX_LISTED_SUBSCRIPTIONS));
  for (const subscription of hub.catchUp.tallies.recent()) add(listed, subscription);
  for (const reader of readers) {
    if (listed.size >= MAX_LISTED_SUBSCRIPTIONS) break;
    for (const subscription of reader.subscriptions.values()) add(listed, subscription);
  }
  return {
    intervalMs: Math.round(intervalMs),
    total: hub.subscriptionCount,
    lagging: hub.lagging.count,
    subscriptions: [...listed].map((subscription) => figuresOf(hub, subscription)),
  };
}

function add(listed: Set<Subscription>, subscription: Subscription): void {
  if (listed.size < MAX_LISTED_SUBSCRIPTIONS) listed.add(subscription);
}

function figuresOf(hub: Hub, subscription: Subscription): SubscriptionFigures {
  const { reader, channel, terms, cursor, lagRecords } = subscription;
  const { connection, client, subject } = reader.identity;
  const tally = hub.catchUp.tallies.of(subscription);
  return {
    connection,
    client: shortened(client),
    subject: shortened(subject),
    channel: channel.log.name,
    state: stateOf(subscription),
    policy: terms.policy,
    cursor: formatCursor(cursor),
    lagRecords,
    laggingMs: Math.round(hub.lagging.laggingMs(subscription)),
    bufferedBytes: reader.sink.bufferedBytes,
    gaps: tally?.gaps ?? 0,
    missedRecords: tally?.missedRecords ?? 0,
    lastGap: tally?.lastGap ?? null,
  };
}

/** Of one that is not live, what it waits for: its client, its socket, or its turn. */
function stateOf({ state, reader }: Subscription): ReaderState {
  if (state === 'live') return 'live';
  if (state === 'paused') return 'out-of-credit';
  return reader.sink.bufferedBytes > 0 ? 'socket-full' : 'catching-up';
}
