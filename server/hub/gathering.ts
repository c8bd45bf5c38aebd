/**
 * The frames of a tick, by reader: where several channels grew, each connection gets its frames together, under as few
 * corks (system calls) as can be. Makes no object per frame and reader, as there are a hundred thousand of them in a
 * tick of a hundred channels with a thousand readers: it notes subscriptions, whose feeds know their frames.
 * Called by fan-out.
 */
import type { Feed } from './feed.ts';
import type { Frame } from './frame-writer.ts';
import type { Reader } from './reader.ts';
import type { Sink } from './sink.ts';
import type { Subscription } from './subscription.ts';

/** What a cork holds; beyond it the transport uncorks in the middle, and each frame is a system call or two. */
const CORK_BYTES = 16_384;
/** Of a WebSocket frame, at most. */
const FRAME_HEADER_BYTES = 10;

export class Gathering {
  readonly #deliver: (subscription: Subscription, frame: Frame) => void;
  readonly #readers: Reader[] = [];
  /** What is being sent: of this reader, from `next` up to `groupEnd`. */
  #subscriptions: Subscription[] = [];
  #next = 0;
  #groupEnd = 0;

  constructor(deliver: (subscription: Subscription, frame: Frame) => void) {
    this.#deliver = deliver;
  }

  /** `frames` are for whoever is live in `feed` now. */
  add(feed: Feed, frames: readonly Frame[]): void {
    if (frames.length === 0) return;
    feed.frames = frames;
    feed.framesBytes = 0;
    for (const { bytes } of frames) feed.framesBytes += bytes.length + FRAME_HEADER_BYTES;
    const { live } = feed;
    for (let i = 0; i < live.length; i++) {
      const subscription = live[i]!;
      const { reader } = subscription;
      if (reader.outgoing.length === 0) this.#readers.push(reader);
      reader.outgoing.push(subscription);
    }
  }

  /** Sends everything that was added. `deliver` never throws: a fault at one reader is that one's. */
  send(): void {
    for (let reader = this.#readers.pop(); reader; reader = this.#readers.pop()) {
      this.#subscriptions = reader.takeOutgoing();
      this.#next = 0;
      while (this.#next < this.#subscriptions.length) this.#sendGroup(reader.sink);
    }
    this.#subscriptions = [];
  }

  /** What fits into one cork goes under one; frames that do not go by themselves, in one system call each as well. */
  #sendGroup(sink: Sink): void {
    const subscriptions = this.#subscriptions;
    let bytes = 0;
    let end = this.#next;
    while (end < subscriptions.length) {
      bytes += subscriptions[end]!.feed.framesBytes;
      if (bytes > CORK_BYTES) break;
      end++;
    }
    this.#groupEnd = Math.max(end, this.#next + 1);
    if (end - this.#next > 1) sink.cork(this.#sendUpToEnd);
    else this.#sendUpToEnd();
  }

  readonly #sendUpToEnd = () => {
    while (this.#next < this.#groupEnd) {
      const subscription = this.#subscriptions[this.#next++]!;
      const { frames } = subscription.feed;
      for (let i = 0; i < frames.length; i++) this.#deliver(subscription, frames[i]!);
    }
  };
}
