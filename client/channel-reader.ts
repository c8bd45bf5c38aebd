/**
 * One subscription's way to its records: carries out what reader-state decides. Is fed by the channel's shared
 * subscription, or pulls pages while it is behind it, and puts what it receives into an outlet. Knows no application;
 * subscription.ts is its owner, the client tells it of the connection.
 */
import type { RingcastError } from '../shared/errors.ts';
import type { Page } from '../shared/frames.ts';
import { type Cursor, compareCursors, type From, type Gap } from '../shared/terms.ts';
import type { FrameHold } from './credit-window.ts';
import { laterCursor, type SparsePart } from './position.ts';
import type { Pulls } from './pulls.ts';
import {
  decideReader,
  type ReaderEffect,
  type ReaderEvent,
  type ReaderRules,
  type ReaderState,
  startReader,
} from './reader-state.ts';
import { chargedBytes, RECORD_OBJECT_BYTES, type ReceivedRecord, readRun } from './record.ts';
import type { QueueChunk, QueueItem } from './record-queue.ts';
import {
  type Delivery,
  holeError,
  type Reader,
  type SharedSubscription,
  type SubscriptionPort,
} from './shared-subscription.ts';
import type { Step } from './transition-table.ts';

/**
 * `pending` until the hub has said where it begins · `catching-up` with what was published before, and again when the
 * hub holds back what is published, because too little is taken of it · `live` · `offline` while the connection is away, to be resumed · `ended`.
 */
export type SubscriptionState = 'pending' | 'catching-up' | 'live' | 'offline' | 'ended';

/** What a reader needs of its client. */
export interface ReaderPort extends SubscriptionPort {
  readonly pulls: Pulls;
  /** Of a channel; a reader that pulls asks for its next page when a quarter of it is left. */
  readonly maxQueuedBytes: number;
}

/** What a queue is charged for a gap. */
const GAP_OBJECT_BYTES = RECORD_OBJECT_BYTES;

/** What an event brings: records of a batch, page or state frame, or nothing but the frame that it came in. */
type Handed = Omit<Delivery, 'place' | 'hold'> & Partial<Pick<Delivery, 'place' | 'hold'>>;

export interface ReaderOwner {
  readonly queuedBytes: number;
  push(chunk: QueueChunk): void;
  /** What it has queued counts against the credit of the channel no more. */
  releaseHolds(): void;
  onState(state: SubscriptionState): void;
  /** Once, before the state `ended` is told; with an error where one is the cause. */
  onEnd(failure: { readonly error?: unknown }): void;
}

export class ChannelReader implements Reader {
  readonly #port: ReaderPort;
  readonly #shared: SharedSubscription;
  readonly #rules: ReaderRules;
  readonly #owner: ReaderOwner;
  #reader: ReaderState = { name: 'ended' };
  #state: SubscriptionState = 'pending';
  #begin: Cursor | null = null;
  /** What it is handed first are no positions in the log. */
  #fromState = false;
  /** The next page: `held-back` while the application has enough to do. */
  #page: 'none' | 'held-back' | 'asked' = 'none';
  #pullAttempt = 0;
  #cancelRetry: (() => void) | undefined;

  constructor(port: ReaderPort, shared: SharedSubscription, rules: ReaderRules, owner: ReaderOwner) {
    this.#port = port;
    this.#shared = shared;
    this.#rules = rules;
    this.#owner = owner;
    shared.attach(this);
  }

  get state(): SubscriptionState {
    return this.#state;
  }

  /** Before the first record; null until the hub has said where that is. */
  get begin(): Cursor | null {
    return this.#begin;
  }

  /** The newest record of the channel that is known. */
  get newest(): Cursor | null {
    const { newest } = this.#shared;
    const own = this.#reader.name === 'ended' ? null : this.#reader.cursor;
    return newest && own ? laterCursor(newest, own) : (own ?? newest);
  }

  get queuedBytes(): number {
    return this.#owner.queuedBytes;
  }

