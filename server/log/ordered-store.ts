/**
 * The storage contract: an ordered map of bytes to bytes with atomic, durable batches. What the log needs of a disk,
 * and nothing else. Keys are ordered bytewise, a prefix before what it is a prefix of; no key is empty.
 *
 * Not its job: what keys and values mean (store-keys), or when to write (write-behind).
 * Implementations: rocks-store, memory-store. Each passes test/conformance/ordered-store-suite.ts.
 *
 * Errors, the same for each implementation (store-lifecycle keeps them):
 * 1. After a failed `write` the store is dead: nobody can know what the disk holds, and later writes may seem to
 *    succeed and yet be gone after a crash. Every further call but `close` rejects at once with `store-failed`. After
 *    `close`, `open` begins afresh on the same object; read what is there before writing on.
 * 2. A failed `open` leaves the store as dead as a failed `write` does; `close` it, then it can be opened again.
 * 3. A failed `get`, `read` or `approximateBytes` rejects with `store-failed` and harms nothing else.
 * 4. A call while the store is closed, opening or closing rejects with `store-failed` too: a reader may meet a reopening.
 * 5. Misuse rejects with TypeError, and changes nothing: a malformed key, value or range, a second write while
 *    one is in flight, `open` of a store that is not closed. No call throws synchronously.
 */

export type StoreOperation =
  | { readonly type: 'put'; readonly key: Buffer; readonly value: Buffer }
  | { readonly type: 'del'; readonly key: Buffer };

/** Which entries to read. Without a bound that side is open; where both upper bounds are given, the tighter counts. */
export interface StoreRange {
  readonly gte?: Buffer;
  readonly lt?: Buffer;
  readonly lte?: Buffer;
  /** From the last key of the range down. Default false. */
  readonly reverse?: boolean;
  /** At most so many entries, 0 or more. Default: no limit. */
  readonly limit?: number;
  /**
   * Stop after the entry with which keys and values together reach so many bytes; whatever its size, the first entry
   * is returned. Default: no limit; without `maxBytes` or `limit` the whole range is brought into memory.
   */
  readonly maxBytes?: number;
  /**
   * Leave values out: each is an empty buffer and counts no bytes. Saves copying them, not reading them from disk.
   * Default false.
   */
  readonly keysOnly?: boolean;
}

/** The reader's own copy. */
export interface StoreEntry {
  readonly key: Buffer;
  readonly value: Buffer;
}

export interface OrderedStore {
  /** True when a resolved `write` survives SIGKILL and power loss. */
  readonly durable: boolean;

  /** Makes the store usable; a durable one creates its place on disk when there is none. */
  open(): Promise<void>;

  /**
   * Waits for what runs, then gives the store's resources back. Safe in every state and any number of times: while
   * opening, after a failed open or write, when closed already.
   */
  close(): Promise<void>;

  /** The value of one key; `undefined` where there is none. */
  get(key: Buffer): Promise<Buffer | undefined>;

  /**
   * Applies the operations in order and all or none of them; when `durable`, they are synced before it resolves. It asks
   * for each once, before it returns its promise, and has copied its key and value before it asks for the next: the
   * caller may then use their memory, and the operation itself, again. One write at a time. None at all writes nothing.
   */
  write(operations: Iterable<StoreOperation>): Promise<void>;

  /** The entries of a range at one moment: of each write it shows everything or nothing. */
  read(range: StoreRange): Promise<StoreEntry[]>;

  /**
   * About how many bytes the keys from `gte` up to, not including, `lt` take on disk. For reports, not for keeping
   * limits: what was written last may not be counted yet (RocksDB: up to two write buffers), and what was deleted may
   * still be.
   */
  approximateBytes(gte: Buffer, lt: Buffer): Promise<number>;
}
