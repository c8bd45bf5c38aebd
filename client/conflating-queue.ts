/**
 * The queue of a subscription with policy `conflate`: once its application is behind, a record of which a later one
 * with its key waits here is left out, and told as a gap, as the hub does with what it has not sent. Without it, what
 * was sent before the hub knew of the lag would be shown one by one, and a board of prices would be old by all of that.
 * Called by the outlet.
 *
 * It goes in passes: what waits when a pass begins is conflated by itself, and what comes meanwhile is the next pass.
 * Held against what came last instead, keys that change all the time would keep each other from ever being shown.
 *
 *     waits    a1 b2 │ a3 b4 │ a5        one frame │ the next
 *     handed   gap 1…3 · b4 · a5
 */
import type { Cursor, Gap } from '../shared/terms.ts';
import type { ReceivedRecord } from './record.ts';
import { isGap, isState, positionOf, type QueueItem, RecordQueue } from './record-queue.ts';

export class ConflatingQueue extends RecordQueue {
  /** Of the pass: the newest record of each key. Empty where the pass is one frame, of which nothing is left out. */
  readonly #newest = new Map<string, ReceivedRecord>();
  #passConflates = false;
  #chunksOfPass = 0;
  /** Handed on next; decided once, as a listener may have been given it. */
  #next: QueueItem | undefined;
  /** It stands for items that are out of the queue already. */
  #nextIsGap = false;
  /** A chunk was done with while items were left out. */
  #isChunkDone = false;
  #takenPosition: Cursor | undefined;

  override peek(): QueueItem | undefined {
    if (!this.#next) {
      const isBehind = !this.#passConflates && this.chunks.length > 1;
      if (this.#chunksOfPass === 0 || isBehind) this.#beginPass();
      this.#next = this.#leaveOut() ?? super.peek();
    }
    return this.#next;
  }

  override take(): boolean {
    const item = this.peek()!;
    const isDone = this.#nextIsGap ? this.#isChunkDone : this.#takeFirst();
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
    this.#chunksOfPass = 0;
    this.#next = undefined;
    this.#nextIsGap = false;
  }

  #beginPass(): void {
    const { chunks } = this;
    this.#newest.clear();
    this.#chunksOfPass = chunks.length;
    this.#passConflates = chunks.length > 1;
    if (!this.#passConflates) return;
    for (const chunk of chunks) {
      if (isState(chunk)) continue;
      for (const item of chunk.items) {
        const key = keyOf(item);
        if (key !== null) this.#newest.set(key, item as ReceivedRecord);
      }
    }
  }

  /** Takes out what is superseded and, where it adjoins, what the hub left out; undefined when that is nothing. */
  #leaveOut(): Gap | undefined {
    let gap: Gap | undefined;
    for (let item = super.peek(); item && this.#canLeaveOut(item, gap); item = super.peek()) {
      gap = extended(gap ?? this.#emptyGap(item), item);
      if (this.#takeFirst()) this.#isChunkDone = true;
    }
    this.#nextIsGap = gap !== undefined;
    return gap;
  }

  #canLeaveOut(item: QueueItem, gap: Gap | undefined): boolean {
    if (this.#chunksOfPass === 0 || isState(this.chunks[0]!)) return false;
    if (isGap(item)) return gap !== undefined && item.reason === 'conflated';
    const key = this.#passConflates ? keyOf(item) : null;
    return key !== null && this.#newest.get(key) !== item;
  }

  #takeFirst(): boolean {
    const before = this.chunks.length;
    const isDone = super.take();
    this.#chunksOfPass -= before - this.chunks.length;
    return isDone;
  }

  /** Records follow each other without holes but those that gaps tell. */
  #emptyGap(item: QueueItem): Gap {
    const { epoch, offset } = item as ReceivedRecord;
    const taken = this.#takenPosition;
    const after = taken ? { epoch: taken.epoch, offset: taken.offset } : { epoch, offset: offset - 1 };
    return { after, upTo: after, count: 0, reason: 'conflated' };
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