  start(from: From): void {
    const isFirst = this.#shared.idle;
    this.#fromState = from === 'state';
    this.#apply(startReader(from, isFirst));
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

  /** There is less in the owner's queue than before. */
  taken(): void {
    this.#pull();
  }

  /** The connection or the shared subscription came or went; also after every step: the state is judged from all three. */
  connectionChanged(): void {
    const state = this.#judge();
    if (state === this.#state) return;
    this.#state = state;
    this.#owner.onState(state);
  }

  // From the shared subscription ----------------------------------------------------------------------------------------

  opened(cursor: Cursor, head: Cursor, inState: boolean): void {
    this.#on({ type: 'opened', cursor, head, inState });
  }

  batch(delivery: Delivery): void {
    const { place } = delivery;
    this.#on('offsets' in place ? { type: 'sparse-batch', place } : { type: 'batch', run: place }, delivery);
  }

  stateFrame(delivery: Omit<Delivery, 'place'>, atEnd: boolean): void {
    this.#on({ type: 'state', atEnd }, delivery);
  }

  gap(gap: Gap, hold: FrameHold): void {
    this.#on({ type: 'gap', gap }, { records: [], bytes: 0, hold });
  }

  refused(error: RingcastError): void {
    if (error.code !== 'unknown-cursor') this.stop({ error });
    else this.#on({ type: 'unknown-cursor', sharedIdle: this.#shared.idle }, undefined, error);
  }

  lag(): void {
    this.#on({ type: 'lagging' });
  }

  // ---------------------------------------------------------------------------------------------------------------------

  #on(event: ReaderEvent, delivery?: Handed, error?: RingcastError): void {
    this.#apply(decideReader(this.#reader, event, this.#rules), delivery, error);
  }

  #apply(step: Step<ReaderState, ReaderEffect>, delivery?: Handed, error?: RingcastError): void {
    this.#setReader(step.state);
    if (!this.#fromState) this.#begin ??= positionBefore(step, delivery);
    for (const effect of step.effects) {
      // The application may have unsubscribed in what an effect called.
      if (this.#state === 'ended') return;
      this.#run(effect, delivery, error);
    }
    this.connectionChanged();
  }

  #setReader(state: ReaderState): void {
    const wasJoined = this.#reader.name === 'joined';
    this.#reader = state;
    if (wasJoined && state.name !== 'joined') this.#owner.releaseHolds();
  }

  #run(effect: ReaderEffect, delivery: Handed | undefined, error: RingcastError | undefined): void {
    switch (effect.do) {
      case 'take':
        this.#push(effect.skip === 0 ? delivery!.records : delivery!.records.slice(effect.skip), delivery!);
        break;
      case 'take-parts':
        this.#push(
          effect.parts.flatMap((part) => itemsOf(part, delivery!.records)),
          delivery!,
        );
        break;
      case 'take-state':
        this.#owner.push({
          items: delivery!.records,
          ...chargeOf(delivery!),
          cursorAfter: effect.completeTo,
        });
        break;
      case 'gap':
        this.#owner.push({ items: [effect.gap], bytes: GAP_OBJECT_BYTES, hold: delivery?.hold });
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

  #push(items: readonly QueueItem[], delivery: Handed): void {
    this.#owner.push({ items, ...chargeOf(delivery) });
  }

  /** One page at a time, and only while the application has little left to do. */
  #pull(): void {
    const reader = this.#reader;
    if (this.#page !== 'held-back' || reader.name !== 'pulling') return;
    if (this.queuedBytes * 4 > this.#port.maxQueuedBytes) return;
    this.#page = 'asked';
    const whileWanted = (run: () => void) => {
      if (this.#reader !== reader) return;
      this.#page = 'none';
      run();
    };
    this.#port.pulls.pull(
      {
        channel: this.#shared.channel,
        from: reader.from,
        limit: null,
        reverse: null,
        upTo: null,
        ...(this.#shared.terms.deliver === 'durable' && { durable: true }),
      },
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
    // Back online and not resumed yet, behind as the hub says, or not through with the state.
    if (!this.#shared.live || reader.inState) return 'catching-up';
    return compareCursors(reader.cursor, reader.liveFrom) >= 0 ? 'live' : 'catching-up';
  }
}

function chargeOf({ bytes, hold }: Handed): Pick<QueueChunk, 'bytes' | 'hold'> {
  return { bytes, hold };
}

function itemsOf(part: SparsePart, records: readonly ReceivedRecord[]): readonly QueueItem[] {
  return 'gap' in part ? [part.gap] : records.slice(part.from, part.to);
}

/** What a step's first record or gap comes after; where the step hands on nothing, where the reader is. */
function positionBefore(
  { state, effects }: Step<ReaderState, ReaderEffect>,
  delivery?: Handed,
): Cursor | null {
  for (const effect of effects) {
    if (effect.do === 'gap') return effect.gap.after;
    if (effect.do === 'take' || effect.do === 'take-parts') {
      const { epoch, prevOffset } = delivery!.place!;
      return { epoch, offset: prevOffset };
    }
  }
  return state.name === 'ended' ? null : state.cursor;
}
