/**
 * The store on disk: the contract of ordered-store over RocksDB. The only importer of `rocksdb`.
 *
 * Not its job: states and their errors (store-lifecycle), checking arguments (store-arguments).
 * Called by create-hub and `inspect`; everything else knows it as an OrderedStore.
 */
import { mkdir, open as openFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import rocksdb, {
  type ChainedBatch,
  type Database,
  type Iterator,
  type IteratorOptions,
  type OpenOptions,
} from 'rocksdb';
import { RingcastError } from '../../shared/errors.ts';
import type { OrderedStore, StoreEntry, StoreOperation, StoreRange } from './ordered-store.ts';
import {
  EMPTY,
  type NormalRange,
  normalizeRange,
  validateBounds,
  validateKey,
  validateOperation,
} from './store-arguments.ts';
import { StoreLifecycle } from './store-lifecycle.ts';
import { YoungCollection } from './young-collection.ts';

export interface RocksStoreOptions {
  /** Snappy for what is written from now on; what is there stays readable either way. Default false. */
  readonly compression?: boolean;
  /** Bytes of written data gathered in memory before they become a file; two such buffers may exist. Default 64 MiB. */
  readonly writeBufferBytes?: number;
}

/**
 * A store in `directory`, which is created when it is first opened. One process at a time may have it open: another
 * one's `open` rejects with `store-failed`.
 */
export function createRocksStore(directory: string, options: RocksStoreOptions = {}): OrderedStore {
  return new RocksStore(resolve(directory), options);
}

const DEFAULT_WRITE_BUFFER_BYTES = 64 << 20;

/** The most that one trip to the thread pool brings, so that handing it over does not hold the event loop for long. */
const MAX_TRIP_BYTES = 1 << 20;
/** The binding reads its `limit` as a signed 32-bit number. */
const MAX_NATIVE_LIMIT = 2 ** 31 - 1;

const young = new YoungCollection();

/** An open database, and the native memory that each of its writes is gathered in. */
interface Handle {
  readonly database: Database;
  /**
   * One for all writes: the memory of one that is let go of is given back only when the garbage collector comes by,
   * which knows nothing of its megabytes.
   */
  readonly batch: ChainedBatch;
}

class RocksStore implements OrderedStore {
  readonly durable = true;
  readonly #lifecycle: StoreLifecycle<Handle>;

  constructor(directory: string, options: RocksStoreOptions) {
    this.#lifecycle = new StoreLifecycle({
      what: `the store in ${directory}`,
      acquire: () => openDatabase(directory, options),
      release: ({ database }) => promised<void>((done) => database.close(done)),
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
    return await this.#lifecycle.read(async ({ database }) => {
      const values = await promised<(Buffer | undefined)[]>((done) => database.getMany([key], done));
      return values[0];
    });
  }

  async write(operations: Iterable<StoreOperation>): Promise<void> {
    await this.#lifecycle.write(
      ({ batch }) => promised<void>((done) => batch._write({ sync: true }, done)),
      ({ batch }) => gather(batch, operations),
    );
  }

  async read(range: StoreRange): Promise<StoreEntry[]> {
    const normal = normalizeRange(range);
    return await this.#lifecycle.read(async ({ database }) =>
      normal ? await readRange(database, normal) : [],
    );
  }

  async approximateBytes(gte: Buffer, lt: Buffer): Promise<number> {
    validateBounds(gte, lt);
    return await this.#lifecycle.read(async ({ database }) => {
      // Bounds that are upside down crash the process.
      if (Buffer.compare(gte, lt) >= 0) return 0;
      return await promised<number>((done) => database.approximateSize(gte, lt, done));
    });
  }
}

async function openDatabase(directory: string, options: RocksStoreOptions): Promise<Handle> {
  await makeDirectory(directory);
  // A handle of its own each time: RocksDB's binding crashes the process when one whose open failed is used again.
  const database = rocksdb(directory);
  try {
    await promised<void>((done) => database.open(openOptions(options), done));
  } catch (error) {
    throw openFailure(directory, error);
  }
  return { database, batch: database.batch() };
}

/**
 * Copies operations into the native batch, one call each: of an array of objects the binding asks each property by
 * name (2.3 µs an operation of 150 bytes, as against 0.5).
 */
function gather(batch: ChainedBatch, operations: Iterable<StoreOperation>): void {
  batch._clear();
  for (const operation of operations) {
    validateOperation(operation);
    if (operation.type === 'put') batch._put(operation.key, operation.value);
    else batch._del(operation.key);
  }
}

