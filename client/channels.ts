/**
 * The channels that a client reads: one shared subscription each, found by name or by the number that frames carry,
 * and the readers that stand on them. Passes on what concerns them; what to do about it they decide. Called by
 * client.ts only.
 */
import { RingcastError } from '../shared/errors.ts';
import type { Head, RequestFrame } from '../shared/frames.ts';
import type { ChannelReader } from './channel-reader.ts';
import type { SubscriptionTerms } from './options.ts';
import { SharedSubscription } from './shared-subscription.ts';
import { Subscription, type SubscriptionHost, type SubscriptionPlan, stateError } from './subscription.ts';
import type { SubscriptionFrame } from './subscription-frames.ts';

export interface ChannelsPort {
  readonly ready: boolean;
  send(frame: RequestFrame): number;
}

/** The part of the host that is the client's. */
export type ChannelsHost = Pick<
  SubscriptionHost,
  'requests' | 'pulls' | 'lags' | 'maxQueuedBytes' | 'after' | 'later' | 'report' | 'unheardGap'
>;

export class Channels {
  readonly #shared = new Map<string, SharedSubscription>();
  readonly #routes = new Map<number, SharedSubscription>();
  readonly #readers = new Set<ChannelReader>();
  readonly #host: SubscriptionHost;

  constructor(port: ChannelsPort, host: ChannelsHost) {
    this.#host = {
      ...host,
      get ready() {
        return port.ready;
      },
      send: (frame) => port.send(frame),
      route: (channelNumber, shared) => {
        if (shared) this.#routes.set(channelNumber, shared);
        else this.#routes.delete(channelNumber);
      },
      unused: (channel) => this.#shared.delete(channel),
      started: (reader) => this.#readers.add(reader),
      ended: (reader) => this.#readers.delete(reader),
    };
  }

  /** Bytes received that the application has not taken. */
  get queuedBytes(): number {
    let bytes = 0;
    for (const reader of this.#readers) bytes += reader.queuedBytes;
    return bytes;
  }

  /** Throws `already-subscribed` where what is asked for does not go with what is open on the channel. */
  subscribe<Item>(
    channel: string,
    plan: SubscriptionPlan<Item>,
    terms: SubscriptionTerms,
  ): Subscription<Item> {
    let shared = this.#shared.get(channel);
    if (!shared) {
      shared = new SharedSubscription(channel, this.#host, terms);
      this.#shared.set(channel, shared);
    }
    if (shared.unused) shared.terms = terms;
    if (!isSame(shared.terms, terms)) {
      const text = `${channel} is open already, with another policy, lag limit or deliver; unsubscribe first, or use another client`;
      throw new RingcastError('already-subscribed', text);
    }
    if (plan.from === 'state' && !shared.idle) throw stateError(channel);
    return new Subscription(this.#host, shared, plan);
  }

  online(): void {
    for (const shared of [...this.#shared.values()]) shared.online();
    this.#connectionChanged();
  }

  offline(): void {
    this.#routes.clear();
    for (const shared of [...this.#shared.values()]) shared.offline();
    this.#connectionChanged();
  }

  /** Frames of a number that is nobody's come late, after an unsubscribe. */
  frame(frame: SubscriptionFrame, bytes: number): void {
    this.#routes.get(frame.channelNumber)?.frame(frame, bytes);
  }

  head(frame: Head): void {
    this.#routes.get(frame.channelNumber)?.head(frame);
  }

  /** The hub ended a subscription; false where it is not known. */
  revoked(channelNumber: number, error: RingcastError): boolean {
    const shared = this.#routes.get(channelNumber);
    this.#routes.delete(channelNumber);
    shared?.revoked(error);
    return shared !== undefined;
  }

  /** Ends all subscriptions. */
  end(failure: { readonly error?: unknown } = {}): void {
    for (const reader of [...this.#readers]) reader.stop(failure);
  }

  #connectionChanged(): void {
    for (const reader of [...this.#readers]) reader.connectionChanged();
  }
}

function isSame(a: SubscriptionTerms, b: SubscriptionTerms): boolean {
  return (
    a.policy === b.policy &&
    a.maxLagRecords === b.maxLagRecords &&
    a.maxLagBytes === b.maxLagBytes &&
    a.deliver === b.deliver
  );
}
