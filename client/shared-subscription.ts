/**
 * A channel's one subscription on the wire, shared by all who read the channel on this client: carries out what
 * subscription-state decides, reads each batch once, and hands the records to every joined reader. How far each of
 * them is, is the readers' matter (reader-state). Made and kept by client.ts.
 */
import { RingcastError } from '../shared/errors.ts';
import type { Head, Ok, RequestFrame } from '../shared/frames.ts';
import { type Cursor, type From, type Gap, parseCursor } from '../shared/terms.ts';
import { CreditWindow, type FrameHold } from './credit-window.ts';
import type { SubscriptionTerms } from './options.ts';
import { laterCursor, type RunPlace, type SparsePlace } from './position.ts';
import { chargedBytes, type ReceivedRecord, readRun } from './record.ts';
import type { Requests } from './requests.ts';
import { type BatchFrame, eventOf, placeOf, type SubscriptionFrame } from './subscription-frames.ts';
import {
  decideSubscription,
  IDLE_SUBSCRIPTION,
  type SubscriptionEffect,
  type SubscriptionMachineEvent,
  type SubscriptionMachineState,
} from './subscription-state.ts';

/** How long several readers are held up by some of them, ms. */
export const LONGEST_STALL_MS = 1000;

/** Records as readers are handed them: `place` is where `records` lie. */
export interface Delivery {
  readonly records: readonly ReceivedRecord[];
  readonly place: RunPlace | SparsePlace;
  /** What a queue that holds them is charged. */
  readonly bytes: number;
  /** The frame that they came in. */
  readonly hold: FrameHold;
}

/** Who reads a channel: a subscription of the application. */
export interface Reader {
  readonly queuedBytes: number;
  /** `inState`: state comes first, and the log from the cursor on when that has ended. */
  opened(cursor: Cursor, head: Cursor, inState: boolean): void;
  batch(delivery: Delivery): void;
  stateFrame(delivery: Omit<Delivery, 'place'>, atEnd: boolean): void;
  gap(gap: Gap, hold: FrameHold): void;
  refused(error: RingcastError): void;
  /** What it stands on came or went: it may be live no more, or again. */
  connectionChanged(): void;
  /** It holds up the others: to go on by itself. */
  lag(): void;
}

/** What a shared subscription needs of its client. */
export interface SubscriptionPort {
  readonly ready: boolean;
  readonly requests: Requests;
  send(frame: RequestFrame): number;
  /** Frames of this channel number are its from now on; none's where `shared` is undefined. */
  route(channelNumber: number, shared: SharedSubscription | undefined): void;
  /** The credit of a channel, bytes. */
  readonly maxQueuedBytes: number;
  after(delayMs: number, run: () => void): () => void;
  /** Runs after the backoff of this attempt. */
  later(attempt: number, leastMs: number, run: () => void): () => void;
  /** Tells the application of what happened to nobody in particular. */
  report(error: unknown, channel: string): void;
  /** Nobody uses it any more. */
  unused(channel: string): void;
}

export class SharedSubscription {
  readonly channel: string;
  readonly #port: SubscriptionPort;
  /** Subscriptions of the application that may come to read from here. */
  readonly #attached = new Set<Reader>();
  readonly #readers = new Set<Reader>();
  #state: SubscriptionMachineState = IDLE_SUBSCRIPTION;
  #refusal: RingcastError | undefined;
  #cancelRetry: (() => void) | undefined;
  readonly #credit: CreditWindow;
  #cancelStall: (() => void) | undefined;
  /** The one who asked for the state. */
  #stateReader: Reader | undefined;
  /** The newest record that the hub has told of. */
  #head: Cursor | null = null;
  #live = false;
  /** What it asks of the hub beside the position; for all its readers. */
  terms: SubscriptionTerms;

  constructor(channel: string, port: SubscriptionPort, terms: SubscriptionTerms) {
    this.channel = channel;
    this.#port = port;
    this.terms = terms;
    this.#credit = new CreditWindow(port.maxQueuedBytes, () => this.#giveBack());
  }

  /** Nobody has asked for it: the next reader says where it begins. */
  get idle(): boolean {
    return this.#state.name === 'idle' || (this.#state.name === 'abandoned' && !this.#state.next);
  }

