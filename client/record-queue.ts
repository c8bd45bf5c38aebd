/**
 * What a subscription has received and the application has not taken: records and gaps in order, counted in bytes.
 * Bounds nothing itself. Called by the outlet.
 */
import type { Cursor, Gap } from '../shared/terms.ts';
import type { FrameHold } from './credit-window.ts';
import type { ReceivedRecord } from './record.ts';

export type QueueItem = ReceivedRecord | Gap;

/** What is handed to a subscription at once. */
export interface QueueChunk {
  readonly items: readonly QueueItem[];
  /** What the queue is charged for it. */
  readonly bytes: number;
  /** The frame that it came in: released when the last item is taken. */
  readonly hold?: FrameHold | undefined;
  /**
   * Of state, whose records are no positions in the log: the cursor behind the whole chunk, null where the state is not
   * complete by it. Elsewhere each item is its own.
   */
  readonly cursorAfter?: Cursor | null;
}

const NONE: readonly QueueItem[] = [];

export class RecordQueue {
  #chunks: QueueChunk[] = [];
  /** Of the first chunk. */
  #items: readonly QueueItem[] = NONE;
  /** The next of them. */
  #at = 0;
  #bytes = 0;

  /** A chunk counts whole until its last item is taken: its bytes are not free before. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Of which something is left. */
  protected get chunks(): readonly QueueChunk[] {
    return this.#chunks;
  }

  /** Keeps the chunk, which must not be empty. */
  push(chunk: QueueChunk): void {
    chunk.hold?.retain();
    if (this.#chunks.push(chunk) === 1) this.#items = chunk.items;
    this.#bytes += chunk.bytes;
  }

  peek(): QueueItem | undefined {
    return this.#at < this.#items.length ? this.#items[this.#at] : undefined;
  }

  /** When the next record was appended, the hub's Unix time, ms; undefined where none is here, or a gap comes first. */
  get nextTimeMs(): number | undefined {
    return (this.peek() as Partial<ReceivedRecord> | undefined)?.timeMs;
  }

  /** Takes the next item; true when a chunk is done with it. Only after {@link peek} gave one. */
  take(): boolean {
    if (++this.#at < this.#items.length) return false;
    const chunk = this.#chunks.shift()!;
    this.#items = this.#chunks[0]?.items ?? NONE;
    this.#at = 0;
    this.#bytes -= chunk.bytes;
    chunk.hold?.release();
    return chunk.bytes > 0;
  }

  /** The cursor behind the next item, undefined where it moves none. */
  cursorBehindNext(): Cursor | undefined {
    const item = this.peek();
    const chunk = this.#chunks[0];
    if (!item || !chunk) return undefined;
    if (!isState(chunk)) return positionOf(item);
    return this.#at === chunk.items.length - 1 ? (chunk.cursorAfter ?? undefined) : undefined;
  }

  /** Sets the cursor behind what was pushed last; false when nothing is left of it. */
  amend(cursorAfter: Cursor): boolean {
    const last = this.#chunks.pop();
    if (last) this.#chunks.push({ ...last, cursorAfter });
    return last !== undefined;
  }

  /** Gives up the holds and keeps the items. */
  releaseHolds(): void {
    this.#chunks = this.#chunks.map(({ hold, ...chunk }) => {
      hold?.release();
      return chunk;
    });
  }

  clear(): void {
    const chunks = this.#chunks;
    this.#chunks = [];
    this.#items = NONE;
    this.#at = 0;
    this.#bytes = 0;
    for (const { hold } of chunks) hold?.release();
  }
}

/** A record stands for its own position: one object fewer for each record. */
export function positionOf(item: QueueItem): Cursor {
  return isGap(item) ? item.upTo : item;
}

/** Its records are no positions in the log. */
export function isState(chunk: QueueChunk): boolean {
  return chunk.cursorAfter !== undefined;
}

export function isGap(item: QueueItem): item is Gap {
  return 'upTo' in item;
}
