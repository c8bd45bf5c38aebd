/** How late the event loop is: a timer that tells its listeners by how much it missed its time. */

export const LOOP_DELAY_INTERVAL_MS = 20;

export class LoopDelay {
  readonly #listeners: ((delayMs: number) => void)[] = [];
  readonly #timer: NodeJS.Timeout;
  #dueMs = performance.now() + LOOP_DELAY_INTERVAL_MS;

  constructor() {
    this.#timer = setInterval(() => this.#look(), LOOP_DELAY_INTERVAL_MS).unref();
  }

  /** `listener` is told each delay, ms; Node's timers are late by up to a millisecond of themselves. */
  listen(listener: (delayMs: number) => void): void {
    this.#listeners.push(listener);
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    const nowMs = performance.now();
    const delayMs = Math.max(0, nowMs - this.#dueMs);
    for (const listener of this.#listeners) listener(delayMs);
    this.#dueMs = nowMs + LOOP_DELAY_INTERVAL_MS;
  }
}
