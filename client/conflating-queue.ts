/**
 * The queue of a subscription with policy `conflate`: once its application is behind, a record of which a later one
 * with its key waits here is left out, and told as a gap, as the hub does with what it has not sent. Without it, what
 * was sent before the hub knew of the lag would be shown one by one, and a board of prices would be old by all of that.
 * Called by the outlet.
 *
 *     queued   a1 b2 │ a3 b4 │ a5        one frame │ the next
 *     handed   gap 1…3 · b4 · a5
 */
import type { Cursor, Gap } from '../shared/terms.ts';
import type { ReceivedRecord } from './record.ts';
import { isGap, positionOf, type QueueChunk, type QueueItem, RecordQueue } from './record-queue.ts';

export class ConflatingQueue extends RecordQueue {
  /** Of what came while something waited: the newest record of each key. */
  readonly #newest = new Map<string, ReceivedRecord>();
  /** Handed on next; decided once, as a listener may have been given it. */
  #next: QueueItem | undefined;
  /** It stands for items that are out of the queue already. */
  #nextIsGap = false;
  /** A chunk was done with while items were left out. */
  #isChunkDone = false;
  #takenPosition: Cursor | undefined;

  override push(chunk: QueueChunk): void {
    const isBehind = this.chunkCount > 0;
    super.push(chunk);
    if (!isBehind || chunk.cursorAfter !== undefined) return;
    for (const item of chunk.items) {
      const key = keyOf(item);
      if (key !== null) this.#newest.set(key, item as ReceivedRecord);
    }
  }

  override peek(): QueueItem | undefined {
    this.#next ??= this.#leaveOut() ?? super.peek();
    return this.#next;
  }

  override take(): boolean {
    const item = this.peek()!;
    const isDone = this.#nextIsGap ? this.#isChunkDone : super.take();
    if (!this.#nextIsGap) this.#forget(item);
    this.#takenPosition = positionOf(item);
    this.#next = undefined;
    this.#nextIsGap = false;
    this.#isChunkDone = false;
    return isDone;
  }

  override cursorBehindNext(): Cursor | undefined {
    const item = this.peek();
    return this.#nextIsGap ? positionOf(item!) : super.cursorBehindNext();
  }

  override clear(): void {
    super.clear();
    this.#newest.clear();
    this.#next = undefined;
    this.#nextIsGap = false;
  }

  /** Takes out what is superseded and, where it adjoins, what the hub left out; undefined when that is nothing. */
  #leaveOut(): Gap | undefined {
    let gap: Gap | undefined;
    for (let item = super.peek(); item && this.#canLeaveOut(item, gap); item = super.peek()) {
      gap = extended(gap ?? this.#emptyGap(item), item);
      if (super.take()) this.#isChunkDone = true;
      this.#forget(item);
    }
    this.#nextIsGap = gap !== undefined;
    return gap;
  }

  #canLeaveOut(item: QueueItem, gap: Gap | undefined): boolean {
    if (isGap(item)) return gap !== undefined && item.reason === 'conflated';
    if (this.chunkCount < 2 || this.nextIsState) return false;
    const key = keyOf(item);
    if (key === null) return false;
    const newest = this.#newest.get(key);
    return newest !== undefined && newest !== item;
  }

  /** Records follow each other without holes but those that gaps tell. */
  #emptyGap(item: QueueItem): Gap {
    const { epoch, offset } = item as ReceivedRecord;
    const taken = this.#takenPosition;
    const after = taken ? { epoch: taken.epoch, offset: taken.offset } : { epoch, offset: offset - 1 };
    return { after, upTo: after, count: 0, reason: 'conflated' };
  }

  #forget(item: QueueItem): void {
    if (this.chunkCount === 0) this.#newest.clear();
    const key = this.#newest.size > 0 ? keyOf(item) : null;
    if (key !== null && this.#newest.get(key) === item) this.#newest.delete(key);
  }
}

function extended(gap: Gap, item: QueueItem): Gap {
  const count = isGap(item) ? item.count : 1;
  return {
    ...gap,
    upTo: isGap(item) ? item.upTo : { epoch: item.epoch, offset: item.offset },
    count: gap.count === null || count === null ? null : gap.count + count,
  };
}

/** Null too where it cannot be read, which the application is told when it asks. */
function keyOf(item: QueueItem): string | null {
  if (isGap(item)) return null;
  try {
    return item.key;
  } catch {
    return null;
  }
}
