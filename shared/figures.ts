/**
 * What the hub says of itself, as records on channels of its own: `$sys.hub`, `$sys.channels` and `$sys.subscriptions`.
 * They are records like any other: pushed, kept, replayed; a token with the admin grant reads them. The hub publishes
 * them (server/ops), dashboards read them.
 *
 * Rates are per second, over the `intervalMs` before the record's time. Fields may be added; readers ignore what they
 * do not know.
 */
import type { DropPolicy, GapReason } from './terms.ts';

export const HUB_FIGURES = '$sys.hub';
export const CHANNEL_FIGURES = '$sys.channels';
export const SUBSCRIPTION_FIGURES = '$sys.subscriptions';

/** How long something took, over the interval, ms; null where nothing was measured. */
export interface Percentiles {
  readonly p50: number | null;
  readonly p99: number | null;
  readonly max: number | null;
}

/** A record of `$sys.hub`, once a second. */
export interface HubFigures {
  readonly intervalMs: number;
  /** Such as `ringcast/0.1.0`. */
  readonly server: string;
  readonly epoch: number;
  readonly uptimeMs: number;
  readonly connections: number;
  readonly subscriptions: number;
  /** Of these, that are not live. */
  readonly lagging: number;
  /** Whose log is in memory. */
  readonly channels: number;
  readonly publishedPerSecond: number;
  readonly publishedBytesPerSecond: number;
  /** Pushed and replayed together: all records sent to readers, and their frames' bytes. */
  readonly deliveredPerSecond: number;
  readonly deliveredBytesPerSecond: number;
  /** Of these, records sent to readers that catch up. */
  readonly replayedPerSecond: number;
  readonly gapsPerSecond: number;
  readonly droppedPerSecond: number;
  readonly conflatedPerSecond: number;
  /** How late a timer came. */
  readonly eventLoopDelayMs: Percentiles;
  /** How long a push to all live subscriptions took. */
  readonly pushMs: Percentiles;
  /** From taking the oldest record that is not on the disk yet until now, ms; 0 when all are. */
  readonly unpersistedMs: number;
  /** Write-behind lag: taken, but not yet on the disk. */
  readonly unpersistedRecords: number;
  readonly unpersistedBytes: number;
  readonly storeFailing: boolean;
  readonly rssBytes: number;
  readonly heapBytes: number;
  readonly ringBytes: number;
  /** What sockets have not taken. */
  readonly bufferedBytes: number;
  /** Files of the store on the disk; null in the memory store, and until they were first counted. */
  readonly storedBytes: number | null;
  /** Of the process, as a share of one core: 0.5 is half of one. */
  readonly cpu: number;
}

export interface ChannelFigures {
  readonly channel: string;
  readonly publishedPerSecond: number;
  readonly publishedBytesPerSecond: number;
  readonly subscriptions: number;
  /** Cursors: newest record, before the oldest kept, newest on the disk. */
  readonly head: string;
  readonly oldest: string;
  readonly durable: string;
  readonly storedBytes: number;
}

/** A record of `$sys.channels`: the busiest first. */
export interface ChannelsFigures {
  readonly intervalMs: number;
  /** All that are in memory, listed or not. */
  readonly total: number;
  readonly channels: readonly ChannelFigures[];
}

/**
 * `live` · `catching-up`: being fed from the log · `socket-full`: its network or machine takes no more ·
 * `out-of-credit`: its code has not taken what it was sent.
 */
export type ReaderState = 'live' | 'catching-up' | 'socket-full' | 'out-of-credit';

export interface SubscriptionFigures {
  /** Of the connection, as in the hub's log. */
  readonly connection: string;
  /** The name that the client gave itself. */
  readonly client: string | null;
  /** The token's. */
  readonly subject: string | null;
  readonly channel: string;
  readonly state: ReaderState;
  readonly policy: DropPolicy;
  readonly cursor: string;
  /** Records between its cursor and the head. */
  readonly lagRecords: number;
  /** How long it has not been live, ms; 0 while it is. */
  readonly laggingMs: number;
  /** What its socket has not taken. */
  readonly bufferedBytes: number;
  /** Told to it since it began; the newest one. */
  readonly gaps: number;
  readonly missedRecords: number;
  readonly lastGap: GapReason | null;
}

/** A record of `$sys.subscriptions`: those that lag furthest first, then live ones. */
export interface SubscriptionsFigures {
  readonly intervalMs: number;
  /** All that are open, listed or not, and those of them that are not live. */
  readonly total: number;
  readonly lagging: number;
  readonly subscriptions: readonly SubscriptionFigures[];
}
