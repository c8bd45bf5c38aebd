/**
 * Notices a connection that died without saying so: after an interval of silence it asks for a ping, after another it
 * reports the connection dead. Asked to probe it, it is less patient. Sends nothing itself. Driven by the connection
 * while it is live.
 */
import type { Clock } from '../shared/clock.ts';

/** How long silence may last after a probe, ms: a phone's radio needs up to two seconds to wake. */
export const PROBE_MS = 3000;
/** A check that comes this much later than due was held up with all that waits to be received behind it, ms. */
const HELD_UP_MS = 1000;

export interface HeartbeatHandlers {
  /** `id`: what {@link Heartbeat.answered} is told. */
  ping(id: number): void;
  dead(silentMs: number): void;
}

export class Heartbeat {
  readonly #clock: Clock;
  readonly #intervalMs: number;
  readonly #handlers: HeartbeatHandlers;
  #heardMs = 0;
  #askedMs = 0;
  /** How long silence may last after what was asked last. */
  #patienceMs = 0;
  /** The number of the newest probe, and whether it waits for its answer. */
  #probe = 0;
  #isProbing = false;
  #dueMs = 0;
  #cancel: (() => void) | undefined;

  constructor(clock: Clock, intervalMs: number, handlers: HeartbeatHandlers) {
    this.#clock = clock;
    this.#intervalMs = intervalMs;
    this.#handlers = handlers;
  }

  start(): void {
    this.stop();
    this.heard();
    this.#checkIn(this.#intervalMs);
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    this.#isProbing = false;
  }

  /** Something arrived. */
  heard(): void {
    this.#heardMs = this.#clock.monotonicMs();
  }

  /** A pong arrived. */
  answered(id: number): void {
    if (id === this.#probe) this.#isProbing = false;
  }

  /**
   * Finds out whether the link still lives. Only the answer to this ping proves it: what else arrives may have been on
   * its way since before, and does no more than prolong the wait.
   */
  probe(): void {
    if (!this.#cancel || this.#isProbing) return;
    this.#isProbing = true;
    this.#ask(++this.#probe, PROBE_MS);
  }

  #ask(id: number, patienceMs: number): void {
    this.#askedMs = this.#clock.monotonicMs();
    this.#patienceMs = patienceMs;
    this.#handlers.ping(id);
    this.#checkIn(patienceMs);
  }

  #checkIn(delayMs: number): void {
    this.#cancel?.();
    this.#dueMs = this.#clock.monotonicMs() + delayMs;
    this.#cancel = this.#clock.after(delayMs, () => this.#check());
  }

  #check(): void {
    const nowMs = this.#clock.monotonicMs();
    const silentMs = nowMs - this.#heardMs;
    if (this.#isProbing || this.#askedMs > this.#heardMs) {
      const leftMs = this.#patienceMs - Math.min(silentMs, nowMs - this.#askedMs);
      if (leftMs > 0) this.#checkIn(leftMs);
      else if (nowMs - this.#dueMs > HELD_UP_MS) this.#checkIn(Math.min(this.#patienceMs, PROBE_MS));
      else this.#die(silentMs);
    } else if (silentMs >= this.#intervalMs) {
      this.#ask(0, this.#intervalMs);
    } else {
      this.#checkIn(this.#intervalMs - silentMs);
    }
  }

  #die(silentMs: number): void {
    this.stop();
    this.#handlers.dead(silentMs);
  }
}
