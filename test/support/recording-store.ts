/** A store that notes what is written to it, around any other. */
import type { OrderedStore, StoreOperation, StoreRange } from '../../server/log/ordered-store.ts';
import { copyOperations } from '../../server/log/store-arguments.ts';
import { decodeRun, type StoredRun } from '../../server/log/store-keys.ts';
import type { Offset } from '../../shared/terms.ts';

const RUN_PREFIX = 'r'.charCodeAt(0);

/** One write, as far as it is about runs. */
export interface RunWrite {
  readonly put: readonly (StoredRun & { readonly number: number })[];
  /** Of each that was deleted, the first offset. */
  readonly deleted: readonly Offset[];
}

export class RecordingStore implements OrderedStore {
  readonly durable: boolean;
  readonly writes: (readonly StoreOperation[])[] = [];
  readonly #inner: OrderedStore;

  constructor(inner: OrderedStore) {
    this.durable = inner.durable;
    this.#inner = inner;
  }

  /** The writes so far that put or deleted runs. */
  get runWrites(): RunWrite[] {
    return this.writes.map(runsIn).filter(({ put, deleted }) => put.length + deleted.length > 0);
  }

  open(): Promise<void> {
    return this.#inner.open();
  }

  close(): Promise<void> {
    return this.#inner.close();
  }

  get(key: Buffer): Promise<Buffer | undefined> {
    return this.#inner.get(key);
  }

  async write(operations: Iterable<StoreOperation>): Promise<void> {
    const owned = copyOperations(operations);
    await this.#inner.write(owned);
    this.writes.push(owned);
  }

  read(range: StoreRange) {
    return this.#inner.read(range);
  }

  approximateBytes(gte: Buffer, lt: Buffer): Promise<number> {
    return this.#inner.approximateBytes(gte, lt);
  }
}

function runsIn(operations: readonly StoreOperation[]): RunWrite {
  const put: (StoredRun & { number: number })[] = [];
  const deleted: Offset[] = [];
  for (const operation of operations) {
    const { key } = operation;
    if (key[0] !== RUN_PREFIX) continue;
    if (operation.type === 'del') deleted.push(Number(key.readBigUInt64BE(13)));
    else put.push({ number: key.readUInt32BE(1), ...decodeRun(key, operation.value) });
  }
  return { put, deleted };
}
