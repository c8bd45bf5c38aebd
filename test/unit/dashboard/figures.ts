/** Figures as a hub tells them, for the dashboard's tests. */
import type { ChannelFigures, ReaderState, SubscriptionFigures } from '../../../shared/figures.ts';

export const READER_STATES_FOR_TEST: readonly ReaderState[] = [
  'live',
  'catching-up',
  'socket-full',
  'out-of-credit',
];

export function channelFigures(some: Partial<ChannelFigures>): ChannelFigures {
  return {
    channel: 'orders.eu',
    publishedPerSecond: 1,
    publishedBytesPerSecond: 10,
    subscriptions: 1,
    head: '1-10',
    oldest: '1-0',
    durable: '1-10',
    storedBytes: 100,
    ...some,
  };
}

export function subscription(some: Partial<SubscriptionFigures>): SubscriptionFigures {
  return {
    connection: 'c1',
    client: 'board',
    subject: null,
    channel: 'orders.eu',
    state: 'live',
    policy: 'replay',
    cursor: '1-10',
    lagRecords: 0,
    laggingMs: 0,
    bufferedBytes: 0,
    gaps: 0,
    missedRecords: 0,
    lastGap: null,
    ...some,
  };
}
