/**
 * The channels that a client reads: one shared subscription each, found by name or by the number that frames carry,
 * and the readers that stand on them. Passes on what concerns them; what to do about it they decide. Called by
 * client.ts only.
 */
import type { RingcastError } from '../shared/errors.ts';
import type { Batch, ClientFrame, GapFrame } from '../shared/frames.ts';
import type { ChannelReader } from './channel-reader.ts';
import { SharedSubscription } from './shared-subscription.ts';
import { Subscription, type SubscriptionHost, type SubscriptionPlan } from './subscription.ts';

export interface ChannelsPort {
  readonly ready: boolean;
  send(frame: ClientFrame): number;
}

/** The part of the host that is the client's. */
export type ChannelsHost = Pick<
  SubscriptionHost,
  'requests' | 'pulls' | 'flow' | 'maxQueuedBytes' | 'later' | 'report' | 'unheardGap'
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

  subscribe<Item>(channel: string, plan: SubscriptionPlan<Item>): Subscription<Item> {
    let shared = this.#shared.get(channel);
    if (!shared) {
      shared = new SharedSubscription(channel, this.#host);
      this.#shared.set(channel, shared);
    }
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
  batch(frame: Batch): void {
    this.#routes.get(frame.channelNumber)?.batch(frame);
  }

  gap(frame: GapFrame): void {
    this.#routes.get(frame.channelNumber)?.gap(frame);
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
