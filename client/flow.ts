/**
 * Keeps what waits for the application bounded where subscriptions share a connection: with too much queued, it stops
 * reading from the socket, and TCP holds the hub back. Step by step:
 *
 *     queued ≥ high  → pause      queued ≤ low → resume (bytes of all joined subscriptions together)
 *
 * A paused socket also holds back answers: an application that awaits a publish before it takes its next record would
 * wait for ever. So nothing is paused while an answer is awaited; and as one stalled reader must not stall the others,
 * a pause that lasts ends by sending the fullest subscriptions off to read the log by themselves (`lag`). Where a
 * transport cannot pause, only that second bound holds, which each subscription keeps by itself.
 *
 * Credit per subscription would take the place of this file: `changed` is where the application takes records.
 */
import type { Clock } from '../shared/clock.ts';

export const HIGH_WATER_BYTES = 2 ** 20;
export const LOW_WATER_BYTES = 2 ** 18;
/** A pause that lasts longer is ended by `lag`, ms. */
export const LONGEST_PAUSE_MS = 1000;

/** A subscription that is fed by its connection. */
export interface FlowMember {
  readonly queuedBytes: number;
  /** Stop being fed; read the log when there is room again. Calls {@link Flow.leave}. */
  lag(): void;
}

export class Flow {
  readonly #clock: Clock;
  /** Stops or resumes reading; false where that is impossible. */
  readonly #hold: (held: boolean) => boolean;
  readonly #members = new Set<FlowMember>();
  #queuedBytes = 0;
  #answersAwaited = 0;
  #cancelPause: (() => void) | undefined;

  constructor(clock: Clock, hold: (held: boolean) => boolean) {
    this.#clock = clock;
    this.#hold = hold;
  }

  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  get paused(): boolean {
    return this.#cancelPause !== undefined;
  }

  join(member: FlowMember): void {
    if (this.#members.has(member)) return;
    this.#members.add(member);
    this.#change(member.queuedBytes);
  }

  leave(member: FlowMember): void {
    if (this.#members.delete(member)) this.#change(-member.queuedBytes);
  }

  /** The member's queue grew, or shrank where negative. */
  changed(member: FlowMember, deltaBytes: number): void {
    if (this.#members.has(member)) this.#change(deltaBytes);
  }

  awaiting(answers: number): void {
    this.#answersAwaited = answers;
    this.#decide();
  }

  /** A new connection, or none: whatever was paused is gone. */
  reset(): void {
    this.#cancelPause?.();
    this.#cancelPause = undefined;
  }

  #change(deltaBytes: number): void {
    this.#queuedBytes += deltaBytes;
    this.#decide();
  }

  #decide(): void {
    const bound = this.paused ? LOW_WATER_BYTES + 1 : HIGH_WATER_BYTES;
    const wanted = this.#queuedBytes >= bound && this.#answersAwaited === 0;
    if (wanted === this.paused) return;
    if (!wanted) {
      this.reset();
      this.#hold(false);
    } else if (this.#hold(true)) {
      this.#cancelPause = this.#clock.after(LONGEST_PAUSE_MS, () => this.#shed());
    }
  }

  #shed(): void {
    const fullest = [...this.#members].sort((a, b) => b.queuedBytes - a.queuedBytes);
    for (const member of fullest) {
      if (!this.paused) return;
      member.lag();
    }
  }
}
