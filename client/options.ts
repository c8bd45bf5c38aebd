/**
 * What applications may choose when they connect, subscribe, publish and read history, with the defaults. Checks what
 * it is given (TypeError) and puts it into the form that the rest of the SDK works with.
 */
import { isChannelName } from '../shared/channel-name.ts';
import { type Clock, systemClock } from '../shared/clock.ts';
import { RingcastError } from '../shared/errors.ts';
import {
  type AckLevel,
  type Cursor,
  DELIVERIES,
  type Delivery,
  DROP_POLICIES,
  type DropPolicy,
  type From,
  parseCursor,
  type RecordMeta,
} from '../shared/terms.ts';
import { type BackoffPolicy, DEFAULT_BACKOFF } from './backoff.ts';
import type { CursorStore } from './stores/cursor-store.ts';
import type { OutboxStore } from './stores/outbox-store.ts';
import type { OpenTransport } from './transport.ts';
import { platformSignals, type WakeSource } from './wake-signals.ts';

/** A token, or what gets one: called for every attempt to connect and whenever the hub says that one runs out. */
export type TokenSource = string | (() => string | Promise<string>);

export interface ConnectOptions {
  /** null for a hub that wants none. */
  readonly token: TokenSource | null;
  /** A name for the hub's logs and dashboards, at most 128 characters. */
  readonly client?: string | undefined;
  /** How long `connect` tries before it rejects, ms. Default 10,000; Infinity: for ever. Reconnecting has no such bound. */
  readonly timeoutMs?: number | undefined;
  /** Aborting it makes `connect` reject with the signal's reason; without effect once connected. */
  readonly signal?: AbortSignal | undefined;
  /** Told of every change of `client.status`, from before the connection is made. */
  readonly onStatus?: ((status: Status, failure: RingcastError | null) => void) | undefined;
  /** Told of what nobody else is told of; see the client's event `error`. */
  readonly onError?: ((error: unknown) => void) | undefined;
  readonly backoff?: Partial<BackoffPolicy> | undefined;
  /**
   * Publishes that wait to be sent or acknowledged, in bytes: all that is kept to be sent again. Beyond it they are
   * rejected with `outbox-full`. Default 8 MiB.
   */
  readonly maxOutboxBytes?: number | undefined;
  /**
   * What the hub may send of a channel and the application has not taken yet, in bytes of frames: the credit that each
   * channel's subscription asks for. One frame may go beyond it. Default 1 MiB.
   */
  readonly maxQueuedBytes?: number | undefined;
  /** Where subscriptions with `resume` keep how far they are. */
  readonly cursorStore?: CursorStore | undefined;
  /**
   * Keeps publishes until the hub has answered, so that they outlive this client; those left by earlier ones are sent
   * first. Default: they live as long as the client.
   */
  readonly outboxStore?: OutboxStore | undefined;
  /**
   * Resolve at once, with a client that is still `connecting`, for pages that are opened offline and publish all the same:
   * it goes on trying until it is closed. A final refusal then comes by the status `closed`. Default false.
   */
  readonly startOffline?: boolean | undefined;
  /** Silence after which the hub is asked whether it is there, ms; after twice that it is taken for dead. Default 20,000. */
  readonly pingIntervalMs?: number | undefined;
  /** How long one attempt to connect may take, token included, ms. Default 10,000. */
  readonly attemptTimeoutMs?: number | undefined;
  readonly clock?: Clock | undefined;
  readonly transport?: OpenTransport | undefined;
  /** What tells that the program was away or the network changed. Default: what this platform has. */
  readonly wakeSignals?: WakeSource | undefined;
}

/**
 * `connecting` until the first welcome · `live` · `catching-up`: connected, but a subscription is not live (yet, or any
 * more), or its application has not taken what came for a second; spells below a quarter of one are not told ·
 * `offline` while it tries to come back · `closing` while outstanding
 * publishes are settled · `closed` for good.
 */
export type Status = 'connecting' | 'live' | 'catching-up' | 'offline' | 'closing' | 'closed';

/** {@link ConnectOptions} with nothing left open. */
export interface Settings {
  readonly url: string;
  /** The hub's host and path: names what is kept for it. */
  readonly hub: string;
  readonly cursorStore: CursorStore | undefined;
  readonly outboxStore: OutboxStore | undefined;
  readonly token: TokenSource | null;
  readonly clientName: string | null;
  readonly timeoutMs: number;
  readonly backoff: BackoffPolicy;
  readonly maxOutboxBytes: number;
  readonly maxQueuedBytes: number;
  readonly pingIntervalMs: number;
  readonly attemptTimeoutMs: number;
  readonly clock: Clock;
  readonly openTransport: OpenTransport;
  readonly wakeSignals: WakeSource;
}

