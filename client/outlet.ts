/**
 * Hands a subscription's records and gaps to the application, one after the other: to a listener, whose promise is
 * awaited before the next, or to an iterator as it asks. Knows nothing of the hub. Called by the subscription.
 */
import type { Cursor, Gap } from '../shared/terms.ts';
import { ConflatingQueue } from './conflating-queue.ts';
import type { ReceivedRecord } from './record.ts';
import { isGap, type QueueChunk, type QueueItem, RecordQueue } from './record-queue.ts';

/** A gap among the records, for those who asked for gaps inline. */
export interface GapItem {
  readonly gap: Gap;
}

export type Listener<Item> = (item: Item) => unknown;

export interface OutletRules<Item> {
  /** Who iterates has none. */
  readonly listener: Listener<Item> | undefined;
  /** Gaps come as items. */
  readonly inline: boolean;
  /** What waits is conflated too. */
  readonly conflates: boolean;
}

export interface OutletHandlers {
  /** A gap that is not handed on inline, at its place among the records. */
  onGap(gap: Gap): void;
  /** There is less in the queue than before. */
  onTaken(): void;
  /** The listener threw, or its promise rejected. */
  onListenerFailed(error: unknown): void;
  /** {@link Outlet.settled} has moved. */
  readonly onSettled?: (() => void) | undefined;
}

interface Pending<Item> {
  resolve(result: IteratorResult<Item, undefined>): void;
  reject(error: unknown): void;
}

export class Outlet<Item> {
  readonly #listener: Listener<Item> | undefined;
  readonly #inline: boolean;
  readonly #handlers: OutletHandlers;
  readonly #queue: RecordQueue;
  #pending: Pending<Item>[] = [];
  #busy = false;
  #cursor: Cursor | null = null;
  /** Of an iterator. */
  #settled: Cursor | null = null;
  /** Behind the first item that was dropped: it may be the one that a listener was just handed. */
  #cursorBehindDropped: Cursor | undefined;
  #ended: { readonly error?: unknown } | undefined;

  constructor({ listener, inline, conflates }: OutletRules<Item>, handlers: OutletHandlers) {
    this.#listener = listener;
    this.#inline = inline;
    this.#handlers = handlers;
    this.#queue = conflates ? new ConflatingQueue() : new RecordQueue();
  }

  get queuedBytes(): number {
    return this.#queue.bytes;
  }

  /** Behind what the application has taken; a record whose listener has not finished is not taken. Null before the first. */
  get cursor(): Cursor | null {
    return this.#cursor;
  }

  /**
   * Behind what the application is done with: as the cursor with a listener; with an iterator behind what came before the
   * item that it was given last, until it asks for another.
   */
  get settled(): Cursor | null {
    return this.#listener ? this.#cursor : this.#settled;
  }

  /** When the next record was appended, the hub's Unix time, ms; undefined where none is here. */
  get nextTimeMs(): number | undefined {
    return this.#queue.nextTimeMs;
  }

  /** The same of the record taken last. A cursor behind a record is that record. */
  get takenTimeMs(): number | undefined {
    return (this.#cursor as Partial<ReceivedRecord> | null)?.timeMs;
  }

  push(chunk: QueueChunk): void {
    if (this.#ended) return;
    if (chunk.items.length > 0) this.#queue.push(chunk);
    // The end of a state that has no more records.
    else if (chunk.cursorAfter && !this.#queue.amend(chunk.cursorAfter)) {
      this.#cursor = chunk.cursorAfter;
      if (this.#listener || this.#pending.length > 0) this.#settle();
    }
    if (this.#listener) this.#pump(this.#listener);
    else this.#serve();
  }

  /** What is queued does not count against the channel's credit any more. */
  releaseHolds(): void {
    this.#queue.releaseHolds();
  }

  /** The next item, for the iterator. */
  next(): Promise<IteratorResult<Item, undefined>> {
    if (this.#settled !== this.#cursor) this.#settle();
    const item = this.#pending.length === 0 ? this.#queue.peek() : undefined;
    if (item && !isGap(item)) {
      this.#take(item);
      return Promise.resolve({ done: false, value: item as Item });
    }
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
    this.#cursorBehindDropped ??= this.#queue.cursorBehindNext();
    this.#queue.clear();
    this.#serve();
  }

  #pump(listener: Listener<Item>): void {
    if (this.#busy) return;
    this.#busy = true;
    const queue = this.#queue;
    try {
      for (let item = queue.peek(); item; item = queue.peek()) {
        const result = isGap(item) ? this.#handGap(item, listener) : listener(item as Item);
        if (result !== undefined && isThenable(result)) {
          this.#awaitListener(result, item, listener);
          return;
        }
        this.#take(item);
      }
    } catch (error) {
      this.#fail(error);
    }
    this.#busy = false;
  }

  /** Apart from the loop, which would make a scope for its closures for each record. */
  #awaitListener(result: PromiseLike<unknown>, item: QueueItem, listener: Listener<Item>): void {
    result.then(
      () => this.#resume(item, listener),
      (error: unknown) => this.#fail(error),
    );
  }

  #handGap(gap: Gap, listener: Listener<Item>): unknown {
    return this.#inline ? listener({ gap } as Item) : this.#handlers.onGap(gap);
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
        if (isGap(item) && !this.#inline) {
          this.#handlers.onGap(item);
          this.#settle();
        } else
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
    if (this.#queue.peek() !== item) {
      // Its listener has unsubscribed, which emptied the queue; what it was handed is taken all the same.
      this.#cursor = this.#cursorBehindDropped ?? this.#cursor;
      this.#settle();
      return;
    }
    this.#cursor = this.#queue.cursorBehindNext() ?? this.#cursor;
    if (this.#listener) this.#handlers.onSettled?.();
    if (this.#queue.take()) this.#handlers.onTaken();
  }

  #settle(): void {
    this.#settled = this.#cursor;
    this.#handlers.onSettled?.();
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as PromiseLike<unknown> | undefined)?.then === 'function';
}
