/**
 * What the React hooks read, without React: stores that live while somebody looks at them, and tell of changes once a frame
 * however many records came. Types of the SDK only, so that it serves browsers and Node alike. Called by react.ts.
 */
import type { Gap } from '../shared/terms.ts';
import type { Client } from './client.ts';
import type { Lag } from './lag.ts';
import type { Status, SubscribeOptions } from './options.ts';
import type { ReceivedRecord } from './record.ts';
import type { Subscription, SubscriptionState } from './subscription.ts';

/** A frame that does not come, as in a hidden tab, is not waited for longer than this, ms. */
const LONGEST_FRAME_MS = 250;
/** Gaps that are kept, whatever the limit of records. */
const MAX_GAPS = 100;

/** Calls `run` once, at the next frame or soon; the returned function takes that back. */
export type Schedule = (run: () => void) => () => void;

const nextFrame: Schedule = (run) => {
  const cancel = () => {
    clearTimeout(timer);
    if (frame !== undefined) cancelAnimationFrame(frame);
  };
  const once = () => {
    cancel();
    run();
  };
  const frame = typeof requestAnimationFrame === 'function' ? requestAnimationFrame(once) : undefined;
  const timer = setTimeout(once, frame === undefined ? 16 : LONGEST_FRAME_MS);
  return cancel;
};

/**
 * Opens when the first looks and closes when nobody has looked for a microtask: React, which in StrictMode and when
 * components move lets go and looks again at once, does not make it start anew.
 */
abstract class ExternalStore<Snapshot> {
  readonly #listeners = new Set<() => void>();
  #isOpen = false;
  protected abstract snapshot: Snapshot;

  protected abstract open(): void;
  protected abstract close(): void;

  readonly subscribe = (listener: () => void): (() => void) => {
    // Two who hand in the same function are two.
    const each = () => listener();
    this.#listeners.add(each);
    if (!this.#isOpen) {
      this.#isOpen = true;
      this.open();
    }
    return () => {
      this.#listeners.delete(each);
      queueMicrotask(() => {
        if (this.#listeners.size > 0 || !this.#isOpen) return;
        this.#isOpen = false;
        this.close();
      });
    };
  };

  readonly getSnapshot = (): Snapshot => this.snapshot;

  protected set(snapshot: Snapshot): void {
    this.snapshot = snapshot;
    for (const listener of [...this.#listeners]) listener();
  }
}

export interface ConnectionView {
  /** Null until it is connected for the first time, and where that failed. */
  readonly client: Client | null;
  readonly status: Status;
  /** How far the application is behind, over all channels; null where that is not known. */
  readonly lag: Lag | null;
  /** Why it is not connected; null where it is. */
  readonly failure: unknown;
}

export const NOT_CONNECTED: ConnectionView = {
  client: null,
  status: 'connecting',
  lag: null,
  failure: null,
};

/** A client: one that somebody else holds, or one that it connects and closes itself. */
export class ConnectionStore extends ExternalStore<ConnectionView> {
  protected snapshot = NOT_CONNECTED;
  readonly #source: Client | (() => Promise<Client>);
  #stop: (() => void) | undefined;

  constructor(source: Client | (() => Promise<Client>)) {
    super();
    this.#source = source;
    if (typeof source !== 'function') this.snapshot = viewOf(source);
  }

  protected open(): void {
    const source = this.#source;
    if (typeof source !== 'function') {
      this.#stop = this.#watch(source);
      return;
    }
    let isWanted = true;
    this.#stop = () => {
      isWanted = false;
      this.snapshot = NOT_CONNECTED;
    };
    source().then(
      (client) => {
        const close = () => void client.close().catch(() => {});
        if (!isWanted) {
          close();
          return;
        }
        const stopWatching = this.#watch(client);
        this.#stop = () => {
          stopWatching();
          this.snapshot = NOT_CONNECTED;
          close();
        };
      },
      (failure: unknown) => {
        if (isWanted) this.set({ ...NOT_CONNECTED, status: 'closed', failure });
      },
    );
  }

  protected close(): void {
    this.#stop?.();
    this.#stop = undefined;
  }

  #watch(client: Client): () => void {
    const update = () => this.set(viewOf(client));
    const stops = [client.on('status', update), client.on('lag', update)];
    update();
    return () => {
      for (const stop of stops) stop();
    };
  }
}

function viewOf(client: Client): ConnectionView {
  const { status, lag, failure } = client;
  return { client, status, lag, failure };
}

/** What a store keeps of a channel. */
export interface Shelf<Kept> {
  add(record: ReceivedRecord): void;
  /** Forgets all: what follows begins anew. */
  clear(): void;
  /** Another object where anything has changed. */
  view(): Kept;
}

/** The newest `limit` records, newest last. */
export class RecentRecords implements Shelf<readonly ReceivedRecord[]> {
  readonly #limit: number;
  #records: ReceivedRecord[] = [];

  constructor(limit: number) {
    if (!(Number.isSafeInteger(limit) && limit >= 1)) throw new TypeError('limit must be an integer from 1');
    this.#limit = limit;
  }

  add(record: ReceivedRecord): void {
    this.#records.push(record);
    // Now and then, not for each: a record costs the same however many are kept.
    if (this.#records.length >= 2 * this.#limit) this.#records = this.view();
  }

  clear(): void {
    this.#records = [];
  }

  view(): ReceivedRecord[] {
    return this.#records.slice(-this.#limit);
  }
}

/** The newest record, of all or of one key. */
export class NewestRecord implements Shelf<ReceivedRecord | null> {
  readonly #key: string | undefined;
  #record: ReceivedRecord | null = null;

