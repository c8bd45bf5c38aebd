/**
 * One timer for all that connections wait for: a hello that is to come, a token that runs out. A timer of its own, with
 * what it calls, would be a tenth of what an idle connection takes in memory; here it is a place in a binary heap.
 */
import type { Clock } from '../../shared/clock.ts';

export interface Waiter {
  /** Where it is in the heap, kept by {@link Deadlines}; begins as {@link NOT_WAITING}. */
  place: number;
  /** Its time has come, or nearly: clocks differ by fractions of a ms. */
  due(): void;
}

export const NOT_WAITING = -1;

export class Deadlines {
  readonly #clock: Clock;
  /** A heap: at each place what is due no later than at 2 · place + 1 and 2 · place + 2. */
  readonly #waiters: Waiter[] = [];
  /** When each of them is due, monotonic ms. Apart, so that a waiter holds no boxed number. */
  readonly #dueAtMs: number[] = [];
  #cancelTimer: (() => void) | undefined;
  /** When the timer fires; later than all while there is none. */
  #timerAtMs = Number.POSITIVE_INFINITY;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Calls `waiter` once after `delayMs`, and not when it was due before. */
  set(waiter: Waiter, delayMs: number): void {
    this.cancel(waiter);
    const place = this.#waiters.length;
    this.#waiters.push(waiter);
    this.#dueAtMs.push(this.#clock.monotonicMs() + delayMs);
    waiter.place = place;
    this.#rise(place);
    this.#arm();
  }

  cancel(waiter: Waiter): void {
    const { place } = waiter;
    if (place === NOT_WAITING) return;
    waiter.place = NOT_WAITING;
    const last = this.#waiters.pop()!;
    const lastDueAtMs = this.#dueAtMs.pop()!;
    if (last !== waiter) {
      this.#put(place, last, lastDueAtMs);
      this.#rise(place);
      this.#sink(last.place);
    }
    if (this.#waiters.length === 0) this.#disarm();
  }

  /** The timer may fire in vain, when the first was cancelled; it never fires late. */
  #arm(): void {
    const [firstAtMs] = this.#dueAtMs;
    if (firstAtMs === undefined || firstAtMs >= this.#timerAtMs) return;
    this.#cancelTimer?.();
    this.#timerAtMs = firstAtMs;
    this.#cancelTimer = this.#clock.after(firstAtMs - this.#clock.monotonicMs(), () => this.#fire());
  }

  #disarm(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    this.#timerAtMs = Number.POSITIVE_INFINITY;
  }

  #fire(): void {
    this.#cancelTimer = undefined;
    this.#timerAtMs = Number.POSITIVE_INFINITY;
    const nowMs = this.#clock.monotonicMs();
    try {
      while (this.#waiters.length > 0 && this.#dueAtMs[0]! <= nowMs) {
        const first = this.#waiters[0]!;
        this.cancel(first);
        first.due();
      }
    } finally {
      // A fault of one does not stop the others.
      this.#arm();
    }
  }

  #rise(from: number): void {
    const waiter = this.#waiters[from]!;
    const dueAtMs = this.#dueAtMs[from]!;
    let place = from;
    while (place > 0) {
      const parent = (place - 1) >> 1;
      if (this.#dueAtMs[parent]! <= dueAtMs) break;
      this.#put(place, this.#waiters[parent]!, this.#dueAtMs[parent]!);
      place = parent;
    }
    this.#put(place, waiter, dueAtMs);
  }

  #sink(from: number): void {
    const waiter = this.#waiters[from]!;
    const dueAtMs = this.#dueAtMs[from]!;
    let place = from;
    for (;;) {
      let child = 2 * place + 1;
      if (child + 1 < this.#waiters.length && this.#dueAtMs[child + 1]! < this.#dueAtMs[child]!) child++;
      if (child >= this.#waiters.length || this.#dueAtMs[child]! >= dueAtMs) break;
      this.#put(place, this.#waiters[child]!, this.#dueAtMs[child]!);
      place = child;
    }
    this.#put(place, waiter, dueAtMs);
  }

  #put(place: number, waiter: Waiter, dueAtMs: number): void {
    this.#waiters[place] = waiter;
    this.#dueAtMs[place] = dueAtMs;
    waiter.place = place;
  }
}
