/**
 * Feeds one subscription that is not live, a step at a time: a page of the log, a gap, a page of the state, or nothing
 * more because it has come up to what is pushed. Asks the drop policy before each. Holds no queue; in which order and
 * how much, catch-up decides, its only caller.
 *
 * I3: the cursor moves only past what was sent, or told as missing with its count (I4).
 *
 * A store read is one of its steps: the subscription is then `reading`, and the page is dropped when it is no longer
 * wanted, or no longer right, once it has come.
 */
import type { Clock } from '../../shared/clock.ts';
import { codecOf } from '../../shared/codec.ts';
import { RingcastError } from '../../shared/errors.ts';
import type { ServerFrame } from '../../shared/frames.ts';
import type { Cursor, Gap } from '../../shared/terms.ts';
import { after } from '../log/log-bounds.ts';
import { type LogReader, type PageResult, pagesOf, type RunPage, type Stored } from '../log/log-reader.ts';
import { SEGMENT_BYTES } from '../log/slab-allocator.ts';
import type { StatePage } from '../log/state-page.ts';
import { conflatePage } from './conflation.ts';
import { judgeLag } from './drop-policy.ts';
import { type DropTarget, decideDrop, findDropTarget } from './dropping.ts';
import { FrameWriter } from './frame-writer.ts';
import { GapTallies } from './gap-tallies.ts';
import { KeyBudget, type KeyIndex } from './key-index.ts';
import { keyIndexOf, noteScanned, scanOn } from './key-scan.ts';
import type { Reader } from './reader.ts';
import type { Snapshot, Subscription } from './subscription.ts';

/** After a failed store read. */
const RETRY_MS = 250;

/**
 * What one read may bring for a reader that takes all of it: whatever its size, a read costs 0.2 to 0.5 ms of CPU, most
 * of it trips to the thread pool. Two may end in one turn, and are then as much as a round of catch-up sends.
 */
const MAX_STORE_READ_BYTES = 512 * 1024;

export interface FeedStats {
  replayedRecords: number;
  replayedBytes: number;
  gaps: number;
  droppedRecords: number;
  conflatedRecords: number;
}

/**
 * What a step cost, in bytes sent or looked at · `waiting` for another store read of the connection · `gone`: nothing
 * can be sent to it any more.
 */
export type Step = number | 'waiting' | 'gone';

export interface FeederHandlers {
  onStoreError(cause: unknown): void;
  /** It has come up to what is pushed. */
  onLive(subscription: Subscription): void;
  /** A step that took longer is done: the subscription may be fed again, and others of its connection. */
  onDone(subscription: Subscription): void;
  /** Whether `reader` may be sent `bytes` more in this turn, in which it was sent `spent`. */
  hasRoom(reader: Reader, spent: number, bytes: number): boolean;
}

export class Feeder {
  readonly stats: FeedStats = {
    replayedRecords: 0,
    replayedBytes: 0,
    gaps: 0,
    droppedRecords: 0,
    conflatedRecords: 0,
  };
  readonly tallies = new GapTallies();
  readonly #logReader: LogReader;
  readonly #clock: Clock;
  readonly #handlers: FeederHandlers;
  readonly #writer = new FrameWriter();
  readonly #keyBudget = new KeyBudget();

  constructor(logReader: LogReader, clock: Clock, handlers: FeederHandlers) {
    this.#logReader = logReader;
    this.#clock = clock;
    this.#handlers = handlers;
  }

  /** Whether nothing lies between its cursor and what is pushed. */
  isAtHead({ feed, cursor, snapshot }: Subscription): boolean {
    return !snapshot && after(feed.bounds, cursor).kind === 'head';
  }

  /** Moves one subscription on by a page, a gap, or to being live. */
  step(subscription: Subscription): Step {
    const { state, snapshot } = subscription;
    if (state !== 'catching-up') return 0;
    this.#writer.reset();
    if (snapshot) return this.#readState(subscription, snapshot);
    const next = this.#next(subscription);
    switch (next.kind) {
      case 'gap':
        return this.#sendGap(subscription, next.gap, subscription.channel.log.oldestBytes);
      case 'head':
        subscription.apply('caught-up');
        this.#handlers.onLive(subscription);
        return 0;
      case 'unknown-cursor':
        throw new TypeError(`a subscription of ${subscription.channel.log.name} is beyond its log`);
      default:
        return this.#stepBy(subscription, next);
    }
  }

