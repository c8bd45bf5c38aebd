/** The part of `rocksdb` 5.2 (CommonJS, without types of its own) that rocks-store uses. */
declare module 'rocksdb' {
  type Done = (error: Error | null | undefined) => void;

  interface OpenOptions {
    createIfMissing?: boolean;
    /** Snappy, per block. Default true. */
    compression?: boolean;
    /** Bytes. Default 4 MiB. */
    writeBufferSize?: number;
    /** Bytes. Default 8 MiB. */
    cacheSize?: number;
    /** Bytes. Default 4 KiB. */
    blockSize?: number;
    /** Default 1000. */
    maxOpenFiles?: number;
  }

  interface IteratorOptions {
    gte?: Buffer;
    lt?: Buffer;
    lte?: Buffer;
    reverse?: boolean;
    /** Entries, a signed 32-bit number; −1 means no limit. */
    limit?: number;
    /** False: values are empty. */
    values?: boolean;
    /** Bytes of keys and values that one trip to the thread pool gathers, overshot by one entry. Default 16 KiB. */
    highWaterMark?: number;
    /** Whether the blocks read go to the cache. Default false. */
    fillCache?: boolean;
  }

  interface Iterator {
    /** At the end of the range `key` is undefined. One call at a time, none after `end`. */
    next(done: (error: Error | null | undefined, key?: Buffer, value?: Buffer) => void): void;
    end(done: Done): void;
  }

  /**
   * Native memory that operations are copied into. These are the methods that abstract-leveldown has its implementers
   * write: unlike those without the underscore, they check nothing and let a batch be written again.
   */
  interface ChainedBatch {
    _put(key: Buffer, value: Buffer): void;
    _del(key: Buffer): void;
    /** Keeps the memory. */
    _clear(): void;
    /** Touched by another thread until it calls back. */
    _write(options: { sync: boolean }, done: Done): void;
  }

  interface Database {
    open(options: OpenOptions, done: Done): void;
    close(done: Done): void;
    /** Undefined where a key is absent; `get` would report that as an error which only its text tells from others. */
    getMany(
      keys: Buffer[],
      done: (error: Error | null | undefined, values?: (Buffer | undefined)[]) => void,
    ): void;
    /** An empty one. The database must be open. */
    batch(): ChainedBatch;
    iterator(options: IteratorOptions): Iterator;
    approximateSize(
      start: Buffer,
      end: Buffer,
      done: (error: Error | null | undefined, size?: number) => void,
    ): void;
  }

  /** Makes a handle; nothing is touched before `open`. */
  export default function rocksdb(directory: string): Database;
}
