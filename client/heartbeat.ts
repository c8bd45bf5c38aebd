/**
 * Notices a connection that died without saying so: after an interval of silence it asks for a ping, after two it
 * reports the connection dead. Sends nothing itself. Driven by the connection while it is live.
 */
import type { Clock } from '../shared/clock.ts';

export interface HeartbeatHandlers {
  ping(): void;
  dead(): void;
}

export class Heartbeat {
  readonly #clock: Clock;
  readonly #intervalMs: number;
  readonly #handlers: HeartbeatHandlers;
  #heardMs = 0;
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
  }

  /** Something arrived. */
  heard(): void {
    this.#heardMs = this.#clock.monotonicMs();
  }

  #checkIn(delayMs: number): void {
    this.#cancel = this.#clock.after(delayMs, () => this.#check());
  }

  #check(): void {
    const silentMs = this.#clock.monotonicMs() - this.#heardMs;
    if (silentMs >= 2 * this.#intervalMs) {
      this.stop();
      this.#handlers.dead();
    } else if (silentMs >= this.#intervalMs) {
      this.#handlers.ping();
      this.#checkIn(this.#intervalMs);
    } else {
      this.#checkIn(this.#intervalMs - silentMs);
    }
  }
}
