/**
 * The store that keeps nothing: the contract of ordered-store over a map in memory, for hubs that need no disk and
 * for tests. It behaves like a disk in all but durability, so it answers on a later turn of the event loop (a loop
 * of reads must not keep the sockets waiting) and shares no bytes with its callers.
 *
 * Called by create-hub and by tests; everything else knows it as an OrderedStore.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { OrderedStore, StoreEntry, StoreOperation, StoreRange } from './ordered-store.ts';
import { SortedEntries } from './sorted-entries.ts';
import {
  copyOperations,
  EMPTY,
  type NormalRange,
  normalizeRange,
  validateBounds,
  validateKey,
} from './store-arguments.ts';
import { StoreLifecycle } from './store-lifecycle.ts';

export interface MemoryStoreOptions {
  /** Whether the content is there again when the same object is closed and opened. Default false. */
  readonly keep?: boolean;
}

/** A store in this process's memory. It must be opened before use. */
export function createMemoryStore(options: MemoryStoreOptions = {}): OrderedStore {
  return new MemoryStore(options.keep ?? false);
}

class MemoryStore implements OrderedStore {
  readonly durable = false;
  readonly #lifecycle: StoreLifecycle<SortedEntries>;

  constructor(keep: boolean) {
    let kept = new SortedEntries();
    this.#lifecycle = new StoreLifecycle({
      what: 'the memory store',
      acquire: async () => kept,
      release: async () => {
        if (!keep) kept = new SortedEntries();
      },
    });
  }

  open(): Promise<void> {
    return this.#lifecycle.open();
  }

  close(): Promise<void> {
    return this.#lifecycle.close();
  }

  async get(key: Buffer): Promise<Buffer | undefined> {
    validateKey(key);
    return await this.#lifecycle.read(async (entries) => {
      const value = entries.get(key);
      const copy = value && Buffer.from(value);
      await nextTurn();
      return copy;
    });
  }

  async write(operations: Iterable<StoreOperation>): Promise<void> {
    const owned = copyOperations(operations);
    await this.#lifecycle.write(async (entries) => {
      // Applied in one piece when it resolves, not before: nothing is seen that is not written yet.
      await nextTurn();
      for (const operation of owned) {
        if (operation.type === 'put') entries.put(operation.key, operation.value);
        else entries.delete(operation.key);
      }
    });
  }

  async read(range: StoreRange): Promise<StoreEntry[]> {
    const normal = normalizeRange(range);
    return await this.#lifecycle.read(async (entries) => {
      const copies = normal ? copyRange(entries, normal) : [];
      await nextTurn();
      return copies;
    });
  }

  /** Exact. */
  async approximateBytes(gte: Buffer, lt: Buffer): Promise<number> {
    validateBounds(gte, lt);
    return await this.#lifecycle.read(async (entries) => entries.bytesBetween(gte, lt));
  }
}

function copyRange(entries: SortedEntries, range: NormalRange): StoreEntry[] {
  const copies: StoreEntry[] = [];
  let bytes = 0;
  for (const entry of entries.entriesIn(range)) {
    const copy = { key: Buffer.from(entry.key), value: range.keysOnly ? EMPTY : Buffer.from(entry.value) };
    copies.push(copy);
    bytes += copy.key.length + copy.value.length;
    if (copies.length >= range.limit || bytes >= range.maxBytes) break;
  }
  return copies;
}
