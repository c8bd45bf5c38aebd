/**
 * One reader's cursor on one channel, with what it chose. Holds state, moves it only by subscription-state; who feeds it
 * is fan-out (live) or catch-up (else).
 */
import { type Cursor, compareCursors, type Offset, ORIGIN } from '../../shared/terms.ts';
import type { Channel } from './channel.ts';
import type { Lag } from './drop-policy.ts';
import type { Feed } from './feed.ts';
import type { Reader } from './reader.ts';
import { nextState, type SubscriptionEvent, type SubscriptionState } from './subscription-state.ts';
import type { SubscriptionTerms } from './subscription-terms.ts';

/** The newest records of the channel's keys, sent before the log. */
export interface Snapshot {
  /** Those up to here were sent. */
  readonly after: Cursor;
  /** Where the log takes over. */
  readonly upTo: Cursor;
}

export class Subscription {
  readonly reader: Reader;
  readonly channel: Channel;
  readonly feed: Feed;
  readonly terms: SubscriptionTerms;
  /** Still to be sent before the log. */
  snapshot: Snapshot | undefined;
  /** See {@link historyOffset}. */
  #historyOffset: Offset;
  #state: SubscriptionState = 'catching-up';
  #cursor: Cursor;
  /** Run bytes of the channel up to where lag is counted from: the cursor, or the end of history where that is later. */
  #markBytes: number;
  /** Bytes that may be sent; below 0 by one frame at most. */
  #creditBytes: number;
  /** Where it stands in the feed's list while live; kept by {@link Feed}. */
  liveIndex = -1;
  /** Waits in its reader's queue of those that catch up. */
  isQueued = false;

  constructor(
    reader: Reader,
    channel: Channel,
    terms: SubscriptionTerms,
    cursor: Cursor,
    snapshot?: Snapshot,
  ) {
    this.reader = reader;
    this.channel = channel;
    this.feed = channel.feed(terms.delivery);
    this.terms = terms;
    this.snapshot = snapshot;
    this.#cursor = cursor;
    this.#historyOffset = this.feed.pushedOffset;
    this.#markBytes = this.feed.pushedBytes;
    this.#creditBytes = terms.windowBytes - terms.heldBytes;
    this.feed.addLagging(this);
    if (this.#creditBytes <= 0) this.apply('credit-spent');
  }

  /** What lies up to here is no lag of its own: it was there when it began, or the hub itself has held it. */
  get historyOffset(): Offset {
    return this.#historyOffset;
  }

  get state(): SubscriptionState {
    return this.#state;
  }

  get channelNumber(): number {
    return this.channel.log.number;
  }

  /** Everything up to here was sent. */
  get cursor(): Cursor {
    const { feed } = this;
    if (this.#state !== 'live') return this.#cursor;
    return { epoch: feed.log.currentEpoch, offset: feed.pushedOffset };
  }

  /** Records between the cursor and what is pushed. */
  get lagRecords(): number {
    return Math.max(0, this.feed.pushedOffset - this.cursor.offset);
  }

  /** How far it lags, as its policy counts it. */
  get lag(): Lag {
    const { pushedOffset, pushedBytes } = this.feed;
    const records = pushedOffset - Math.max(this.cursor.offset, this.#historyOffset);
    return { records: Math.max(0, records), bytes: records > 0 ? pushedBytes - this.#markBytes : 0 };
  }

  /** What a page for it may be, bytes of run, so that little is sent beyond its credit; one record always passes. */
  get roomBytes(): number {
    return Math.max(1, this.#creditBytes);
  }

  get hasCredit(): boolean {
    return this.#creditBytes > 0;
  }

  /** A frame was sent. I20: one may overdraw, so that a small window is no dead end. */
  charge(frameBytes: number): void {
    this.#creditBytes -= frameBytes;
  }

  /** The client gives back. True once half of the window is free again: to go on at less would cut pages into crumbs. */
  credit(bytes: number): boolean {
    const { windowBytes } = this.terms;
    this.#creditBytes = Math.min(windowBytes, this.#creditBytes + bytes);
    return this.#creditBytes * 2 >= windowBytes;
  }

  /**
   * Catch-up has sent everything up to `cursor`.
   *
   * @param runBytes of the records that were sent or left out, where they were read
   */
  advance(cursor: Cursor, runBytes: number): void {
    if (compareCursors(cursor, this.#cursor) < 0) throw new TypeError('a cursor never goes back');
    if (this.#cursor.offset >= this.#historyOffset) this.#markBytes += runBytes;
    this.#cursor = cursor;
  }

  /** As {@link advance}, over records that were not read; `endBytes`: run bytes of the channel up to there. */
  skipTo(cursor: Cursor, endBytes: number): void {
    this.advance(cursor, 0);
    this.#markBytes = Math.max(this.#markBytes, endBytes);
  }

  apply(event: SubscriptionEvent): void {
    const before = this.#state;
    if (before === 'live' && event === 'close') this.#cursor = this.cursor;
    this.#state = nextState(before, event);
    if (before === this.#state) return;
    if (this.#state === 'live') {
      // From now on the feed's is its cursor; one of its own would be kept for nothing.
      this.#cursor = ORIGIN;
      this.feed.removeLagging(this);
      this.feed.addLive(this);
    } else if (before === 'live') {
      this.feed.removeLive(this);
      if (this.#state !== 'closed') this.feed.addLagging(this);
    } else if (this.#state === 'closed') {
      this.feed.removeLagging(this);
    }
  }

  /** Stops being live: it was sent what lies up to `cursor`, `endBytes` of the channel's run, and no more. */
  demote(event: 'socket-full' | 'credit-spent', cursor: Cursor, endBytes: number): void {
    this.#cursor = cursor;
    this.#markBytes = endBytes;
    this.apply(event);
  }

  /** Stops being live through no fault of its reader, at `cursor`: what the feed may push by now is no lag. */
  demoteBlameless(cursor: Cursor): void {
    this.#historyOffset = this.feed.targetOffset;
    this.demote('socket-full', cursor, this.feed.targetBytes);
  }
}
