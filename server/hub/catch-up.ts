/**
 * The pull side of the live path: feeds the subscriptions that are not live from the log, page by page, until each has
 * reached what is pushed and is live again. Replay after reconnect, history on subscribing and slow sockets are this
 * one thing.
 *
 * A round costs a bounded number of bytes, so that a long replay never holds the live ones up. A reader is sent a page
 * only while nothing is buffered for it (a quick one may have four in flight), so what a stalled reader costs is one
 * page. One store read at a time per connection; its page is dropped if the subscription was closed or the socket
 * filled meanwhile, and read again when there is room.
 */

import type { Clock } from '../../shared/clock.ts';
import { codecOf } from '../../shared/codec.ts';
import type { Gap } from '../../shared/terms.ts';
import type { LogReader, RunPage, Stored } from '../log/log-reader.ts';
import { SEGMENT_BYTES } from '../log/slab-allocator.ts';
import { FrameWriter } from './frame-writer.ts';
import type { Reader } from './reader.ts';
import { CATCH_UP_MARK_BYTES } from './sink.ts';
import type { Subscription } from './subscription.ts';

/** Bytes sent in one round, over all readers; the event loop turns between rounds. */
const ROUND_BYTES = 1024 * 1024;
/** What may wait for readers that were trusted with more than a page, all together. */
const BUDGET_BYTES = 64 * 1024 * 1024;
/** After a failed store read. */
const RETRY_MS = 250;

export interface CatchUpStats {
  replayedRecords: number;
  replayedBytes: number;
  gaps: number;
}

export class CatchUp {
  readonly stats: CatchUpStats = { replayedRecords: 0, replayedBytes: 0, gaps: 0 };
  readonly #logReader: LogReader;
  readonly #clock: Clock;
  readonly #onStoreError: (cause: unknown) => void;
  readonly #writer = new FrameWriter();
  readonly #budgetBytes: number;
  #heldBytes = 0;
  #queue: Reader[] = [];
  #isScheduled = false;

  /** @param budgetBytes once so much waits for all readers together, quick ones too get a page at a time */
  constructor(
    logReader: LogReader,
    clock: Clock,
    onStoreError: (cause: unknown) => void,
    budgetBytes = BUDGET_BYTES,
  ) {
    this.#budgetBytes = budgetBytes;
    this.#logReader = logReader;
    this.#clock = clock;
    this.#onStoreError = onStoreError;
  }

  /** A new subscription: live at once where it already is at the head. */
  start(subscription: Subscription): void {
    const { channel, cursor, reader } = subscription;
    const next = this.#logReader.readRing(channel.log, channel.bounds, cursor, 1);
    if (next.kind === 'head' && !reader.sink.isFull) subscription.apply('caught-up');
    else this.add(subscription);
  }

  /** `subscription` is behind; feed it as its socket allows. */
  add(subscription: Subscription): void {
    subscription.reader.queueLagging(subscription);
    this.#enqueue(subscription.reader);
  }

  /** The socket of `reader` has taken everything. */
  drained(reader: Reader): void {
    reader.unblock(this.#clock.monotonicMs());
    this.#hold(reader, 0);
    if (reader.lagging.length > 0) this.#enqueue(reader);
  }

  /** `reader` is gone. */
  forget(reader: Reader): void {
    this.#hold(reader, 0);
  }

  /** Keeps the sum of what waits for the readers that are blocked. */
  #hold(reader: Reader, bytes: number): void {
    this.#heldBytes += bytes - reader.heldBytes;
    reader.heldBytes = bytes;
  }

