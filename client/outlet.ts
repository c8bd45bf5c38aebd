/**
 * Hands a subscription's records and gaps to the application, one after the other: to a listener, whose promise is
 * awaited before the next, or to an iterator as it asks. Knows nothing of the hub. Called by the subscription.
 */
import type { Cursor, Gap } from '../shared/terms.ts';
import { isGap, type QueueItem, RecordQueue } from './record-queue.ts';

/** A gap among the records, for those who asked for gaps inline. */
export interface GapItem {
  readonly gap: Gap;
}

export type Listener<Item> = (item: Item) => unknown;

export interface OutletHandlers {
  /** A gap that is not handed on inline, at its place among the records. */
  onGap(gap: Gap): void;
  /** The queue grew, or shrank where negative. */
  onQueued(deltaBytes: number): void;
  /** The listener threw, or its promise rejected. */
  onListenerFailed(error: unknown): void;
}

interface Pending<Item> {
  resolve(result: IteratorResult<Item, undefined>): void;
  reject(error: unknown): void;
}

export class Outlet<Item> {
  readonly #listener: Listener<Item> | undefined;
  readonly #inline: boolean;
  readonly #handlers: OutletHandlers;
  readonly #queue = new RecordQueue();
  #pending: Pending<Item>[] = [];
  #busy = false;
  #cursor: Cursor | null = null;
  #ended: { readonly error?: unknown } | undefined;

  constructor(listener: Listener<Item> | undefined, inline: boolean, handlers: OutletHandlers) {
    this.#listener = listener;
    this.#inline = inline;
    this.#handlers = handlers;
  }

  get queuedBytes(): number {
    return this.#queue.bytes;
  }

  /** Behind what the application has taken; a record whose listener has not finished is not taken. Null before the first. */
  get cursor(): Cursor | null {
    return this.#cursor;
  }

  push(items: readonly QueueItem[], bytes: number): void {
    if (this.#ended) return;
    this.#queue.push(items, bytes);
    this.#handlers.onQueued(bytes);
    if (this.#listener) this.#pump(this.#listener);
    else this.#serve();
  }

  /** The next item, for the iterator. */
  next(): Promise<IteratorResult<Item, undefined>> {
    return new Promise((resolve, reject) => {
      this.#pending.push({ resolve, reject });
      this.#serve();
    });
  }

  /** Nothing more comes. What is queued is still handed on. With `error`, an iterator throws it once. */
  end(failure: { readonly error?: unknown } = {}): void {
    this.#ended ??= failure;
    if (!this.#listener) this.#serve();
  }

  /** Nothing more is handed on, not even what is queued. */
  stop(): void {
    this.#ended = {};
    const bytes = this.#queue.bytes;
    this.#queue.clear();
    if (bytes > 0) this.#handlers.onQueued(-bytes);
    this.#serve();
  }

  #pump(listener: Listener<Item>): void {
    if (this.#busy) return;
    this.#busy = true;
    try {
      for (let item = this.#queue.peek(); item; item = this.#queue.peek()) {
        const result = this.#hand(item, listener);
        if (isThenable(result)) {
          result.then(
            () => this.#resume(item, listener),
            (error: unknown) => this.#fail(error),
          );
          return;
        }
        this.#take(item);
      }
    } catch (error) {
      this.#fail(error);
    }
    this.#busy = false;
  }

  #hand(item: QueueItem, listener: Listener<Item>): unknown {
    if (!isGap(item)) return listener(item as Item);
    if (this.#inline) return listener({ gap: item } as Item);
    return this.#handlers.onGap(item);
  }

  #resume(item: QueueItem, listener: Listener<Item>): void {
    this.#busy = false;
    this.#take(item);
    this.#pump(listener);
  }

  /** Stays busy: whoever listens is not called again, and the cursor stays before the record that failed. */
  #fail(error: unknown): void {
    this.#handlers.onListenerFailed(error);
  }

  /** Gives waiting calls of `next` what there is. */
  #serve(): void {
    while (this.#pending.length > 0) {
      const item = this.#queue.peek();
      if (item) {
        this.#take(item);
        if (isGap(item) && !this.#inline) this.#handlers.onGap(item);
        else
          this.#pending
            .shift()
            ?.resolve({ done: false, value: (isGap(item) ? { gap: item } : item) as Item });
      } else if (this.#ended) {
        const pending = this.#pending.shift()!;
        const failure = this.#ended;
        this.#ended = {};
        if ('error' in failure) pending.reject(failure.error);
        else pending.resolve({ done: true, value: undefined });
      } else {
        return;
      }
    }
  }

  #take(item: QueueItem): void {
    // A listener may have unsubscribed, which empties the queue.
    if (this.#queue.peek() === item) {
      const before = this.#queue.bytes;
      this.#queue.take();
      const freed = before - this.#queue.bytes;
      if (freed > 0) this.#handlers.onQueued(-freed);
    }
    this.#cursor = positionOf(item);
  }
}

/** A record stands for its own position: one object fewer for each record. */
function positionOf(item: QueueItem): Cursor {
  return isGap(item) ? item.upTo : item;
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as PromiseLike<unknown> | undefined)?.then === 'function';
}