  /** No subscription of the application stands on it: its terms may change. */
  get unused(): boolean {
    return this.#attached.size === 0;
  }

  /** Where it is; null while it is not open. */
  get cursor(): Cursor | null {
    return this.#state.name === 'open' ? this.#state.cursor : null;
  }

  /** The newest record of the channel that is known here. */
  get newest(): Cursor | null {
    const { cursor } = this;
    return cursor && this.#head ? laterCursor(cursor, this.#head) : (cursor ?? this.#head);
  }

  /** Open, and not behind as far as the hub has said. */
  get live(): boolean {
    return this.#live && this.cursor !== null;
  }

  attach(reader: Reader): void {
    this.#attached.add(reader);
  }

  /** Undoes attach and join. */
  detach(reader: Reader): void {
    this.leave(reader);
    this.#attached.delete(reader);
    this.#forgetIfUnused();
  }

  /** Feeds the reader from here; opens the subscription at `from` if nobody has. */
  join(reader: Reader, from: From): void {
    this.#readers.add(reader);
    if (isState(from)) this.#stateReader = reader;
    this.#on({ type: 'want', from, online: this.#port.ready });
    const state = this.#state;
    // What the state is complete to, only its end makes a place to join at.
    if (state.name === 'open' && !state.stateAfter) reader.opened(state.cursor, state.head, false);
    this.#watchStall();
  }

  leave(reader: Reader): void {
    if (this.#readers.delete(reader) && this.#readers.size === 0) this.#on({ type: 'release' });
    this.#watchStall();
  }

  online(): void {
    this.#on({ type: 'online' });
  }

  offline(): void {
    this.#on({ type: 'offline' });
  }

  /**
   * A frame that is charged to the credit. Read before the cursor moves: a damaged one ends the connection, and is asked
   * for again.
   */
  frame(frame: SubscriptionFrame, bytes: number): void {
    const hold = this.#credit.charge(bytes);
    try {
      this.#apply(decideSubscription(this.#state, eventOf(frame)), { frame, hold });
    } finally {
      hold.release();
    }
    this.#watchStall();
  }

  /** How far the hub is ahead of what it sends here. */
  head({ head, live }: Pick<Head, 'head' | 'live'>): void {
    this.#head = head;
    this.#live = live;
    this.#forEach((reader) => reader.connectionChanged());
  }

  revoked(error: RingcastError): void {
    this.#refusal = error;
    this.#on({ type: 'revoked' });
  }

  #on(event: SubscriptionMachineEvent): void {
    this.#apply(decideSubscription(this.#state, event));
  }

