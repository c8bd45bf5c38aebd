/**
 * The live path: once per tick, each feed that grew becomes batch frames, and each live subscription's socket gets them
 * in its own send loop. All frames of a connection's tick go under one cork. A socket that is full, or a client that
 * holds all that it may, loses nothing: its subscriptions stop being live and keep their cursor, and catch-up takes over.
 * I1, I2: a frame begins where the cursor of every live subscription is, and its end is their cursor then.
 */

import type { Clock } from '../../shared/clock.ts';
import type { Offset } from '../../shared/terms.ts';
import type { ActiveChannels } from './active-channels.ts';
import { type Feed, NO_FRAMES } from './feed.ts';
import { type Frame, FrameWriter } from './frame-writer.ts';
import { Gathering } from './gathering.ts';
import { PushSchedule } from './push-schedule.ts';
import type { PushTimes } from './push-times.ts';
import { LIVE_MARK_BYTES } from './sink.ts';
import type { Subscription } from './subscription.ts';

export interface FanOutStats {
  deliveredRecords: number;
  deliveredBytes: number;
  frames: number;
}

export interface FanOutHandlers {
  /** A subscription has stopped being live. */
  onLagging(subscription: Subscription): void;
  /** `feed` was pushed, and not everyone who must not lag too far is live. */
  onLimited(feed: Feed): void;
  /** The event loop has turned, and what is due of the tick is pushed. */
  onTick(): void;
}

export class FanOut {
  readonly stats: FanOutStats = { deliveredRecords: 0, deliveredBytes: 0, frames: 0 };
  /** Undefined where nobody asks. */
  active: ActiveChannels | undefined;
  readonly #writer = new FrameWriter();
  readonly #handlers: FanOutHandlers;
  readonly #clock: Clock;
  readonly #schedule: PushSchedule;
  readonly #gathering = new Gathering((subscription, frame) => this.#deliver(subscription, frame));

  constructor(clock: Clock, handlers: FanOutHandlers) {
    this.#clock = clock;
    this.#handlers = handlers;
    this.#schedule = new PushSchedule(clock, {
      onDue: () => this.flush(),
      onTick: () => handlers.onTick(),
    });
  }

  /** How long each push to all live subscriptions took. */
  get pushTimes(): PushTimes {
    return this.#schedule.times;
  }

  /** `feed` has grown, by `bytes` of this tick. */
  grown(feed: Feed, bytes: number): void {
    this.#schedule.grown(feed, bytes);
  }

  /** Makes sure that {@link FanOutHandlers.onTick} comes. */
  schedule(): void {
    this.#schedule.schedule();
  }

  /** Pushes at once when the tick has grown large. Called after each publish. */
  flushIfLarge(): void {
    if (this.#schedule.isTickFull) this.flush();
  }

  /** Pushes everything that is due, and `feed` before its push interval is over, if it was not lately. */
  flushThrough(feed: Feed): void {
    this.#schedule.hasten(feed);
    this.flush();
  }

  /** Pushes everything that has come, whatever its push interval. */
  end(): void {
    this.#schedule.end();
    this.flush();
  }

  /** Pushes everything that is due. */
  flush(): void {
    const due = this.#schedule.take();
    if (due.length === 0) return;
    const startMs = this.#clock.monotonicMs();
    if (this.active) for (const feed of due) this.active.note(feed);
    this.#writer.reset();
    const [only] = due;
    if (due.length === 1 && only) this.#flushAlone(only);
    else this.#flushGathered(due);
    for (const feed of due) if (feed.limited.size > 0) this.#handlers.onLimited(feed);
    this.#schedule.pushed(startMs);
  }

  /** One feed grew: no need to gather, each frame goes straight to each socket. */
  #flushAlone(feed: Feed): void {
    const frames = this.#frames(feed);
    if (frames.length > 1) {
      this.#gathering.add(feed, frames);
      this.#sendGathered([feed]);
      return;
    }
    const [frame] = frames;
    if (!frame) return;
    const { live } = feed;
    // Downwards, because a subscription that is demoted is replaced by the last.
    for (let i = live.length - 1; i >= 0; i--) this.#deliver(live[i]!, frame);
  }

  #flushGathered(dirty: readonly Feed[]): void {
    for (const feed of dirty) this.#gathering.add(feed, this.#frames(feed));
    this.#sendGathered(dirty);
  }

  #sendGathered(feeds: readonly Feed[]): void {
    this.#gathering.send();
    for (const feed of feeds) feed.frames = NO_FRAMES;
  }

  /** The frames of what the feed has grown by; moves `pushedOffset`. */
  #frames(feed: Feed): Frame[] {
    const { log, targetOffset, live } = feed;
    const frames: Frame[] = [];
    feed.isDirty = false;
    while (live.length > 0 && feed.pushedOffset < targetOffset) {
      const firstOffset = feed.pushedOffset + 1;
      const slice = log.readRing(firstOffset, targetOffset, LIVE_MARK_BYTES);
      if (!slice) {
        this.#demoteAll(feed);
        break;
      }
      const page = {
        kind: 'run' as const,
        epoch: log.currentEpoch,
        prevOffset: feed.pushedOffset,
        firstOffset,
        count: slice.count,
        bytes: slice.end - slice.start,
        slices: [slice],
      };
      feed.pushedBytes += page.bytes;
      frames.push(this.#writer.batch(log.number, page, feed.pushedBytes));
      feed.pushedOffset += page.count;
    }
    feed.passOver();
    return frames;
  }

  /** What was held for the push interval has left a small ring meanwhile: catch-up reads it from the store. */
  #demoteAll(feed: Feed): void {
    const { live, pushedOffset, log } = feed;
    const cursor = { epoch: log.currentEpoch, offset: pushedOffset };
    for (const subscription of [...live]) {
      subscription.demoteBlameless(cursor);
      this.#handlers.onLagging(subscription);
    }
  }

  /** A fault of the hub at one reader ends that one's connection; the others get their frames. */
  #deliver(subscription: Subscription, frame: Frame): void {
    try {
      this.#deliverUnguarded(subscription, frame);
    } catch (cause) {
      subscription.reader.fail(cause);
    }
  }

  #deliverUnguarded(subscription: Subscription, frame: Frame): void {
    if (subscription.state !== 'live') return;
    const { sink } = subscription.reader;
    if (sink.isFull) {
      this.#demote(subscription, 'socket-full', frame, frame.prevOffset);
      return;
    }
    const bytes = frame.inForm(sink.form);
    const result = sink.send(bytes);
    if (result === 'closed') return;
    this.stats.frames++;
    this.stats.deliveredRecords += frame.lastOffset - frame.prevOffset;
    this.stats.deliveredBytes += bytes.length;
    subscription.charge(bytes.length);
    if (!subscription.hasCredit) this.#demote(subscription, 'credit-spent', frame, frame.lastOffset);
    else if (result === 'full') this.#demote(subscription, 'socket-full', frame, frame.lastOffset);
  }

  /** Its cursor is where the frame begins or ends: it had all before, and gets nothing of this tick behind it. */
  #demote(
    subscription: Subscription,
    event: 'socket-full' | 'credit-spent',
    frame: Frame,
    offset: Offset,
  ): void {
    const endBytes = offset === frame.lastOffset ? frame.endBytes : frame.endBytes - frame.runBytes;
    const epoch = subscription.feed.log.currentEpoch;
    subscription.demote(event, { epoch, offset }, endBytes);
    this.#handlers.onLagging(subscription);
  }
}
