/**
 * One subscription's way to its records: carries out what reader-state decides. Is fed by the channel's shared
 * subscription, or pulls pages while it is behind it, and puts what it receives into an outlet. Knows no application;
 * subscription.ts is its owner, the client tells it of the connection.
 */
import type { RingcastError } from '../shared/errors.ts';
import type { Page } from '../shared/frames.ts';
import { type Cursor, compareCursors, type From, type Gap } from '../shared/terms.ts';
import { type Flow, type FlowMember, LOW_WATER_BYTES } from './flow.ts';
import type { Pulls } from './pulls.ts';
import {
  decideReader,
  type ReaderEffect,
  type ReaderEvent,
  type ReaderRules,
  type ReaderState,
  startReader,
} from './reader-state.ts';
import { chargedBytes, readRun } from './record.ts';
import type { QueueItem } from './record-queue.ts';
import {
  type Delivery,
  holeError,
  type Reader,
  type SharedSubscription,
  type SubscriptionPort,
} from './shared-subscription.ts';
import type { Step } from './transition-table.ts';

/**
 * `pending` until the hub has said where it begins · `catching-up` with what was published before · `live` ·
 * `offline` while the connection is away, to be resumed · `ended`.
 */
export type SubscriptionState = 'pending' | 'catching-up' | 'live' | 'offline' | 'ended';

/** What a reader needs of its client. */
export interface ReaderPort extends SubscriptionPort {
  readonly pulls: Pulls;
  readonly flow: Flow;
  readonly maxQueuedBytes: number;
}

export interface ReaderOwner {
  readonly queuedBytes: number;
  push(items: readonly QueueItem[], bytes: number): void;
  onState(state: SubscriptionState): void;
  /** Once, before the state `ended` is told; with an error where one is the cause. */
  onEnd(failure: { readonly error?: unknown }): void;
}

export class ChannelReader implements Reader, FlowMember {
  readonly #port: ReaderPort;
  readonly #shared: SharedSubscription;
  readonly #rules: ReaderRules;
  readonly #owner: ReaderOwner;
  #reader: ReaderState = { name: 'ended' };
  #state: SubscriptionState = 'pending';
  #begin: Cursor | null = null;
  /** The next page: `held-back` while the application has enough to do. */
  #page: 'none' | 'held-back' | 'asked' = 'none';
  #pullAttempt = 0;
  #cancelRetry: (() => void) | undefined;

  constructor(port: ReaderPort, shared: SharedSubscription, rules: ReaderRules, owner: ReaderOwner) {
    this.#port = port;
    this.#shared = shared;
    this.#rules = rules;
    this.#owner = owner;
  }

  get state(): SubscriptionState {
    return this.#state;
  }

  /** Before the first record; null until the hub has said where that is. */
  get begin(): Cursor | null {
    return this.#begin;
  }

  get queuedBytes(): number {
    return this.#owner.queuedBytes;
  }

  start(from: From): void {
    this.#shared.attach(this);
    this.#apply(startReader(from, this.#shared.idle));
  }