  #apply({ state, effects }: ReturnType<typeof decideSubscription>, came?: CameFrame): void {
    const deliver = came && this.#prepare(effects, came);
    const changed = state.name !== this.#state.name;
    if (changed) {
      this.#head = this.newest;
      this.#cancelRetry?.();
      this.#cancelRetry = undefined;
    }
    this.#state = state;
    for (const effect of effects) {
      if (effect.do === 'take' || effect.do === 'take-state' || effect.do === 'gap') deliver?.();
      else this.#run(effect);
    }
    if (changed) this.#forEach((reader) => reader.connectionChanged());
    this.#forgetIfUnused();
  }

  /** Reads what there is to hand on; the returned function does that. */
  #prepare(effects: readonly SubscriptionEffect[], { frame, hold }: CameFrame): (() => void) | undefined {
    const effect = effects.find(
      (each) => each.do === 'take' || each.do === 'take-state' || each.do === 'gap',
    );
    if (effect?.do === 'gap') return () => this.#forEach((reader) => reader.gap(effect.gap, hold));
    if (!effect || frame.op === 'gap') return undefined;
    const records = readRun(this.channel, frame, effect.skip);
    const bytes = chargedBytes(frame);
    if (effect.do === 'take-state') {
      return () => {
        this.#forEach((reader) => reader.stateFrame({ records, bytes, hold }, effect.atEnd));
        if (effect.atEnd) this.#opened();
      };
    }
    const place = placeOf(frame as BatchFrame, effect.skip, records.length);
    return () => this.#forEach((reader) => reader.batch({ records, place, bytes, hold }));
  }

  #forEach(hand: (reader: Reader) => void): void {
    for (const reader of this.#readers) hand(reader);
  }

  #run(effect: SubscriptionEffect): void {
    switch (effect.do) {
      case 'subscribe':
        this.#subscribe(effect.from);
        break;
      case 'unsubscribe':
        this.#unsubscribe(effect.channelNumber);
        break;
      case 'opened':
        this.#opened();
        break;
      case 'hold-off':
        this.#cancelRetry = this.#port.later(effect.attempt, this.#refusal?.retryAfterMs ?? 0, () =>
          this.#on({ type: 'retry' }),
        );
        return;
      case 'report-hole':
        this.#port.report(holeError(this.channel), this.channel);
        break;
      case 'fail':
        this.#fail(this.#refusal!);
        break;
    }
  }

  #subscribe(from: From): void {
    this.#refusal = undefined;
    const id = this.#port.requests.add<Ok>({
      answered: ({ result }) => this.#answered(result),
      refused: (error) => {
        this.#refusal = error;
        this.#on({ type: 'refused', code: error.code });
      },
      // `offline` follows for all.
      lost: () => {},
    });
    const heldBytes = this.#credit.begin();
    const options = {
      ...this.terms,
      creditBytes: this.#credit.windowBytes,
      ...(heldBytes > 0 && { heldBytes }),
    };
    this.#port.send({ op: 'subscribe', id, channel: this.channel, from, options });
  }

  #answered(result: Ok['result']): void {
    const cursor = parseCursor(String(result?.cursor));
    const head = parseCursor(String(result?.head));
    const channelNumber = result?.channelNumber;
    if (!cursor || !head || typeof channelNumber !== 'number') {
      throw new RingcastError('bad-frame', `${this.channel} is open without a position`);
    }
    this.#port.route(channelNumber, this);
    this.#head = head;
    this.#live = true;
    this.#on({ type: 'ok', channelNumber, cursor, head });
    this.#giveBack();
  }

  #giveBack(): void {
    if (this.#state.name === 'open' && this.#port.ready) {
      const bytes = this.#credit.takeReturn();
      if (bytes > 0) this.#port.send({ op: 'credit', channelNumber: this.#state.channelNumber, bytes });
    }
    this.#watchStall();
  }

  /** One reader alone just makes the hub wait; where others would wait with it, the fullest have to go on by themselves. */
  #watchStall(): void {
    const isStalled = this.#credit.exhausted && this.#readers.size > 1 && this.terms.policy === undefined;
    if (isStalled) {
      this.#cancelStall ??= this.#port.after(LONGEST_STALL_MS, () => {
        this.#cancelStall = undefined;
        this.#shed();
      });
    } else {
      this.#cancelStall?.();
      this.#cancelStall = undefined;
    }
  }

  #shed(): void {
    const fullest = [...this.#readers].sort((a, b) => b.queuedBytes - a.queuedBytes);
    for (const reader of fullest) {
      if (!this.#credit.exhausted || this.#readers.size <= 1) return;
      reader.lag();
    }
  }

  #unsubscribe(channelNumber: number): void {
    this.#port.route(channelNumber, undefined);
    const ignore = () => {};
    const id = this.#port.requests.add({ answered: ignore, refused: ignore, lost: ignore });
    this.#port.send({ op: 'unsubscribe', id, channelNumber });
  }

  /** While state comes, only who asked for it is told. */
  #opened(): void {
    for (const reader of this.#readers) {
      const state = this.#state;
      if (state.name !== 'open') return;
      if (!state.stateAfter || reader === this.#stateReader) {
        reader.opened(state.cursor, state.head, state.stateAfter !== null);
      }
    }
  }

  #fail(error: RingcastError): void {
    const readers = [...this.#readers];
    this.#readers.clear();
    for (const reader of readers) reader.refused(error);
  }

  #forgetIfUnused(): void {
    if (this.#state.name === 'idle' && this.unused) this.#port.unused(this.channel);
  }
}

interface CameFrame {
  readonly frame: SubscriptionFrame;
  readonly hold: FrameHold;
}

function isState(from: From): boolean {
  return from === 'state' || (typeof from === 'object' && 'state' in from);
}

/** The hub left out records without a gap. Asked again from the cursor, it may do better; nothing is skipped. */
export function holeError(channel: string): RingcastError {
  return new RingcastError('internal', `the hub left out records of ${channel}; asking again`);
}