  /** History ends where lag begins, and no page lies across: lag in bytes is counted from there. */
  #next({ feed, cursor, historyOffset, channel, roomBytes }: Subscription): PageResult | Stored {
    const { bounds } = feed;
    const headOffset = cursor.offset < historyOffset ? historyOffset : bounds.headOffset;
    const maxBytes = Math.min(SEGMENT_BYTES, roomBytes);
    return this.#logReader.readRing(channel.log, { ...bounds, headOffset }, cursor, maxBytes);
  }

  #stepBy(subscription: Subscription, next: RunPage | Stored): Step {
    const { terms, reader } = subscription;
    const verdict = judgeLag(terms, subscription.lag);
    if (verdict === 'disconnect') return this.disconnect(subscription);
    if (verdict === 'drop') {
      const dropped = this.#drop(subscription);
      if (dropped !== undefined) return dropped;
    }
    if (terms.policy === 'conflate') {
      const looked = this.#cover(subscription);
      if (looked !== undefined) return looked;
    }
    if (next.kind === 'run') return this.#sendPage(subscription, next);
    if (reader.isReading) return 'waiting';
    const { log } = subscription.channel;
    const readBytes = terms.policy === 'conflate' ? SEGMENT_BYTES : reader.storeReadBytes;
    return this.#read(
      subscription,
      () => this.#logReader.readStored(log, next, Math.min(readBytes, subscription.roomBytes)),
      (result) => this.#takeStored(subscription, result),
    );
  }

  /** It lags further than it chose to: it resumes later, from its cursor, and that is then history. */
  disconnect({ reader, terms, lag, channel }: Subscription): 'gone' {
    const limits = [
      terms.maxLagRecords < Number.POSITIVE_INFINITY && `${terms.maxLagRecords} records`,
      terms.maxLagBytes < Number.POSITIVE_INFINITY && `${terms.maxLagBytes} bytes`,
    ].filter((limit) => limit !== false);
    const text = `${lag.records} records (${lag.bytes} bytes) of ${channel.log.name} wait, more than its policy "disconnect" bears (${limits.join(', ')}): resume from the cursor later`;
    reader.endLagging(new RingcastError('lagging', text));
    return 'gone';
  }

  // Leaving out ---------------------------------------------------------------------------------------------------------

  /** Leaves the oldest out; undefined where nothing can be. */
  #drop(subscription: Subscription): Step | undefined {
    if (subscription.reader.isReading) return 'waiting';
    const target = findDropTarget(this.#logReader, subscription);
    if (!(target instanceof Promise)) return this.#dropTo(subscription, target);
    const wait = () => target;
    return this.#read(subscription, wait, (found) => void this.#dropTo(subscription, found));
  }

  #dropTo(subscription: Subscription, target: DropTarget): Step | undefined {
    const drop = decideDrop(subscription, target);
    if (!drop) return undefined;
    this.stats.droppedRecords += drop.gap.count!;
    return this.#sendGap(subscription, drop.gap, drop.endBytes);
  }

  /** Looks at what has not been looked at yet for later records of each key; undefined when all has. */
  #cover(subscription: Subscription): Step | undefined {
    const { feed, cursor, reader, channel } = subscription;
    const index = keyIndexOf(feed, cursor, this.#keyBudget);
    const looked = scanOn(this.#logReader, feed, index, cursor);
    if (looked === 'covered') return undefined;
    if (looked === 'reading') return this.#awaitIndex(subscription, index);
    if (typeof looked === 'number') return looked;
    if (reader.isReading) return 'waiting';
    const { stretch } = looked;
    stretch.isReading = true;
    return this.#read(
      subscription,
      () => this.#logReader.readStored(channel.log, looked, SEGMENT_BYTES),
      (result) => void noteScanned(index, stretch, result, feed),
      () => {
        stretch.isReading = false;
        index.wake();
      },
    );
  }

  /** Another reader's page is being looked at for all of them. */
  #awaitIndex(subscription: Subscription, index: KeyIndex): Step {
    subscription.apply('read');
    index.waiting.push(() => {
      subscription.apply('page');
      this.#handlers.onDone(subscription);
    });
    return 0;
  }

  /** What came while a page was read counts, too: as much of it as the page is worth to be kept for. */
  #coverNow({ feed, cursor }: Subscription): boolean {
    const index = keyIndexOf(feed, cursor, this.#keyBudget);
    for (let looks = 0; looks < 16; looks++) {
      const looked = scanOn(this.#logReader, feed, index, cursor);
      if (looked === 'covered') return true;
      if (typeof looked !== 'number') return false;
    }
    return false;
  }

  #sendConflated(subscription: Subscription, page: RunPage): Step {
    const { feed, channelNumber, cursor } = subscription;
    const index = feed.keyIndex!;
    const { offsets, run, missing, missingCount, bytes } = conflatePage(page, (key, offset) =>
      index.isSuperseded(key, offset),
    );
    const { epoch, prevOffset, count } = page;
    const lastOffset = offsets.at(-1);
    if (lastOffset === undefined) {
      const upTo = { epoch, offset: prevOffset + count };
      this.stats.conflatedRecords += count;
      return this.#sendGap(subscription, { after: cursor, upTo, count, reason: 'conflated' }, 0, page.bytes);
    }
    if (offsets.length === count) return this.#sendBatch(subscription, page);
    this.stats.conflatedRecords += missingCount;
    this.stats.replayedRecords += offsets.length;
    this.tallies.note(subscription, 'conflated', missing.length, missingCount);
    const head = { channelNumber, epoch, prevOffset, count: offsets.length };
    return this.#transmit(
      subscription,
      { op: 'sparse-batch', ...head, offsets, missing, run },
      { epoch, offset: lastOffset },
      bytes,
    );
  }

  // Sending -------------------------------------------------------------------------------------------------------------

  #takeStored(subscription: Subscription, result: PageResult): void {
    if (result.kind === 'gap') {
      this.#sendGap(subscription, result.gap, subscription.channel.log.oldestBytes);
      return;
    }
    if (result.kind !== 'run' || judgeLag(subscription.terms, subscription.lag) !== 'within') return;
    if (subscription.terms.policy !== 'conflate') this.#sendStored(subscription, result);
    else if (this.#coverNow(subscription)) this.#sendPage(subscription, result);
  }

  /** Page by page of what one read brought, while there is room; what is left over is read again, less at once. */
  #sendStored(subscription: Subscription, read: RunPage): void {
    const { reader } = subscription;
    let spent = 0;
    for (const page of pagesOf(read, SEGMENT_BYTES)) {
      const isNext = spent === 0 || this.#handlers.hasRoom(reader, spent, page.bytes);
      if (!isNext || subscription.state !== 'catching-up') {
        reader.storeReadBytes = Math.max(SEGMENT_BYTES, Math.min(reader.storeReadBytes / 2, spent));
        return;
      }
      this.#writer.reset();
      const sent = this.#sendBatch(subscription, page);
      if (typeof sent !== 'number') return;
      spent += sent;
    }
    reader.storeReadBytes = Math.min(reader.storeReadBytes * 2, MAX_STORE_READ_BYTES);
  }

  #sendPage(subscription: Subscription, page: RunPage): Step {
    if (subscription.terms.policy !== 'conflate') return this.#sendBatch(subscription, page);
    const sent = this.#sendConflated(subscription, page);
    // Little of it may be sent, but all of it was looked at.
    return typeof sent === 'number' ? Math.max(sent, page.bytes) : sent;
  }

  #sendBatch(subscription: Subscription, page: RunPage): Step {
    const { reader, channelNumber } = subscription;
    const frame = this.#writer.batch(channelNumber, page);
    const bytes = frame.inForm(reader.sink.form);
    this.stats.replayedRecords += page.count;
    return this.#transmitBytes(
      subscription,
      bytes,
      { epoch: page.epoch, offset: frame.lastOffset },
      page.bytes,
    );
  }

  /** @param endBytes run bytes of the channel up to the end of the gap, at least; `runBytes` of it, where it was read */
  #sendGap(subscription: Subscription, gap: Gap, endBytes: number, runBytes = 0): Step {
    const { channelNumber } = subscription;
    const step = this.#transmit(subscription, { op: 'gap', channelNumber, ...gap }, gap.upTo, runBytes);
    if (step === 'gone') return step;
    this.stats.gaps++;
    this.tallies.note(subscription, gap.reason, 1, gap.count ?? 0);
    if (gap.reason !== 'lost') subscription.skipTo(gap.upTo, endBytes);
    // Records that the store misses: nobody knows their bytes, so none of what has come until now counts as lag.
    else if (gap.count !== null) subscription.skipTo(gap.upTo, subscription.feed.pushedBytes);
    return step;
  }

  #transmit(subscription: Subscription, frame: ServerFrame, cursor: Cursor, runBytes: number): Step {
    const bytes = codecOf(subscription.reader.sink.form).encodeServer(frame);
    return this.#transmitBytes(subscription, bytes, cursor, runBytes);
  }

  /** Sends, moves the cursor, and takes the frame from its credit. */
  #transmitBytes(subscription: Subscription, bytes: Uint8Array, cursor: Cursor, runBytes: number): Step {
    if (!this.#send(subscription, bytes)) return 'gone';
    subscription.advance(cursor, runBytes);
    return bytes.length;
  }

  #send(subscription: Subscription, bytes: Uint8Array): boolean {
    if (subscription.reader.sink.send(bytes) === 'closed') return false;
    this.stats.replayedBytes += bytes.length;
    subscription.charge(bytes.length);
    if (!subscription.hasCredit) subscription.apply('credit-spent');
    return true;
  }

  // Reading -------------------------------------------------------------------------------------------------------------

  #readState(subscription: Subscription, snapshot: Snapshot): Step {
    const { reader, channel } = subscription;
    if (reader.isReading) return 'waiting';
    return this.#read(
      subscription,
      () => this.#logReader.readState(channel.log, snapshot.after, snapshot.upTo, SEGMENT_BYTES),
      (page) => this.#sendState(subscription, snapshot, page),
    );
  }

  #sendState(subscription: Subscription, { upTo }: Snapshot, page: StatePage): void {
    const { channelNumber, reader } = subscription;
    const { epoch, atEnd, count, offsets, records, next } = page;
    const frame = { op: 'state', channelNumber, epoch, atEnd, count, offsets, run: records } as const;
    if (!this.#send(subscription, codecOf(reader.sink.form).encodeServer(frame))) return;
    this.stats.replayedRecords += count;
    subscription.snapshot = atEnd ? undefined : { after: next, upTo };
  }

  /** Begins a store read; what it brings is taken unless the subscription or the room for it is gone by then. */
  #read<T>(
    subscription: Subscription,
    read: () => Promise<T>,
    take: (result: T) => void,
    done: () => void = () => {},
  ): Step {
    subscription.apply('read');
    subscription.reader.isReading = true;
    this.#await(subscription, read, take, done).catch((cause) => subscription.reader.fail(cause));
    return 0;
  }

  async #await<T>(
    subscription: Subscription,
    read: () => Promise<T>,
    take: (result: T) => void,
    done: () => void,
  ): Promise<void> {
    const { reader, cursor } = subscription;
    let result: { readonly value: T } | undefined;
    try {
      result = { value: await read() };
    } catch (cause) {
      this.#handlers.onStoreError(cause);
      await new Promise<void>((resolve) => this.#clock.after(RETRY_MS, resolve));
    }
    reader.isReading = false;
    subscription.apply('page');
    try {
      if (subscription.state === 'catching-up') {
        if (subscription.cursor !== cursor) throw new TypeError('the cursor moved while its page was read');
        this.#writer.reset();
        // A little may be buffered: with steady live traffic on the connection there would always be.
        if (result && !reader.sink.isFull) take(result.value);
        // It is read again: less at once, or what nobody takes would cost the most.
        else reader.storeReadBytes = SEGMENT_BYTES;
      }
    } finally {
      done();
      this.#handlers.onDone(subscription);
    }
  }
}