/** Throws TypeError for a bad URL or option. */
export function readSettings(url: string, options: ConnectOptions, openTransport: OpenTransport): Settings {
  const { token } = options;
  if (token !== null && typeof token !== 'string' && typeof token !== 'function') {
    throw new TypeError('token must be a string, a function that returns one, or null');
  }
  const { href, host, pathname } = readUrl(url);
  return {
    url: href,
    hub: host + pathname,
    cursorStore: storeOf('CursorStore', options.cursorStore, 'keeper'),
    outboxStore: storeOf('OutboxStore', options.outboxStore, 'open'),
    token,
    clientName: options.client ?? null,
    timeoutMs: options.timeoutMs ?? 10_000,
    backoff: { ...DEFAULT_BACKOFF, ...options.backoff },
    maxOutboxBytes: options.maxOutboxBytes ?? 8 * 2 ** 20,
    maxQueuedBytes: options.maxQueuedBytes ?? 2 ** 20,
    pingIntervalMs: options.pingIntervalMs ?? 20_000,
    attemptTimeoutMs: options.attemptTimeoutMs ?? 10_000,
    clock: options.clock ?? systemClock,
    openTransport: options.transport ?? openTransport,
    wakeSignals: options.wakeSignals ?? platformSignals(),
  };
}

/** A store brings what uses it along, so an object with its methods only is none. */
function storeOf<T extends object>(name: string, store: T | undefined, method: keyof T): T | undefined {
  if (!store || typeof store[method] === 'function') return store;
  throw new TypeError(`a store must extend ${name} of ringcast/stores`);
}

function readUrl(url: string): URL {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (parsed?.protocol !== 'ws:' && parsed?.protocol !== 'wss:') {
    throw new TypeError(`the URL must be as wss://hub.example/, not ${JSON.stringify(url)}`);
  }
  return parsed;
}

/** A position to begin at: a cursor is the string that a record or page gave. `since` is a Date or Unix time in ms. */
export type FromOption =
  | 'latest'
  | 'earliest'
  | 'state'
  | { readonly last: number }
  | { readonly since: number | Date }
  | (string & {});

