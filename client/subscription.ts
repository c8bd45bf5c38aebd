/**
 * What `client.subscribe` returns: the application's handle of one reading of a channel, with its events and its
 * iterator. How records come here is its reader's matter (channel-reader), how they are handed on its outlet's.
 */
import { RingcastError } from '../shared/errors.ts';
import { type From, formatCursor, type Gap } from '../shared/terms.ts';
import { ChannelReader, type ReaderPort, type SubscriptionState } from './channel-reader.ts';
import { Emitter } from './emitter.ts';
import { isNews, type Lag, lagOf, NO_LAG } from './lag.ts';
import type { LagWatch } from './lag-watch.ts';
import { Outlet, type OutletRules } from './outlet.ts';
import type { ReaderRules } from './reader-state.ts';
import type { ReceivedRecord } from './record.ts';
import type { SharedSubscription } from './shared-subscription.ts';
import type { CursorSaver } from './stores/cursor-keeper.ts';

export type { SubscriptionState };

/** Names of events, each with the arguments of its listeners. */
export interface SubscriptionEvents {
  /** Records are missing here; called between the record before and the one after. Not with gaps inline. */
  gap: [gap: Gap];
  /** It ended with an error: a RingcastError, or what the listener threw. */
  error: [error: unknown];
  state: [state: SubscriptionState];
  /** At most four times a second while it lags, and when it does no more. */
  lag: [lag: Lag | null];
}

/** What a subscription needs of its client. */
export interface SubscriptionHost extends ReaderPort {
  readonly lags: LagWatch;
  started(reader: ChannelReader): void;
  ended(reader: ChannelReader): void;
  /** A gap of a subscription on which nobody listens for gaps. */
  unheardGap(gap: Gap, channel: string): void;
}

export interface SubscriptionPlan<Item> extends ReaderRules, OutletRules<Item> {
  readonly from: From;
  /** Of a subscription that resumes: it begins where this says, and `from` counts where that is nowhere. */
  readonly saver: CursorSaver | undefined;
}

/** `for await (const record of subscription)`; leaving the loop unsubscribes. */
export class Subscription<Item = ReceivedRecord> implements AsyncIterable<Item, undefined> {
  readonly channel: string;
  /** Under which its cursor is kept in the client's cursor store; null of one without `resume`. */
  readonly cursorName: string | null;
  readonly #saver: CursorSaver | undefined;
  readonly #shared: SharedSubscription;
  readonly #host: SubscriptionHost;
  readonly #listens: boolean;
  readonly #outlet: Outlet<Item>;
  readonly #reader: ChannelReader;
  readonly #events = new Emitter<SubscriptionEvents>();
  #error: unknown;
  #iterated = false;
  #isLive = false;
  /** When it was live last, the hub's Unix time, ms. */
  #liveMs: number | undefined;
  #toldLag: Lag | null = NO_LAG;

