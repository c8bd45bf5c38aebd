/**
 * The states of a store, and which calls each admits. It keeps the error rules of ordered-store for every
 * implementation, and it alone holds the native handle: one that did not open is never stored, so never called.
 *
 *     closed ──open()──▶ opening ──────▶ open ──write failed──▶ failed
 *       ▲                   └──────────────┼──open failed─────────▲ │
 *       └───────── closing ◀───────────────┴─────────close()────────┘
 *
 * Not its job: bytes, keys, ranges. Used by rocks-store and memory-store.
 */
import { RingcastError } from '../../shared/errors.ts';

export type StoreState = 'closed' | 'opening' | 'open' | 'failed' | 'closing';

/** How to come by a handle and how to give it back. `acquire` is called once per `open`, `release` once per handle. */
export interface HandleSource<Handle> {
  /** Names the store in error messages: "the store in /var/lib/ringcast". */
  readonly what: string;
  acquire(): Promise<Handle>;
  release(handle: Handle): Promise<void>;
}

export class StoreLifecycle<Handle> {
  readonly #source: HandleSource<Handle>;
  #state: StoreState = 'closed';
  #handle: Handle | undefined;
  /** Why the state is `failed`. */
  #failure: unknown;
  #opening: Promise<void> | undefined;
  #closing: Promise<void> | undefined;
  #writing = false;
  /** Reads and the write that hold the handle; `close` waits for them. */
  readonly #running = new Set<Promise<unknown>>();

  constructor(source: HandleSource<Handle>) {
    this.#source = source;
  }

  get state(): StoreState {
    return this.#state;
  }

  async open(): Promise<void> {
    if (this.#state === 'failed') throw this.#refusal();
    if (this.#state !== 'closed') {
      throw new TypeError(
        `${this.#source.what} is ${this.#state}: open() needs it closed, await close() first`,
      );
    }
    this.#state = 'opening';
    this.#opening = this.#acquire();
    await this.#opening;
  }

  close(): Promise<void> {
    this.#closing ??= this.#release().finally(() => {
      this.#closing = undefined;
    });
    return this.#closing;
  }

  /** Runs a read on the handle. Its failure is its own. */
  async read<Result>(run: (handle: Handle) => Promise<Result>): Promise<Result> {
    return await this.#run(async (handle) => {
      try {
        return await run(handle);
      } catch (error) {
        throw this.#wrap(error, 'a read failed; try again, and check the disk if it lasts');
      }
    });
  }

  /**
   * Runs a write on the handle, synchronously up to its first await. Its failure is the end of the handle; not so what
   * `prepare` throws, which comes first and touches nothing.
   */
  async write(
    run: (handle: Handle) => Promise<void>,
    prepare: (handle: Handle) => void = () => {},
  ): Promise<void> {
    if (this.#state !== 'open') throw this.#refusal();
    if (this.#writing) {
      throw new TypeError(`${this.#source.what} has a write in flight: await it before the next`);
    }
    prepare(this.#handle as Handle);
    this.#writing = true;
    await this.#run(async (handle) => {
      try {
        await run(handle);
      } catch (error) {
        const failure = this.#wrap(
          error,
          'a write failed, so the store takes no more calls; close it and open it again',
        );
        if (this.#state === 'open') this.#fail(failure);
        throw failure;
      } finally {
        this.#writing = false;
      }
    });
  }

  async #acquire(): Promise<void> {
    try {
      this.#handle = await this.#source.acquire();
      this.#state = 'open';
    } catch (error) {
      const failure = this.#wrap(
        error,
        'it could not be opened; see the cause, then close it and open it again',
      );
      this.#fail(failure);
      throw failure;
    }
  }

  async #release(): Promise<void> {
    // Of its failure, whoever called open() is told. In other states calls are refused from this moment on.
    if (this.#state === 'opening') await this.#opening?.catch(() => {});
    if (this.#state === 'closed') return;
    this.#state = 'closing';
    await Promise.allSettled(this.#running);
    const handle = this.#handle;
    this.#handle = undefined;
    this.#failure = undefined;
    try {
      if (handle !== undefined) await this.#source.release(handle);
    } catch (error) {
      throw this.#wrap(error, 'it could not be closed; restart the process if it cannot be opened again');
    } finally {
      this.#state = 'closed';
    }
  }

  async #run<Result>(run: (handle: Handle) => Promise<Result>): Promise<Result> {
    if (this.#state !== 'open') throw this.#refusal();
    const running = run(this.#handle as Handle);
    this.#running.add(running);
    try {
      return await running;
    } finally {
      this.#running.delete(running);
    }
  }

  #fail(failure: unknown): void {
    this.#state = 'failed';
    this.#failure = failure;
  }

  #refusal(): RingcastError {
    if (this.#state !== 'failed') {
      return new RingcastError(
        'store-failed',
        `${this.#source.what} is ${this.#state}, not open: await open() first`,
      );
    }
    return new RingcastError('store-failed', `${this.#source.what} has failed; close it and open it again`, {
      cause: this.#failure,
    });
  }

  #wrap(error: unknown, advice: string): RingcastError {
    if (error instanceof RingcastError) return error;
    const detail = error instanceof Error ? error.message : String(error);
    return new RingcastError('store-failed', `${this.#source.what}: ${advice} (${detail})`, { cause: error });
  }
}