/** Throws TypeError for anything else. */
export function readFrom(option: FromOption): From {
  if (typeof option === 'string') {
    if (option === 'latest' || option === 'earliest' || option === 'state') {
      return option as 'latest' | 'earliest' | 'state';
    }
    const cursor = parseCursor(option);
    if (cursor) return { cursor };
  } else if (typeof option === 'object' && option !== null) {
    if ('last' in option && isCount(option.last)) return { last: option.last };
    if ('since' in option) {
      const since = option.since instanceof Date ? option.since.getTime() : option.since;
      if (isCount(since)) return { since };
    }
  }
  throw new TypeError(
    `from must be 'latest', 'earliest', 'state', {last: n}, {since: time} or a cursor, not ${JSON.stringify(option)}`,
  );
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

/** Throws `channel-invalid`, as the hub would. */
export function checkChannel(channel: string): void {
  if (typeof channel !== 'string') throw new TypeError('channel must be a string');
  if (!isChannelName(channel)) {
    throw new RingcastError(
      'channel-invalid',
      `channel must be words joined by dots, such as market.us.AAPL, not ${JSON.stringify(channel)}`,
    );
  }
}

export interface SubscribeOptions {
  /**
   * Where to begin. Default 'latest': what is published from now on. `state`, for channels that keep it: the newest
   * record of each key, then all that follows; a record with null data says that its key is gone.
   */
  readonly from?: FromOption | undefined;
  /**
   * Goes on where the client's `cursorStore` says that this subscription was, and keeps that there; `from` counts where
   * nothing is kept yet. True, or a name where several subscriptions to a channel resume: a name is for one at a time.
   * `commit: 'application'`: the SDK only loads, and the application saves, under `subscription.cursorName`.
   */
  readonly resume?: boolean | string | ResumeOption | undefined;
  /**
   * What the hub does when this client lags: `replay` gives it everything later (default) · `drop-oldest` leaves out the
   * oldest of what it missed, beyond the lag limits · `conflate` leaves out records that a later one with their key
   * follows · `disconnect` ends the connection beyond the lag limits. What is left out comes as a gap.
   */
  readonly policy?: DropPolicy | undefined;
  /** Lag limits of `drop-oldest` and `disconnect`, which need one at least. From 1. */
  readonly maxLagRecords?: number | undefined;
  readonly maxLagBytes?: number | undefined;
  /** `durable`: only what is on the hub's disk, so that no crash takes back what was shown. Default 'memory'. */
  readonly deliver?: Delivery | undefined;
  /** Aborting it unsubscribes. */
  readonly signal?: AbortSignal | undefined;
  /** `inline`: gaps come as `{ gap }` among the records, instead of by the event. Default 'events'. */
  readonly gaps?: 'events' | 'inline' | undefined;
  /**
   * What to do when the hub does not know the position to resume from (its data was replaced): `end` with the error,
   * or begin anew there, announced by a gap from cursor 0-0. Default 'end'.
   */
  readonly onUnknownCursor?: 'end' | 'earliest' | 'latest' | undefined;
}

export interface ResumeOption {
  readonly name?: string | undefined;
  /** Who saves the cursor. Default 'sdk': after the application has taken the record. */
  readonly commit?: 'sdk' | 'application' | undefined;
}

/** {@link ResumeOption} with nothing left open. */
export interface ResumeTerms {
  readonly name: string | null;
  readonly commit: 'sdk' | 'application';
}

/** Undefined for a subscription that is not resumed. Throws TypeError. */
export function readResume(option: SubscribeOptions['resume']): ResumeTerms | undefined {
  if (option === undefined || option === false) return undefined;
  const resume = typeof option === 'string' ? { name: option } : option === true ? {} : option;
  const { name, commit = 'sdk' } = resume as ResumeOption;
  const isName = name === undefined || (typeof name === 'string' && name !== '');
  if (!isName || (commit !== 'sdk' && commit !== 'application')) {
    throw new TypeError(
      `resume must be true, a name or { name, commit: 'application' }, not ${JSON.stringify(option)}`,
    );
  }
  return { name: name ?? null, commit };
}

/** What a subscription asks of the hub beside its position; defaults are left out. */
export interface SubscriptionTerms {
  readonly policy?: Exclude<DropPolicy, 'replay'>;
  readonly maxLagRecords?: number;
  readonly maxLagBytes?: number;
  readonly deliver?: 'durable';
}

/** Throws TypeError for what no hub would take. */
export function readTerms(options: SubscribeOptions): SubscriptionTerms {
  const { policy = 'replay', deliver = 'memory', maxLagRecords, maxLagBytes } = options;
  if (!DROP_POLICIES.includes(policy))
    throw new TypeError(`policy must be one of ${DROP_POLICIES.join(', ')}`);
  if (!DELIVERIES.includes(deliver)) throw new TypeError(`deliver must be one of ${DELIVERIES.join(', ')}`);
  for (const [name, limit] of Object.entries({ maxLagRecords, maxLagBytes })) {
    if (limit !== undefined && !(isCount(limit) && limit > 0))
      throw new TypeError(`${name} must be an integer from 1`);
  }
  const isLimited = maxLagRecords !== undefined || maxLagBytes !== undefined;
  const takesLimits = policy === 'drop-oldest' || policy === 'disconnect';
  if (isLimited !== takesLimits) {
    throw new TypeError(
      takesLimits
        ? `policy ${policy} needs maxLagRecords or maxLagBytes`
        : `policy ${policy} takes no lag limits`,
    );
  }
  return {
    ...(policy !== 'replay' && { policy }),
    ...(maxLagRecords !== undefined && { maxLagRecords }),
    ...(maxLagBytes !== undefined && { maxLagBytes }),
    ...(deliver === 'durable' && { deliver }),
  };
}

export interface PublishOptions {
  /** What the record is about; at most 255 bytes. */
  readonly key?: string | null | undefined;
  /** At most 16 entries. */
  readonly meta?: RecordMeta | null | undefined;
  /** Default 'memory'. */
  readonly ack?: AckLevel | undefined;
  /**
   * Taken only if the channel's newest record is the one at this cursor (`0-0`: if it has none); else rejected with
   * `conflict`. Not with ack 'none'.
   */
  readonly expectedCursor?: string | undefined;
}

/** One record of `client.publishMany`. */
export interface PublishItem {
  readonly channel: string;
  readonly data: unknown;
  readonly key?: string | null | undefined;
  readonly meta?: RecordMeta | null | undefined;
  /** As of {@link PublishOptions}; at the first record to its channel only. */
  readonly expectedCursor?: string | undefined;
}

/** Throws TypeError. */
export function readExpectedCursor(text: string | undefined, ack: AckLevel): Cursor | undefined {
  if (text === undefined) return undefined;
  if (ack === 'none') throw new TypeError("expectedCursor needs ack 'memory' or 'disk'");
  const cursor = typeof text === 'string' ? parseCursor(text) : undefined;
  if (!cursor) throw new TypeError(`expectedCursor must be a cursor, not ${JSON.stringify(text)}`);
  return cursor;
}

export interface HistoryOptions {
  /** Default 'earliest', backwards 'latest'. */
  readonly from?: FromOption | undefined;
  /** Backwards: the records at or before `from`, newest first. */
  readonly reverse?: boolean | undefined;
  /** Only what is on the hub's disk. Default false. */
  readonly durable?: boolean | undefined;
}