  constructor(key: string | undefined) {
    this.#key = key;
  }

  add(record: ReceivedRecord): void {
    if (this.#key === undefined || record.key === this.#key) this.#record = record;
  }

  clear(): void {
    this.#record = null;
  }

  view(): ReceivedRecord | null {
    return this.#record;
  }
}

/** The newest record of each key that has one; null data takes the key out. As many keys as the channel has. */
export class NewestByKey implements Shelf<ReadonlyMap<string, ReceivedRecord>> {
  readonly #records = new Map<string, ReceivedRecord>();

  add(record: ReceivedRecord): void {
    const { key, payload } = record;
    if (key === null) return;
    if (payload.length === 1 && payload[0] === 0xc0) this.#records.delete(key);
    else this.#records.set(key, record);
  }

  clear(): void {
    this.#records.clear();
  }

  view(): ReadonlyMap<string, ReceivedRecord> {
    return new Map(this.#records);
  }
}

export interface ChannelView<Kept> {
  readonly records: Kept;
  /** The newest hundred, newest last: what is missing, and why. */
  readonly gaps: readonly Gap[];
  /** Of all gaps since it began. */
  readonly gapCount: number;
  readonly state: SubscriptionState;
  /** How far behind the channel this is; null where that is not known. */
  readonly lag: Lag | null;
  /** Why it ended: a RingcastError, or a TypeError for bad options. Null while it runs. */
  readonly error: unknown;
}

/** One reading of a channel. Looked at again after nobody did, it goes on where it was. */
export class ChannelStore<Kept> extends ExternalStore<ChannelView<Kept>> {
  protected snapshot: ChannelView<Kept>;
  readonly #client: Client;
  readonly #channel: string;
  readonly #options: SubscribeOptions;
  readonly #shelf: Shelf<Kept>;
  readonly #schedule: Schedule;
  #subscription: Subscription | undefined;
  /** Where the one before ended. */
  #cursor: string | null = null;
  #gaps: Gap[] = [];
  #gapCount = 0;
  #error: unknown = null;
  #cancelFlush: (() => void) | undefined;

  constructor(
    client: Client,
    channel: string,
    options: SubscribeOptions,
    shelf: Shelf<Kept>,
    schedule: Schedule = nextFrame,
  ) {
    super();
    this.#client = client;
    this.#channel = channel;
    this.#options = options;
    this.#shelf = shelf;
    this.#schedule = schedule;
    this.snapshot = nothingOf(shelf);
  }

  protected open(): void {
    this.#error = null;
    if (this.#cursor === null) {
      this.#shelf.clear();
      this.#gaps = [];
      this.#gapCount = 0;
    }
    try {
      this.#subscribe(this.#cursor ?? this.#options.from);
    } catch (error) {
      this.#error = error;
    }
    this.#changed();
  }

  protected close(): void {
    const subscription = this.#subscription;
    this.#subscription = undefined;
    this.#cancelFlush?.();
    this.#cancelFlush = undefined;
    if (!subscription) return;
    // What failed is not gone on with.
    this.#cursor = this.#error === null ? subscription.cursor : null;
    subscription.unsubscribe();
  }

  #subscribe(from: SubscribeOptions['from']): void {
    const subscription = this.#client.subscribe(
      this.#channel,
      { ...this.#options, from, gaps: 'events' },
      (record) => {
        this.#shelf.add(record);
        this.#changed();
      },
    );
    this.#subscription = subscription;
    const changed = () => this.#changed();
    subscription.on('state', changed);
    subscription.on('lag', changed);
    subscription.on('gap', (gap) => {
      this.#gapCount++;
      this.#gaps = [...this.#gaps.slice(1 - MAX_GAPS), gap];
      this.#changed();
    });
    subscription.on('error', (error) => {
      this.#error = error;
      this.#changed();
    });
  }

  #changed(): void {
    this.#cancelFlush ??= this.#schedule(() => {
      this.#cancelFlush = undefined;
      const subscription = this.#subscription;
      this.set({
        records: this.#shelf.view(),
        gaps: this.#gaps,
        gapCount: this.#gapCount,
        state: subscription?.state ?? 'ended',
        lag: subscription?.lag ?? null,
        error: this.#error,
      });
    });
  }
}

/** Of a channel that nobody reads yet. */
export function nothingOf<Kept>(shelf: Shelf<Kept>): ChannelView<Kept> {
  return { records: shelf.view(), gaps: [], gapCount: 0, state: 'pending', lag: null, error: null };
}

type Names = Map<string, WeakRef<ChannelStore<unknown>>>;
const stores = new WeakMap<Client, Names>();
/** With so many names, those are looked for whose stores are gone. */
const MANY_NAMES = 64;

/**
 * The store that all share who ask for the same: the state of a channel, for one, is read once however many show it.
 * Lasts as long as any of them holds it.
 */
export function sharedStore<Kept>(
  client: Client,
  name: string,
  make: () => ChannelStore<Kept>,
): ChannelStore<Kept> {
  const names: Names = stores.get(client) ?? new Map();
  stores.set(client, names);
  const known = names.get(name)?.deref();
  if (known) return known as ChannelStore<Kept>;
  if (names.size >= MANY_NAMES) {
    for (const [each, store] of names) if (!store.deref()) names.delete(each);
  }
  const store = make();
  names.set(name, new WeakRef(store as ChannelStore<unknown>));
  return store;
}