  /** Made by the client only. */
  constructor(host: SubscriptionHost, shared: SharedSubscription, plan: SubscriptionPlan<Item>) {
    const { saver } = plan;
    this.channel = shared.channel;
    this.cursorName = saver?.name ?? null;
    this.#saver = saver;
    this.#shared = shared;
    this.#host = host;
    this.#listens = plan.listener !== undefined;
    const outlet = new Outlet<Item>(plan, {
      onGap: (gap) => {
        if (!this.#events.emit('gap', gap)) host.unheardGap(gap, this.channel);
      },
      onTaken: () => this.#reader.taken(),
      onListenerFailed: (error) => this.#reader.stop({ error }),
      onSettled: saver && (() => saver.moved()),
    });
    this.#outlet = outlet;
    this.#reader = new ChannelReader(host, shared, plan, {
      get queuedBytes() {
        return outlet.queuedBytes;
      },
      push: (chunk) => {
        outlet.push(chunk);
        if (outlet.queuedBytes > 0) host.lags.suspect(this);
      },
      releaseHolds: () => outlet.releaseHolds(),
      onState: (state) => this.#stateChanged(state),
      onEnd: (failure) => this.#ended(failure),
    });
    host.started(this.#reader);
    host.lags.started(this);
    const begun = saver?.load(() => outlet.settled ?? this.#reader.begin);
    if (begun instanceof Promise) begun.then((from = plan.from) => this.#begin(from));
    else this.#begin(begun ?? plan.from);
  }

  /**
   * Behind what the application has taken: resume from here. A record whose listener has not finished, or threw, is
   * not taken. Null until the hub has said where the subscription begins, and from `state` until all of that is taken:
   * its records are no places to resume from.
   */
  get cursor(): string | null {
    const cursor = this.#outlet.cursor ?? this.#reader.begin;
    return cursor && formatCursor(cursor);
  }

  get state(): SubscriptionState {
    return this.#reader.state;
  }

  /**
   * How far the application is behind the channel, as far as the hub has told. Null where that is not known: before the
   * hub has said where the subscription begins, until the first records of a replay are there, while the state comes,
   * offline, and of one that has ended.
   */
  get lag(): Lag | null {
    if (this.state !== 'live' && this.state !== 'catching-up') return null;
    const { cursor, nextTimeMs, takenTimeMs } = this.#outlet;
    return lagOf({
      taken: cursor ?? this.#reader.begin,
      newest: this.#reader.newest,
      nextTimeMs,
      takenTimeMs,
      liveMs: this.#liveMs,
      hubTimeMs: this.#host.lags.hubTimeMs,
    });
  }

  /** Why it ended; undefined while it runs, and when it was unsubscribed. */
  get error(): unknown {
    return this.#error;
  }

  /** Bytes received that the application has not taken. */
  get queuedBytes(): number {
    return this.#outlet.queuedBytes;
  }

  /** The returned function stops listening. */
  on<K extends keyof SubscriptionEvents>(
    name: K,
    listener: (...args: SubscriptionEvents[K]) => void,
  ): () => void {
    return this.#events.on(name, listener);
  }

  /** Nothing more is handed on, not even what is queued. */
  unsubscribe(): void {
    this.#outlet.stop();
    this.#reader.stop();
  }

  /** @internal */
  tellLag(lag: Lag | null): void {
    if (!isNews(this.#toldLag, lag)) return;
    this.#toldLag = lag;
    this.#events.emit('lag', lag);
  }

  /** @internal Unsubscribes when the signal is aborted. */
  endOn(signal: AbortSignal): void {
    const unsubscribe = () => this.unsubscribe();
    if (signal.aborted) {
      unsubscribe();
      return;
    }
    signal.addEventListener('abort', unsubscribe, { once: true });
    this.on('state', (state) => {
      if (state === 'ended') signal.removeEventListener('abort', unsubscribe);
    });
  }

  /** Throws TypeError for a subscription that has a listener or was iterated before. */
  [Symbol.asyncIterator](): AsyncIterator<Item, undefined, undefined> {
    if (this.#listens) throw new TypeError('this subscription has a listener; subscribe again to iterate');
    if (this.#iterated) throw new TypeError('a subscription is iterated once; subscribe again');
    this.#iterated = true;
    return {
      next: () => this.#outlet.next(),
      return: async () => {
        this.unsubscribe();
        return { done: true, value: undefined };
      },
    };
  }

  #begin(from: From): void {
    if (this.state === 'ended') return;
    // Another may have opened the channel while the cursor was loaded.
    if (from === 'state' && !this.#shared.idle) this.#reader.stop({ error: stateError(this.channel) });
    else this.#reader.start(from);
  }

  #stateChanged(state: SubscriptionState): void {
    // Where it begins may be known by now.
    this.#saver?.moved();
    const { lags } = this.#host;
    if (this.#isLive) this.#liveMs = lags.hubTimeMs;
    this.#isLive = state === 'live';
    this.#events.emit('state', state);
    lags.changed(this);
  }

  #ended(failure: { readonly error?: unknown }): void {
    this.#host.ended(this.#reader);
    this.#host.lags.ended(this);
    // An iterator still gets what is queued; a listener that threw is not called again.
    if (this.#listens) this.#outlet.stop();
    else this.#outlet.end(failure);
    this.#saver?.end();
    if (!('error' in failure)) return;
    this.#error = failure.error;
    const heard = this.#events.emit('error', failure.error);
    if (!heard && !this.#iterated) this.#host.report(failure.error, this.channel);
  }
}

/** The state comes before all else. */
export function stateError(channel: string): RingcastError {
  const text = `${channel} is open already, not for its state; unsubscribe first, or use another client`;
  return new RingcastError('already-subscribed', text);
}
