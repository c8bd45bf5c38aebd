/**
 * Time as a dependency: everything that waits or reads the time is handed a Clock, so that tests can turn it by hand.
 */

export interface Clock {
  /** Unix time, ms, whole. */
  nowMs(): number;
  /** Time that never goes back, ms with fraction, from an arbitrary zero. For measuring. */
  monotonicMs(): number;
  /** Runs `run` once after `delayMs`; the returned function cancels it. `idle`: no reason for a process to live on. */
  after(delayMs: number, run: () => void, idle?: boolean): () => void;
}

/** Node and browsers fire a longer timer (2^31 − 1 ms is about 24.8 days) at once, so a longer wait is cut in pieces. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  after(delayMs, run, idle = false) {
    let timer: ReturnType<typeof setTimeout>;
    const wait = (leftMs: number) => {
      timer =
        leftMs > LONGEST_TIMER_MS
          ? setTimeout(() => wait(leftMs - LONGEST_TIMER_MS), LONGEST_TIMER_MS)
          : setTimeout(run, Math.max(0, leftMs));
      // Browsers number their timers.
      if (idle && typeof timer === 'object') timer.unref();
    };
    wait(delayMs);
    return () => clearTimeout(timer);
  },
};

/** A clock that stands still until it is advanced. */
export class ManualClock implements Clock {
  #nowMs: number;
  #waiting: { atMs: number; run: () => void }[] = [];

  constructor(startMs = 1_700_000_000_000) {
    this.#nowMs = startMs;
  }

  nowMs(): number {
    return Math.floor(this.#nowMs);
  }

  monotonicMs(): number {
    return this.#nowMs;
  }

  after(delayMs: number, run: () => void): () => void {
    const entry = { atMs: this.#nowMs + Math.max(0, delayMs), run };
    this.#waiting.push(entry);
    return () => {
      const index = this.#waiting.indexOf(entry);
      if (index >= 0) this.#waiting.splice(index, 1);
    };
  }

  /** Moves time on by `deltaMs`, running what falls due in order of time; timers set meanwhile count too. */
  advance(deltaMs: number): void {
    const endMs = this.#nowMs + deltaMs;
    for (;;) {
      let next: { atMs: number; run: () => void } | undefined;
      for (const entry of this.#waiting) {
        if (entry.atMs <= endMs && (!next || entry.atMs < next.atMs)) next = entry;
      }
      if (!next) break;
      this.#waiting.splice(this.#waiting.indexOf(next), 1);
      this.#nowMs = Math.max(this.#nowMs, next.atMs);
      next.run();
    }
    // What ran may have moved it on further.
    this.#nowMs = Math.max(this.#nowMs, endMs);
  }
}