/**
 * Measured on 2 cores with 64 KiB values of JSON records, 16 a batch, 3 GB; MB/s, writing / reading pages of 256 KiB:
 *
 *     write buffer      1 channel    1000 channels in turn    RSS
 *     4 MiB (RocksDB)   200 / 560     26 / 460                115 MB
 *     16 MiB            190 / 490     50 / 460                130 MB
 *     64 MiB            225 / 580    123–161 / 450–570        290 MB
 *     128 MiB                         93 / 670                390 MB
 *     64 MiB, Snappy                  83 / 135                310 MB    half the disk
 */
function openOptions(options: RocksStoreOptions): OpenOptions {
  return {
    // Reading back is what a reader waits for, and the cores are busy serving.
    compression: options.compression ?? false,
    // With many channels each buffer spans all keys, so that merging four of its files rewrites the whole next level
    // (256 MiB): the smaller the buffer, the more often.
    writeBufferSize: options.writeBufferBytes ?? DEFAULT_WRITE_BUFFER_BYTES,
    // A run of records is larger and becomes a block of its own; of small values, `get` reads one block.
    blockSize: 4 << 10,
    // For `get` alone (heads, state of producers); pages of history pass it by.
    cacheSize: 8 << 20,
    // Files are of 64 MiB, so these hold 64 GB; beyond that the least used are closed. Sockets need descriptors too.
    maxOpenFiles: 1000,
  };
}

/**
 * Creates the folder and those above it, and syncs the folders that gained an entry: RocksDB syncs what is in its
 * folder, but a power cut could take the folder itself.
 */
async function makeDirectory(directory: string): Promise<void> {
  const first = await mkdir(directory, { recursive: true });
  // Windows has no handle on a folder to sync.
  if (first === undefined || process.platform === 'win32') return;
  const top = dirname(first);
  let parent = directory;
  do {
    parent = dirname(parent);
    const handle = await openFile(parent, 'r');
    await handle.sync().finally(() => handle.close());
  } while (parent !== top);
}

/** The binding's errors have no code. Only this text is chosen by theirs: nothing else may depend on it. */
function openFailure(directory: string, error: unknown): RingcastError {
  const text = error instanceof Error ? error.message : String(error);
  const advice = /while lock file|lock hold by current process/i.test(text)
    ? 'a running hub has it open, and only one may; stop that one, or use another folder'
    : 'check that the folder is readable and writable, its disk is not full and its files are whole';
  return new RingcastError('store-failed', `cannot open the store in ${directory}: ${advice} (${text})`, {
    cause: error,
  });
}

/** The iterator lives for this one read: a living one pins files that compaction has replaced. */
async function readRange(database: Database, range: NormalRange): Promise<StoreEntry[]> {
  const iterator = database.iterator(iteratorOptions(range));
  try {
    const entries = await collect(iterator, range);
    young.copied(entries.reduce((bytes, { key, value }) => bytes + key.length + value.length, 0));
    return entries;
  } finally {
    await promised<void>((done) => iterator.end(done));
  }
}

function iteratorOptions(range: NormalRange): IteratorOptions {
  const options: IteratorOptions = {
    reverse: range.reverse,
    values: !range.keysOnly,
    limit: range.limit <= MAX_NATIVE_LIMIT ? range.limit : -1,
    // The first trip brings one entry, to seek and be quick; the second all the rest that a page of `maxBytes` can
    // take, and too much only by what the first one weighed.
    highWaterMark: Math.min(range.maxBytes, MAX_TRIP_BYTES),
    // Pages of history are read in passing; the cache is for what `get` asks for again and again.
    fillCache: false,
  };
  // The binding takes an empty bound for none, and of two upper bounds heeds only one when it seeks in reverse:
  // NormalRange has no empty upper bound, and only one.
  if (range.gte.length > 0) options.gte = range.gte;
  if (range.upper) options[range.upper.inclusive ? 'lte' : 'lt'] = range.upper.key;
  return options;
}

/** In callbacks, since there is one per entry: the binding hands out each entry of a trip by `process.nextTick`. */
function collect(iterator: Iterator, range: NormalRange): Promise<StoreEntry[]> {
  return new Promise((resolve, reject) => {
    const entries: StoreEntry[] = [];
    let bytes = 0;
    const take = (error: Error | null | undefined, key?: Buffer, value?: Buffer): void => {
      if (error) {
        reject(error);
        return;
      }
      if (key !== undefined) {
        const entry = { key, value: value ?? EMPTY };
        entries.push(entry);
        bytes += entry.key.length + entry.value.length;
      }
      if (key === undefined || entries.length >= range.limit || bytes >= range.maxBytes) resolve(entries);
      else iterator.next(take);
    };
    iterator.next(take);
  });
}

/** One callback of the binding as a promise; what `run` throws rejects it too. */
function promised<Result>(
  run: (done: (error: Error | null | undefined, result?: Result) => void) => void,
): Promise<Result> {
  return new Promise((resolve, reject) => {
    run((error, result) => (error ? reject(error) : resolve(result as Result)));
  });
}
