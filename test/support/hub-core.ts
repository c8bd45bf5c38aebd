/** The hub without sockets for one test: over a store in memory, with the verbs as a connection would call them. */
import { onTestFinished } from 'vitest';
import { Hub, type HubLimits, type HubOptions } from '../../server/hub/hub.ts';
import { publish } from '../../server/hub/publish.ts';
import { Publisher } from '../../server/hub/publisher.ts';
import { Reader } from '../../server/hub/reader.ts';
import { subscribe } from '../../server/hub/subscribe.ts';
import type { Subscription } from '../../server/hub/subscription.ts';
import type { ReaderCaps, SubscriptionTerms } from '../../server/hub/subscription-terms.ts';
import type { ChannelLimits } from '../../server/log/log-set.ts';
import { createMemoryStore } from '../../server/log/memory-store.ts';
import type { OrderedStore } from '../../server/log/ordered-store.ts';
import { ManualClock } from '../../shared/clock.ts';
import type { RingcastError } from '../../shared/errors.ts';
import type { PublishEntry, ServerFrame, Subscribe } from '../../shared/frames.ts';
import { DROP_POLICIES, type From, parseCursor } from '../../shared/terms.ts';
import { FakeSink } from './fake-sink.ts';
import type { History } from './history.ts';
import { record } from './raw-client.ts';

/** Subscribers may choose what they like. */
export const NO_CAPS: ReaderCaps = { policies: DROP_POLICIES, maxLagRecords: null, maxLagBytes: null };

/** What a subscription without options comes to. */
export const REPLAY: SubscriptionTerms = {
  policy: 'replay',
  maxLagRecords: Number.POSITIVE_INFINITY,
  maxLagBytes: Number.POSITIVE_INFINITY,
  delivery: 'memory',
  windowBytes: Number.POSITIVE_INFINITY,
  heldBytes: 0,
};

export const LIMITS: HubLimits = {
  maxRecordBytes: 1_000_000,
  maxKeyBytes: 255,
  maxMetaBytes: 1024,
  maxSubscriptionsPerConnection: 100,
};

const UNBOUNDED = { maxRecords: null, maxBytes: null, maxAgeMs: null };

export interface HubCoreOptions extends Partial<HubOptions> {
  readonly channelLimits?: Partial<ChannelLimits>;
}

export interface Opened {
  readonly subscription: Subscription;
  readonly history: History;
}

function isState(from: From): boolean {
  return from === 'state' || (typeof from === 'object' && 'state' in from);
}

/** One turn of the event loop: what was scheduled by now has run. */
export const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

export class HubCore {
  readonly hub: Hub;
  readonly clock: ManualClock;
  readonly store: OrderedStore;
  readonly storeFailures: unknown[];
  /** What the publisher was told. */
  readonly told: ServerFrame[] = [];
  readonly refusals: RingcastError[] = [];
  readonly publisher = new Publisher(1e9, { send: (frame) => this.told.push(frame) });

  /** Stopped when the test is over. */
  static async open({ channelLimits = {}, ...options }: HubCoreOptions = {}): Promise<HubCore> {
    const clock = (options.clock as ManualClock | undefined) ?? new ManualClock();
    const store = options.store ?? createMemoryStore({ keep: true });
    const storeFailures: unknown[] = [];
    const hub = await Hub.open({
      folder: null,
      ringBytes: 64 * 1024 * 1024,
      unpersistedBytes: 64 * 1024 * 1024,
      maxChannels: 1000,
      maxDelayMs: 50,
      limits: LIMITS,
      producers: { maxCount: 100, maxAgeMs: 86_400_000 },
      limitsOf: () => ({ ring: UNBOUNDED, retention: UNBOUNDED, state: null, ...channelLimits }),
      capsOf: () => NO_CAPS,
      onStoreFailure: (cause) => storeFailures.push(cause),
      ...options,
      clock,
      store,
    });
    const core = new HubCore(hub, clock, store, storeFailures);
    onTestFinished(() => void core.stop());
    return core;
  }

  private constructor(hub: Hub, clock: ManualClock, store: OrderedStore, storeFailures: unknown[]) {
    this.hub = hub;
    this.clock = clock;
    this.store = store;
    this.storeFailures = storeFailures;
  }

  #stopped: Promise<boolean> | undefined;

  stop(): Promise<boolean> {
    this.#stopped ??= this.hub.stop();
    return this.#stopped;
  }

  connect(sink = new FakeSink()): { reader: Reader; sink: FakeSink } {
    return { reader: new Reader(sink), sink };
  }

  /** Resolves once it is open; rejects with the refusal. */
  async subscribe(
    reader: Reader,
    channel: string,
    from: From = 'latest',
    options: Subscribe['options'] = null,
  ): Promise<Opened> {
    const sink = reader.sink as FakeSink;
    let history: History | undefined;
    let number = 0;
    const request = { op: 'subscribe', id: 1, channel, from, options } as const;
    await subscribe(
      this.hub,
      reader,
      request,
      () => true,
      () => !sink.isClosed,
      ({ channelNumber, cursor }) => {
        number = channelNumber;
        history = sink.expect(channelNumber, parseCursor(cursor)!, isState(from));
      },
    );
    return { subscription: reader.subscriptions.get(number)!, history: history! };
  }

  unsubscribe({ subscription }: Opened): void {
    const { reader, channelNumber } = subscription;
    (reader.sink as FakeSink).expectNothing(channelNumber);
    this.hub.closeSubscription(subscription);
  }

  /** Publishes values without waiting for their push. Resolves at once but for a channel that is opened first. */
  publish(channel: string, values: readonly unknown[]): Promise<void> | undefined {
    return this.publishAll([[channel, values]]);
  }

  /** One publish with several entries. */
  publishAll(
    sent: readonly (readonly [channel: string, values: readonly unknown[]])[],
  ): Promise<void> | undefined {
    return this.#publish(
      sent.map(([channel, values]) => ({ channel, records: values.map((value) => record(value)) })),
    );
  }

  publishKeyed(
    channel: string,
    sent: readonly (readonly [key: string, value: unknown])[],
  ): Promise<void> | undefined {
    return this.#publish([{ channel, records: sent.map(([key, value]) => record(value, key)) }]);
  }

  #publish(entries: PublishEntry[]): Promise<void> | undefined {
    return publish(
      this.hub,
      this.publisher,
      { op: 'publish', id: 1, ack: 'memory', entries },
      () => true,
      ({ error }) => this.refusals.push(error),
    );
  }

  /** All that was appended is in the store, and the rings are back within their bounds. */
  flush(): Promise<void> {
    return this.hub.logs.writeBehind.flush();
  }

  /** The reader's peer reads; the hub is told as the socket would tell it. */
  drain(reader: Reader, bytes?: number): void {
    const sink = reader.sink as FakeSink;
    sink.drain(bytes);
    if (sink.bufferedBytes === 0) this.hub.catchUp.drained(reader);
  }
}
