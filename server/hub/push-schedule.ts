/**
 * When the records that came are pushed: at the end of the tick; a little later while pushing takes much of the time; or
 * by the channel's push interval. Knows feeds, but neither frames nor sockets; fan-out pushes what it says is due.
 *
 *     grown ──▶ dirty ──end of tick, 256 KiB──▶ due            no push interval
 *     grown ──▶ held ──push interval, 64 KiB──▶ due            gathered over several ticks
 *
 * A push is a system call for each reader, whether it carries one record or a hundred. So the hub rests for a moment
 * after a push that was costly, and lets the next one gather: a hundred readers at 2,000 records/s were seen to take 0.72
 * of a core in place of all of it, for about a millisecond of latency. Where pushes are cheap there is no rest.
 */
import type { Clock } from '../../shared/clock.ts';
import type { Feed } from './feed.ts';
import { PushTimes } from './push-times.ts';
import { LIVE_MARK_BYTES } from './sink.ts';

/** A tick ends, inline, once so much was appended: a flood on one socket must not hold the others up. */
const TICK_BYTES = 262_144;
/** A push that took so long is followed by a rest. */
const COSTLY_PUSH_MS = 0.25;
/** As short as timers can be. */
const REST_MS = 1;

export interface PushScheduleHandlers {
  /** Something is due. */
  onDue(): void;
  /** The event loop has turned. */
  onTick(): void;
}

export class PushSchedule {
  readonly times = new PushTimes();
  readonly #clock: Clock;
  readonly #handlers: PushScheduleHandlers;
  #dirty: Feed[] = [];
  #tickBytes = 0;
  #isScheduled = false;
  #cancelRest: (() => void) | undefined;
  /** Feeds with a push interval, by that, until it is over. */
  readonly #held = new Map<number, Feed[]>();
  readonly #cancelHolds = new Set<() => void>();
  #hasEnded = false;

  constructor(clock: Clock, handlers: PushScheduleHandlers) {
    this.#clock = clock;
    this.#handlers = handlers;
  }

  /** `feed` has grown, by `bytes` of this tick. */
  grown(feed: Feed, bytes: number): void {
    this.#tickBytes += bytes;
    if (!feed.isDirty) {
      feed.isDirty = true;
      if (feed.pushIntervalMs === 0 || this.#hasEnded) this.#dirty.push(feed);
      else this.#hold(feed);
    }
    // A frame is full: waiting would save nothing more.
    if (feed.isHeld && feed.targetBytes - feed.pushedBytes >= LIVE_MARK_BYTES) this.#release(feed);
  }

  /** Makes sure that {@link PushScheduleHandlers.onTick} comes. */
  schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(this.#turn);
  }

  /** Whether the tick has grown so large that it ends now. */
  get isTickFull(): boolean {
    return this.#tickBytes >= TICK_BYTES;
  }

  /** What is due, to be pushed at once. */
  take(): readonly Feed[] {
    this.#tickBytes = 0;
    if (this.#dirty.length === 0) return NOTHING;
    const due = this.#dirty;
    this.#dirty = [];
    return due;
  }

  /** `feed` is due now, also where it is held; but once per interval, or whoever comes and goes would undo it for all. */
  hasten(feed: Feed): void {
    if (!feed.isHeld || feed.isHastened) return;
    feed.isHastened = true;
    this.#release(feed);
  }

  /** Everything is due, held or not; nothing is waited for any more, nor what is synced from now on. */
  end(): void {
    this.#hasEnded = true;
    for (const feeds of this.#held.values()) for (const feed of feeds) if (feed.isHeld) this.#release(feed);
    this.#held.clear();
    for (const cancel of this.#cancelHolds) cancel();
    this.#cancelHolds.clear();
    this.#cancelRest?.();
    this.#cancelRest = undefined;
  }

  /** A push that began at `startMs` of the clock's monotonic time has ended. */
  pushed(startMs: number): void {
    const tookMs = this.#clock.monotonicMs() - startMs;
    this.times.note(tookMs);
    if (this.#cancelRest || tookMs < COSTLY_PUSH_MS) return;
    this.#cancelRest = this.#clock.after(REST_MS, () => {
      this.#cancelRest = undefined;
      this.#handlers.onDue();
    });
  }

  readonly #turn = () => {
    this.#isScheduled = false;
    if (!this.#cancelRest) this.#handlers.onDue();
    this.#handlers.onTick();
  };

  #hold(feed: Feed): void {
    feed.isHeld = true;
    const intervalMs = feed.pushIntervalMs;
    const feeds = this.#held.get(intervalMs);
    if (feeds) {
      feeds.push(feed);
      return;
    }
    // One timer for all of the same interval, so that a reader of many channels gets their frames together.
    this.#held.set(intervalMs, [feed]);
    const cancel = this.#clock.after(intervalMs, () => {
      this.#cancelHolds.delete(cancel);
      const due = this.#held.get(intervalMs) ?? NOTHING;
      this.#held.delete(intervalMs);
      for (const held of due) {
        held.isHastened = false;
        if (held.isHeld) this.#release(held);
      }
      this.#handlers.onDue();
    });
    this.#cancelHolds.add(cancel);
  }

  #release(feed: Feed): void {
    feed.isHeld = false;
    this.#dirty.push(feed);
  }
}

const NOTHING: readonly Feed[] = [];
