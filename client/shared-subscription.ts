/**
 * A channel's one subscription on the wire, shared by all who read the channel on this client: carries out what
 * subscription-state decides, reads each batch once, and hands the records to every joined reader. How far each of
 * them is, is the readers' matter (reader-state). Made and kept by client.ts.
 */
import { RingcastError } from '../shared/errors.ts';
import type { Batch, ClientFrame, GapFrame, Ok } from '../shared/frames.ts';
import { type Cursor, type From, type Gap, parseCursor } from '../shared/terms.ts';
import type { RunPlace } from './position.ts';
import { chargedBytes, type ReceivedRecord, readRun } from './record.ts';
import type { Requests } from './requests.ts';
import {
  decideSubscription,
  IDLE_SUBSCRIPTION,
  type SubscriptionEffect,
  type SubscriptionMachineEvent,
  type SubscriptionMachineState,
} from './subscription-state.ts';

/** Records in a row, as readers are handed them: `place` is where `records` lie. */
export interface Delivery {
  readonly records: readonly ReceivedRecord[];
  readonly place: RunPlace;
  /** What a queue that holds them is charged. */
  readonly bytes: number;
}

/** Who reads a channel: a subscription of the application. */
export interface Reader {
  opened(cursor: Cursor, head: Cursor): void;
  batch(delivery: Delivery): void;
  gap(gap: Gap): void;
  refused(error: RingcastError): void;
}

/** What a shared subscription needs of its client. */
export interface SubscriptionPort {
  readonly ready: boolean;
  readonly requests: Requests;
  send(frame: ClientFrame): number;
  /** Frames of this channel number are its from now on; none's where `shared` is undefined. */
  route(channelNumber: number, shared: SharedSubscription | undefined): void;
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

  constructor(channel: string, port: SubscriptionPort) {
    this.channel = channel;
    this.#port = port;
  }

  get idle(): boolean {
    return this.#state.name === 'idle';
  }

  /** Where it is; null while it is not open. */
  get cursor(): Cursor | null {
    return this.#state.name === 'open' ? this.#state.cursor : null;
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
    this.#on({ type: 'want', from, online: this.#port.ready });
    if (this.#state.name === 'open') reader.opened(this.#state.cursor, this.#state.head);
  }

  leave(reader: Reader): void {
    if (this.#readers.delete(reader) && this.#readers.size === 0) this.#on({ type: 'release' });
  }

  online(): void {
    this.#on({ type: 'online' });
  }

  offline(): void {
    this.#on({ type: 'offline' });
  }

  /** Read before the cursor moves: a damaged batch ends the connection, and is asked for again. */
  batch(frame: Batch): void {
    const step = decideSubscription(this.#state, { type: 'batch', run: frame });
    const take = step.effects.find((effect) => effect.do === 'take');
    this.#apply(step, take && this.#read(frame, take.skip));
  }

  gap(frame: GapFrame): void {
    const { after, upTo, count, reason } = frame;
    this.#on({ type: 'gap', gap: { after, upTo, count, reason } });
  }

  revoked(error: RingcastError): void {
    this.#refusal = error;
    this.#on({ type: 'revoked' });
  }

  #on(event: SubscriptionMachineEvent): void {
    this.#apply(decideSubscription(this.#state, event));
  }

  #apply({ state, effects }: ReturnType<typeof decideSubscription>, delivery?: Delivery): void {
    if (state.name !== this.#state.name) {
      this.#cancelRetry?.();
      this.#cancelRetry = undefined;
    }
    this.#state = state;
    for (const effect of effects) this.#run(effect, delivery);
    this.#forgetIfUnused();
  }

  #run(effect: SubscriptionEffect, delivery: Delivery | undefined): void {
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
      case 'take':
        for (const reader of this.#readers) reader.batch(delivery!);
        return;
      case 'gap':
        for (const reader of this.#readers) reader.gap(effect.gap);
        return;
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
    this.#port.send({ op: 'subscribe', id, channel: this.channel, from, options: null });
  }

  #answered(result: Ok['result']): void {
    const cursor = parseCursor(String(result?.cursor));
    const head = parseCursor(String(result?.head));
    const channelNumber = result?.channelNumber;
    if (!cursor || !head || typeof channelNumber !== 'number') {
      throw new RingcastError('bad-frame', `the answer to a subscribe of ${this.channel} lacks its position`);
    }
    this.#port.route(channelNumber, this);
    this.#on({ type: 'ok', channelNumber, cursor, head });
  }

  #unsubscribe(channelNumber: number): void {
    this.#port.route(channelNumber, undefined);
    const ignore = () => {};
    const id = this.#port.requests.add({ answered: ignore, refused: ignore, lost: ignore });
    this.#port.send({ op: 'unsubscribe', id, channelNumber });
  }

  #opened(): void {
    for (const reader of this.#readers) {
      if (this.#state.name === 'open') reader.opened(this.#state.cursor, this.#state.head);
    }
  }

  #read(frame: Batch, skip: number): Delivery {
    const records = readRun(this.channel, frame, skip);
    const { epoch, prevOffset } = frame;
    const place = { epoch, prevOffset, firstOffset: frame.firstOffset + skip, count: records.length };
    return { records, place, bytes: chargedBytes(frame) };
  }

  #fail(error: RingcastError): void {
    const readers = [...this.#readers];
    this.#readers.clear();
    for (const reader of readers) reader.refused(error);
  }

  #forgetIfUnused(): void {
    if (this.idle && this.#attached.size === 0) this.#port.unused(this.channel);
  }
}

/** The hub left out records without a gap. Asked again from the cursor, it may do better; nothing is skipped. */
export function holeError(channel: string): RingcastError {
  return new RingcastError(
    'internal',
    `the hub left out records of ${channel} without saying so; asking again`,
  );
}
