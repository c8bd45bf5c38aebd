/**
 * The live path: once per tick, each channel that grew becomes batch frames, and each live subscription's socket gets
 * them in its own send loop. All frames of a connection's tick go under one cork. A socket that is full loses nothing:
 * its subscriptions stop being live and keep their cursor, and catch-up takes over.
 */
import type { Channel } from './channel.ts';
import { type Frame, FrameWriter } from './frame-writer.ts';
import type { Reader } from './reader.ts';
import { LIVE_MARK_BYTES } from './sink.ts';
import type { Subscription } from './subscription.ts';

/** A tick ends, inline, once so much was appended: a flood on one socket must not hold the others up. */
const TICK_BYTES = 262_144;

export interface FanOutStats {
  deliveredRecords: number;
  deliveredBytes: number;
  frames: number;
}

export class FanOut {
  readonly stats: FanOutStats = { deliveredRecords: 0, deliveredBytes: 0, frames: 0 };
  readonly #writer = new FrameWriter();
  readonly #onLagging: (subscription: Subscription) => void;
  readonly #onTick: () => void;
  #dirty: Channel[] = [];
  #readers: Reader[] = [];
  #tickBytes = 0;
  #isScheduled = false;

  /**
   * @param onLagging a subscription has stopped being live
   * @param onTick the event loop has turned and everything of the tick is pushed
   */
  constructor(onLagging: (subscription: Subscription) => void, onTick: () => void) {
    this.#onLagging = onLagging;
    this.#onTick = onTick;
  }

  /** `channel` has grown by `bytes`. */
  appended(channel: Channel, bytes: number): void {
    if (!channel.isDirty) {
      channel.isDirty = true;
      this.#dirty.push(channel);
    }
    this.#tickBytes += bytes;
    this.schedule();
  }

  /** Makes sure that {@link onTick} comes. */
  schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(() => {
      this.#isScheduled = false;
      this.flush();
      this.#onTick();
    });
  }

  /** Pushes at once when the tick has grown large. Called after each publish. */
  flushIfLarge(): void {
    if (this.#tickBytes >= TICK_BYTES) this.flush();
  }

  /** Pushes everything that was appended. */
  flush(): void {
    if (this.#dirty.length === 0) return;
    const dirty = this.#dirty;
    this.#dirty = [];
    this.#tickBytes = 0;
    this.#writer.reset();
    const [only] = dirty;
    if (dirty.length === 1 && only) this.#flushAlone(only);
    else this.#flushGathered(dirty);
  }

  /** One channel grew: no need to gather, each frame goes straight to each socket. */
  #flushAlone(channel: Channel): void {
    const frames = this.#frames(channel);
    if (frames.length > 1) {
      this.#gather(channel, frames);
      this.#sendGathered();
      return;
    }
    const [frame] = frames;
    if (!frame) return;
    const { live } = channel;
    // Downwards, because a subscription that is demoted is replaced by the last.
    for (let i = live.length - 1; i >= 0; i--) this.#deliver(live[i]!, frame);
  }

  #flushGathered(dirty: readonly Channel[]): void {
    for (const channel of dirty) this.#gather(channel, this.#frames(channel));
    this.#sendGathered();
  }

  /** The frames of what the channel has grown by; moves `pushedOffset`. */
  #frames(channel: Channel): Frame[] {
    const { log } = channel;
    const frames: Frame[] = [];
    channel.isDirty = false;
    const nobody = channel.live.length === 0;
    while (!nobody && channel.pushedOffset < log.headOffset) {
      const firstOffset = channel.pushedOffset + 1;
      const slice = log.readRing(firstOffset, log.headOffset, LIVE_MARK_BYTES);
      if (!slice)
        throw new TypeError(`record ${firstOffset} of ${log.name} left the ring before it was pushed`);
      const { count } = slice;
      const page = {
        kind: 'run' as const,
        epoch: log.currentEpoch,
        prevOffset: channel.pushedOffset,
        firstOffset,
        count,
        bytes: slice.end - slice.start,
        slices: [slice],
      };
      frames.push(this.#writer.batch(log.number, page));
      channel.pushedOffset += count;
    }
    channel.pushedOffset = log.headOffset;
    return frames;
  }

  #gather(channel: Channel, frames: readonly Frame[]): void {
    for (const subscription of channel.live) {
      const { reader } = subscription;
      if (reader.outgoing.length === 0 && frames.length > 0) this.#readers.push(reader);
      for (const frame of frames) reader.outgoing.push({ subscription, frame });
    }
  }

  #sendGathered(): void {
    const readers = this.#readers;
    this.#readers = [];
    for (const reader of readers) {
      reader.sink.cork(() => {
        for (const { subscription, frame } of reader.outgoing) this.#deliver(subscription, frame);
      });
      reader.outgoing.length = 0;
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
    const epoch = subscription.channel.log.currentEpoch;
    if (sink.isFull) {
      subscription.demote({ epoch, offset: frame.prevOffset });
      this.#onLagging(subscription);
      return;
    }
    const bytes = frame.inForm(sink.form);
    const result = sink.send(bytes);
    if (result === 'closed') return;
    this.stats.frames++;
    this.stats.deliveredRecords += frame.lastOffset - frame.prevOffset;
    this.stats.deliveredBytes += bytes.length;
    if (result === 'full') {
      subscription.demote({ epoch, offset: frame.lastOffset });
      this.#onLagging(subscription);
    }
  }
}
