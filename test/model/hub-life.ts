/**
 * The hub of a walk and its disk: opened, stopped, killed, put back to an older content of its folder, on a fake clock.
 * Knows no reader and no record; hub-walk drives it.
 */
import assert from 'node:assert/strict';
import { setImmediate as turn } from 'node:timers/promises';
import { Hub } from '../../server/hub/hub.ts';
import type { ChannelLimits } from '../../server/log/log-set.ts';
import { createMemoryStore } from '../../server/log/memory-store.ts';
import type { OrderedStore, StoreOperation } from '../../server/log/ordered-store.ts';
import { ManualClock } from '../../shared/clock.ts';
import { FaultyStore } from '../support/faulty-store.ts';
import { NO_CAPS } from '../support/hub-core.ts';

/** How the last life of the hub ended, as far as anyone can know. */
export type Ending = 'clean' | 'perhaps-clean' | 'crash' | 'restored';

const NONE = { maxRecords: null, maxBytes: null, maxAgeMs: null };
const STATE: ChannelLimits = {
  ring: { ...NONE, maxRecords: 20 },
  retention: { ...NONE, maxRecords: 80 },
  state: { maxKeys: 1000 },
};
/** Small enough that readers meet the ring, the store and retention in one walk. */
const LIMITS: Record<string, ChannelLimits> = {
  plain: { ring: NONE, retention: NONE, state: null },
  short: { ring: { ...NONE, maxRecords: 10 }, retention: { ...NONE, maxRecords: 60 }, state: null },
  held: { ring: { ...NONE, maxRecords: 10 }, retention: { ...NONE, maxRecords: 60 }, state: null },
  state: STATE,
  'held-state': STATE,
};
/** Of these, records are gathered over several ticks. */
const PUSH_INTERVALS_MS: Record<string, number> = { held: 7, 'held-state': 7 };
export const CHANNELS = Object.keys(LIMITS);

const LIMITS_OF_REQUESTS = {
  maxRecordBytes: 1_000_000,
  maxKeyBytes: 255,
  maxMetaBytes: 1024,
  maxSubscriptionsPerConnection: 100,
};

/** A store whose writes are as good as synced, so that the hub promises what it would of a disk. */
function durableStore(): OrderedStore {
  return Object.defineProperty(createMemoryStore({ keep: true }), 'durable', { value: true });
}

export class HubLife {
  readonly clock = new ManualClock(1_700_000_000_000);
  hub!: Hub;
  store!: FaultyStore;
  readonly #folder: string;
  readonly #unpersistedBytes: number;
  #inner = durableStore();
  /** An older content of the folder, to be put in its place. */
  #backup: OrderedStore | undefined;

  /** `folder` is for the mark of a clean stop. */
  constructor(folder: string, unpersistedBytes: number) {
    this.#folder = folder;
    this.#unpersistedBytes = unpersistedBytes;
  }

  get hasBackup(): boolean {
    return this.#backup !== undefined;
  }

  async open(): Promise<void> {
    this.store = new FaultyStore(this.#inner);
    const opening = Hub.open({
      store: this.store,
      folder: this.#folder,
      clock: this.clock,
      ringBytes: 400_000,
      unpersistedBytes: this.#unpersistedBytes,
      maxChannels: 10,
      maxDelayMs: 50,
      producers: { maxCount: 100, maxAgeMs: 86_400_000 },
      limits: LIMITS_OF_REQUESTS,
      limitsOf: (channel) => LIMITS[channel]!,
      pushIntervalOf: (channel) => PUSH_INTERVALS_MS[channel] ?? 0,
      capsOf: () => NO_CAPS,
      onStoreFailure: () => {},
    });
    this.hub = await this.drive(opening);
  }

  /** Lets time pass until `work` is done. The mark of a clean stop is a real file, and takes the time that it takes. */
  async drive<T>(work: Promise<T>): Promise<T> {
    let isDone = false;
    const done = () => {
      isDone = true;
    };
    work.then(done, done);
    const startMs = performance.now();
    for (let turns = 0; !isDone; turns++) {
      assert(performance.now() - startMs < 20_000, 'waited 20 s for something to end');
      const state = this.hub?.logs.writeBehind.state;
      if (turns > 20 && (state === 'waiting' || state === 'reopening')) this.clock.advance(20);
      if (turns === 200) this.store.releaseWrites();
      await turn();
    }
    return work;
  }

  /** Stops as a hub is asked to. A failure of the last write leaves open whether the mark of the clean stop is there. */
  async stop(): Promise<Ending> {
    this.store.releaseWrites();
    return this.drive(this.hub.stop()).then(
      (isClean) => (isClean ? 'clean' : 'crash'),
      () => 'perhaps-clean',
    );
  }

  /** Nothing more is written by this hub. */
  async kill(): Promise<void> {
    const stopped = this.hub.logs.writeBehind.stop();
    this.store.releaseWrites();
    this.store.releaseReads();
    await this.drive(Promise.all([stopped, this.store.close()]));
    await turn();
    await turn();
  }

  /** Opens again. Returns the heads of all channels, and holds the epoch against how it ended. */
  async reopen(after: Ending): Promise<ReadonlyMap<string, number>> {
    const { epoch } = this.hub.logs;
    // Nobody restarts a hub within the same second twice without noticing.
    this.clock.advance(2000);
    await this.open();
    if (after === 'clean') assert.equal(this.hub.logs.epoch, epoch, 'a clean stop began a new epoch');
    else if (after !== 'perhaps-clean') assert(this.hub.logs.epoch > epoch, 'the epoch went on over a crash');
    const opened = await this.drive(Promise.all(CHANNELS.map((name) => this.hub.openChannel(name))));
    return new Map(opened.map(({ log }) => [log.name, log.headOffset]));
  }

  /** The content of the folder as it is on disk now. */
  async backUp(): Promise<void> {
    if (this.store.heldWrites > 0 || this.hub.isStoreFailing) return;
    let entries: Awaited<ReturnType<OrderedStore['read']>>;
    try {
      entries = await this.drive(this.store.read({}));
    } catch {
      // The store is away just now.
      return;
    }
    const copy = durableStore();
    await copy.open();
    await copy.write(entries.map(({ key, value }): StoreOperation => ({ type: 'put', key, value })));
    await copy.close();
    this.#backup = copy;
  }

  /** Puts it in the place of what there is; the hub must not run. */
  exchangeFolder(): void {
    this.#inner = this.#backup!;
    this.#backup = undefined;
  }
}