  #enqueue(reader: Reader): void {
    if (reader.isQueued) return;
    reader.isQueued = true;
    this.#queue.push(reader);
    this.#schedule();
  }

  #schedule(): void {
    if (this.#isScheduled || this.#queue.length === 0) return;
    this.#isScheduled = true;
    setImmediate(() => {
      this.#isScheduled = false;
      this.#round();
      this.#schedule();
    });
  }

  #round(): void {
    const readers = this.#queue;
    this.#queue = [];
    let room = ROUND_BYTES;
    let i = 0;
    for (; i < readers.length && room > 0; i++) {
      const reader = readers[i]!;
      reader.isQueued = false;
      room -= this.#feedGuarded(reader, room);
    }
    // Who had no turn goes first in the next round; who was fed and wants more has queued itself behind.
    this.#queue = [...readers.slice(i), ...this.#queue];
  }

  /** A fault of the hub at one reader ends that one's connection; the others are fed. */
  #feedGuarded(reader: Reader, room: number): number {
    try {
      return this.#feed(reader, room);
    } catch (cause) {
      reader.fail(cause);
      return 0;
    }
  }

  /** Sends `reader` what it may have now; returns the bytes sent. */
  #feed(reader: Reader, room: number): number {
    this.#writer.reset();
    let sent = 0;
    // They wait for the connection's store read, and must not keep those waiting that the ring can feed.
    const waiting: Subscription[] = [];
    while (reader.lagging.length > 0 && this.#hasRoom(reader, sent)) {
      if (sent >= room || sent >= CATCH_UP_MARK_BYTES) {
        this.#enqueue(reader);
        break;
      }
      const subscription = reader.nextLagging()!;
      const step = this.#step(subscription);
      if (step === 'waiting') waiting.push(subscription);
      else sent += step;
    }
    for (const subscription of waiting) reader.queueLagging(subscription);
    return sent;
  }

  #hasRoom(reader: Reader, sent: number): boolean {
    const { bufferedBytes } = reader.sink;
    if (bufferedBytes === 0) return true;
    const isTrusted = reader.isQuick && this.#heldBytes < this.#budgetBytes;
    if (isTrusted && sent > 0 && bufferedBytes + SEGMENT_BYTES <= CATCH_UP_MARK_BYTES) return true;
    reader.block(this.#clock.monotonicMs());
    this.#hold(reader, bufferedBytes);
    return false;
  }

  /** Moves one subscription on by a page, a gap, or to being live. Returns the bytes sent. */
  #step(subscription: Subscription): number | 'waiting' {
    if (subscription.state !== 'catching-up') return 0;
    const { channel, cursor, reader } = subscription;
    const next = this.#logReader.readRing(channel.log, channel.bounds, cursor, SEGMENT_BYTES);
    switch (next.kind) {
      case 'run':
        return this.#sendPage(subscription, next);
      case 'gap':
        return this.#sendGap(subscription, next.gap);
      case 'head':
        subscription.apply('caught-up');
        return 0;
      case 'stored':
        if (reader.isReading) return 'waiting';
        this.#readStored(subscription, next).catch((cause) => reader.fail(cause));
        return 0;
      case 'unknown-cursor':
        throw new TypeError(`a subscription of ${channel.log.name} has a cursor that its log does not know`);
    }
  }

  async #readStored(subscription: Subscription, stored: Stored): Promise<void> {
    const { reader, channel, cursor } = subscription;
    subscription.apply('read');
    reader.isReading = true;
    let result: Awaited<ReturnType<LogReader['readStored']>> | undefined;
    try {
      result = await this.#logReader.readStored(channel.log, stored, SEGMENT_BYTES);
    } catch (cause) {
      this.#onStoreError(cause);
      await new Promise<void>((resolve) => this.#clock.after(RETRY_MS, resolve));
    }
    reader.isReading = false;
    subscription.apply('page');
    if (subscription.state === 'catching-up') {
      if (subscription.cursor !== cursor) throw new TypeError('the cursor moved while its page was read');
      // A little may be buffered: with steady live traffic on the connection there would always be.
      if (result && !reader.sink.isFull) this.#sendResult(subscription, result);
      else reader.queueLagging(subscription);
    }
    if (reader.lagging.length > 0) this.#enqueue(reader);
  }

  #sendResult(subscription: Subscription, result: Awaited<ReturnType<LogReader['readStored']>>): void {
    this.#writer.reset();
    if (result.kind === 'run') this.#sendPage(subscription, result);
    else if (result.kind === 'gap') this.#sendGap(subscription, result.gap);
    else subscription.reader.queueLagging(subscription);
  }

  #sendPage(subscription: Subscription, page: RunPage): number {
    const { reader } = subscription;
    const frame = this.#writer.batch(subscription.channelNumber, page);
    const bytes = frame.inForm(reader.sink.form);
    if (reader.sink.send(bytes) === 'closed') return 0;
    subscription.advance({ epoch: page.epoch, offset: frame.lastOffset });
    this.stats.replayedRecords += page.count;
    this.stats.replayedBytes += bytes.length;
    reader.queueLagging(subscription);
    return bytes.length;
  }

  #sendGap(subscription: Subscription, gap: Gap): number {
    const { reader, channelNumber } = subscription;
    const bytes = codecOf(reader.sink.form).encodeServer({ op: 'gap', channelNumber, ...gap });
    if (reader.sink.send(bytes) === 'closed') return 0;
    this.stats.gaps++;
    subscription.advance(gap.upTo);
    reader.queueLagging(subscription);
    return bytes.length;
  }
}
