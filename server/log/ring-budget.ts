/**
 * Keeps the memory of all rings within the hub's budget, and each channel's ring within its own bounds, by letting go
 * of the oldest segments that the store holds. What is not on disk yet is never let go of: unpersisted bytes have a
 * bound of their own. Knows segments in the order they were begun; log-set calls it.
 */
import type { Clock } from '../../shared/clock.ts';
import type { ChannelLog } from './channel-log.ts';
import type { Segment } from './segment.ts';
import type { SlabAllocator } from './slab-allocator.ts';

/** Segments looked at in one call, so that no call holds the event loop. */
const LOOKS_PER_CALL = 512;

export class RingBudget {
  readonly #budgetBytes: number;
  readonly #slabs: SlabAllocator;
  readonly #clock: Clock;
  #oldest: Segment | undefined;
  #newest: Segment | undefined;
  /** Where the next look for segments past their age goes on. */
  #agePosition: Segment | undefined;

  constructor(budgetBytes: number, slabs: SlabAllocator, clock: Clock) {
    this.#budgetBytes = budgetBytes;
    this.#slabs = slabs;
    this.#clock = clock;
  }

  add(segment: Segment): void {
    segment.older = this.#newest;
    if (this.#newest) this.#newest.newer = segment;
    else this.#oldest = segment;
    this.#newest = segment;
  }

  remove(segment: Segment): void {
    const { older, newer } = segment;
    if (older) older.newer = newer;
    else this.#oldest = newer;
    if (newer) newer.older = older;
    else this.#newest = older;
    if (this.#agePosition === segment) this.#agePosition = newer;
    segment.older = undefined;
    segment.newer = undefined;
  }

  get isExceeded(): boolean {
    return this.#slabs.usedBytes > this.#budgetBytes;
  }

  /**
   * Lets go of the oldest segments until the budget holds. Open ones among the oldest are sealed (and so merged), as
   * many as it takes; they go when that is written.
   */
  enforce(): void {
    let segment = this.#oldest;
    let leavingBytes = 0;
    for (let looks = 0; segment && looks < LOOKS_PER_CALL; looks++) {
      if (this.#slabs.usedBytes - leavingBytes <= this.#budgetBytes) return;
      const { newer } = segment;
      this.#release(segment);
      if (segment.state === 'sealed') leavingBytes += segment.capacityBytes;
      segment = newer;
    }
  }

  /** Keeps one channel's ring within its own bounds; called as its segments are sealed and synced. */
  enforceChannel(log: ChannelLog): void {
    const { maxBytes, maxRecords } = log.ring;
    for (;;) {
      const oldest = log.segments[0];
      if (!oldest?.isEvictable) return;
      const overBytes = maxBytes !== null && log.ringBytes - oldest.capacityBytes >= maxBytes;
      const overRecords = maxRecords !== null && log.headOffset - oldest.lastOffset >= maxRecords;
      if (!overBytes && !overRecords && !this.#isTooOld(oldest)) return;
      log.dropOldestSegment();
    }
  }

  /** Looks at some of the segments for ones past their channel's ring age. Called about once a second. */
  enforceAge(): void {
    let segment = this.#agePosition ?? this.#oldest;
    for (let looks = 0; segment && looks < LOOKS_PER_CALL; looks++) {
      const { newer } = segment;
      if (this.#isTooOld(segment)) this.#release(segment);
      segment = newer;
    }
    this.#agePosition = segment;
  }

  /** Lets go of a segment, or seals it so that it can go. One that was only just begun is left to its first record. */
  #release(segment: Segment): void {
    const { log } = segment;
    if (segment.state === 'open' && segment.isWritten && segment.count > 0) log.seal(segment);
    if (segment.isEvictable && log.segments[0] === segment) log.dropOldestSegment();
  }

  #isTooOld({ log, lastTimeMs }: Segment): boolean {
    const { maxAgeMs } = log.ring;
    return maxAgeMs !== null && this.#clock.nowMs() - lastTimeMs > maxAgeMs;
  }
}