  /** Nothing more is asked for or received. */
  stop(failure: { readonly error?: unknown } = {}): void {
    if (this.#state === 'ended') return;
    this.#cancelRetry?.();
    this.#setReader(decideReader(this.#reader, { type: 'end' }, this.#rules).state);
    this.#shared.detach(this);
    this.#state = 'ended';
    this.#owner.onEnd(failure);
    this.#owner.onState('ended');
  }

  /** The owner's queue grew, or shrank where negative. */
  queued(deltaBytes: number): void {
    this.#port.flow.changed(this, deltaBytes);
    if (deltaBytes < 0) this.#pull();
  }

  /** The connection came or went; also after every step, as the state is judged from both. */
  connectionChanged(): void {
    const state = this.#judge();
    if (state === this.#state) return;
    this.#state = state;
    this.#owner.onState(state);
  }

  // From the shared subscription and the flow ----------------------------------------------------------------------------

  opened(cursor: Cursor, head: Cursor): void {
    this.#on({ type: 'opened', cursor, head });
  }

  batch(delivery: Delivery): void {
    if (this.queuedBytes >= this.#port.maxQueuedBytes) this.lag();
    else this.#on({ type: 'batch', run: delivery.place }, delivery);
  }

  gap(gap: Gap): void {
    this.#on({ type: 'gap', gap });
  }

  refused(error: RingcastError): void {
    if (error.code !== 'unknown-cursor') this.stop({ error });
    else this.#on({ type: 'unknown-cursor', sharedIdle: this.#shared.idle }, undefined, error);
  }

  lag(): void {
    this.#on({ type: 'overfull' });
  }

  // ---------------------------------------------------------------------------------------------------------------------

  #on(event: ReaderEvent, delivery?: Delivery, error?: RingcastError): void {
    this.#apply(decideReader(this.#reader, event, this.#rules), delivery, error);
  }

  #apply(step: Step<ReaderState, ReaderEffect>, delivery?: Delivery, error?: RingcastError): void {
    this.#setReader(step.state);
    this.#begin ??= positionBefore(step, delivery);
    for (const effect of step.effects) {
      // The application may have unsubscribed in what an effect called.
      if (this.#state === 'ended') return;
      this.#run(effect, delivery, error);
    }
    this.connectionChanged();
  }

  #setReader(state: ReaderState): void {
    this.#reader = state;
    if (state.name === 'joined') this.#port.flow.join(this);
    else this.#port.flow.leave(this);
  }

  #run(effect: ReaderEffect, delivery: Delivery | undefined, error: RingcastError | undefined): void {
    switch (effect.do) {
      case 'take': {
        const { records, bytes } = delivery!;
        this.#owner.push(effect.skip === 0 ? records : records.slice(effect.skip), bytes);
        break;
      }
      case 'gap':
        this.#owner.push([effect.gap], 0);
        break;
      case 'join':
        this.#shared.join(this, effect.from);
        break;
      case 'leave':
        this.#shared.leave(this);
        break;
      case 'pull':
        this.#page = 'held-back';
        this.#pull();
        break;
      case 'pull-again':
        this.#pullLater(0);
        this.#port.report(holeError(this.#shared.channel), this.#shared.channel);
        break;
      case 'fail':
        this.stop({ error });
        break;
    }
  }

  /** One page at a time, and only while the application has little left to do. */
  #pull(): void {
    const reader = this.#reader;
    if (this.#page !== 'held-back' || reader.name !== 'pulling' || this.queuedBytes > LOW_WATER_BYTES) return;
    this.#page = 'asked';
    const whileWanted = (run: () => void) => {
      if (this.#reader !== reader) return;
      this.#page = 'none';
      run();
    };
    this.#port.pulls.pull(
      { channel: this.#shared.channel, from: reader.from, limit: null, reverse: null, upTo: null },
      {
        page: (page) => whileWanted(() => this.#takePage(page)),
        refused: (error) => whileWanted(() => this.#pullRefused(error)),
      },
    );
  }

  #takePage(page: Page): void {
    const records = readRun(this.#shared.channel, page, 0);
    const delivery = { records, place: page, bytes: chargedBytes(page) };
    const attempt = this.#pullAttempt;
    this.#on({ type: 'page', page, shared: this.#shared.cursor }, delivery);
    if (this.#pullAttempt === attempt) this.#pullAttempt = 0;
  }

  #pullRefused(error: RingcastError): void {
    if (error.advice === 'retry') this.#pullLater(error.retryAfterMs ?? 0);
    else this.refused(error);
  }

  #pullLater(leastMs: number): void {
    this.#cancelRetry = this.#port.later(this.#pullAttempt++, leastMs, () => {
      this.#page = 'held-back';
      this.#pull();
    });
  }

  #judge(): SubscriptionState {
    const reader = this.#reader;
    if (reader.name === 'ended') return this.#state;
    if (!this.#port.ready) return 'offline';
    if (reader.name !== 'joined') return reader.cursor ? 'catching-up' : 'pending';
    if (!this.#shared.cursor) return 'catching-up'; // back online, not resumed yet
    return compareCursors(reader.cursor, reader.liveFrom) >= 0 ? 'live' : 'catching-up';
  }
}

/** What a step's first record or gap comes after; where the step hands on nothing, where the reader is. */
function positionBefore(
  { state, effects }: Step<ReaderState, ReaderEffect>,
  delivery?: Delivery,
): Cursor | null {
  for (const effect of effects) {
    if (effect.do === 'gap') return effect.gap.after;
    if (effect.do === 'take') return { epoch: delivery!.place.epoch, offset: delivery!.place.prevOffset };
  }
  return state.name === 'ended' ? null : state.cursor;
}
