/**
 * Sees to it that publishes which wait pin little memory beside their own bytes: a record keeps the whole chunk in which
 * it was written, also where all others in that are long answered. Called by the publisher.
 */
import type { WrittenRecord } from './record-writer.ts';

/** What may be pinned in any case. */
const SLACK_BYTES = 32 * 1024;
/** Beyond so many times the bytes that wait, it is looked for chunks that hold little. */
const MAX_SHARE = 3;

export interface MovableRecord extends WrittenRecord {
  chunk: Uint8Array;
  start: number;
  end: number;
}

export class RecordMemory {
  /** At most; all allocated before the last trim included. */
  #pinnedBytes = 0;
  #allocatedBytes = 0;

  /**
   * Moves records out of chunks that are more than half dead, once the sum may be too much. Done so seldom that each
   * record is looked at about once, as the sum has to grow, or what waits to shrink, by as much as is looked at.
   * @param allocatedBytes of all chunks ever made.
   */
  trim(allocatedBytes: number, waitingBytes: number, records: () => Iterable<MovableRecord>): void {
    const pinnedBytes = this.#pinnedBytes + allocatedBytes - this.#allocatedBytes;
    if (pinnedBytes <= MAX_SHARE * waitingBytes + SLACK_BYTES) return;
    this.#allocatedBytes = allocatedBytes;
    this.#pinnedBytes = compact([...records()]);
  }
}

/** Returns how many bytes the records pin then. */
function compact(records: readonly MovableRecord[]): number {
  const liveIn = new Map<Uint8Array, number>();
  for (const { chunk, start, end } of records) liveIn.set(chunk, (liveIn.get(chunk) ?? 0) + end - start);
  const moves = new Map<Uint8Array, { readonly bytes: Uint8Array; at: number }>();
  let pinnedBytes = 0;
  for (const [chunk, live] of liveIn) {
    const isSparse = live * 2 < chunk.length;
    if (isSparse) moves.set(chunk, { bytes: new Uint8Array(live), at: 0 });
    pinnedBytes += isSparse ? live : chunk.length;
  }
  for (const record of records) {
    const move = moves.get(record.chunk);
    if (!move) continue;
    const { start: oldStart } = record;
    move.bytes.set(record.chunk.subarray(oldStart, record.end), move.at);
    record.chunk = move.bytes;
    record.start = move.at;
    move.at += record.end - oldStart;
    record.end = move.at;
  }
  return pinnedBytes;
}
