/**
 * A store that fails and stalls on command, around any other. It keeps the rules of ordered-store as a real one does:
 * after a failed write or open it is dead until it is closed and opened again.
 */
import type { OrderedStore, StoreEntry, StoreOperation, StoreRange } from '../../server/log/ordered-store.ts';
import {
  copyOperations,
  normalizeRange,
  validateBounds,
  validateKey,
} from '../../server/log/store-arguments.ts';
import { StoreLifecycle } from '../../server/log/store-lifecycle.ts';

/** What a failed write has left on disk: a caller cannot tell which. */
export type WriteFault = 'nothing-written' | 'written-but-reported-failed';

export class FaultyStore implements OrderedStore {
  readonly durable: boolean;
  /** Successful opens so far. */
  openCount = 0;
  /** Writes that reached the inner store and were reported as done. */
  writeCount = 0;
  readonly #lifecycle: StoreLifecycle<OrderedStore>;
  readonly #writes = new Barrier();
  readonly #reads = new Barrier();
  #opensToFail = 0;
  #readsToFail = 0;
  #writeFault: WriteFault | undefined;

  /** `inner` must be closed; from now on only this opens it. */
  constructor(inner: OrderedStore) {
    this.durable = inner.durable;
    this.#lifecycle = new StoreLifecycle({
      what: 'the faulty store',
      acquire: () => this.#acquire(inner),
      release: () => inner.close(),
    });
  }

  /** The next write fails; where one is held, that one. */
  failNextWrite(fault: WriteFault): void {
    this.#writeFault = fault;
  }

  /** The next `get`, `read` or `approximateBytes` fails, and nothing else with it. */
  failNextRead(): void {
    this.#readsToFail += 1;
  }

  /** The next `count` opens fail, without touching the inner store. */
  failOpens(count: number): void {
    this.#opensToFail = count;
  }

  /** From now on a write stops before it writes anything, until `releaseWrites`. `close` waits for it. */
  holdWrites(): void {
    this.#writes.hold();
  }

  releaseWrites(): void {
    this.#writes.release();
  }

  /** Writes that stand held now: 0 or 1. */
  get heldWrites(): number {
    return this.#writes.waiting;
  }

  /** From now on reads of every kind stop after they have read, until `releaseReads`. `close` waits for them. */
  holdReads(): void {
    this.#reads.hold();
  }

  releaseReads(): void {
    this.#reads.release();
  }

  get heldReads(): number {
    return this.#reads.waiting;
  }

  open(): Promise<void> {
    return this.#lifecycle.open();
  }

  close(): Promise<void> {
    return this.#lifecycle.close();
  }

  async get(key: Buffer): Promise<Buffer | undefined> {
    validateKey(key);
    return await this.#read((inner) => inner.get(key));
  }

  async write(operations: Iterable<StoreOperation>): Promise<void> {
    const owned = copyOperations(operations);
    await this.#lifecycle.write(async (inner) => {
      await this.#writes.pass();
      const fault = this.#writeFault;
      this.#writeFault = undefined;
      if (fault !== 'nothing-written') await inner.write(owned);
      if (fault) throw new Error('injected: no space left on device');
      this.writeCount += 1;
    });
  }

  async read(range: StoreRange): Promise<StoreEntry[]> {
    normalizeRange(range);
    return await this.#read((inner) => inner.read(range));
  }

  async approximateBytes(gte: Buffer, lt: Buffer): Promise<number> {
    validateBounds(gte, lt);
    return await this.#read((inner) => inner.approximateBytes(gte, lt));
  }

  async #acquire(inner: OrderedStore): Promise<OrderedStore> {
    if (this.#opensToFail > 0) {
      this.#opensToFail -= 1;
      throw new Error('injected: the disk is away');
    }
    await inner.open();
    this.openCount += 1;
    return inner;
  }

  #read<Result>(run: (inner: OrderedStore) => Promise<Result>): Promise<Result> {
    return this.#lifecycle.read(async (inner) => {
      const result = await run(inner);
      await this.#reads.pass();
      if (this.#readsToFail > 0) {
        this.#readsToFail -= 1;
        throw new Error('injected: bad sector');
      }
      return result;
    });
  }
}

/** Lets pass what comes, or holds it until released. */
class Barrier {
  waiting = 0;
  #held: { readonly released: Promise<void>; readonly release: () => void } | undefined;

  hold(): void {
    if (this.#held) return;
    let release = () => {};
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    this.#held = { released, release };
  }

  release(): void {
    this.#held?.release();
    this.#held = undefined;
  }

  async pass(): Promise<void> {
    if (!this.#held) return;
    this.waiting += 1;
    await this.#held.released;
    this.waiting -= 1;
  }
}
