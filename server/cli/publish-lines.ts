/**
 * Lines to records, many in flight: bounded in number and size, no faster than the hub acknowledges.
 * A record that the hub refuses for now (`overloaded`) is sent again once all others are settled; any other refusal
 * ends it. Not its job: where lines come from, what is said of them (pub.ts).
 */
import { setTimeout as delay } from 'node:timers/promises';
import { RingcastError } from '../../shared/errors.ts';

const MAX_IN_FLIGHT = 8192;
const MAX_IN_FLIGHT_CHARS = 8 * 1024 * 1024;
/** Where `overloaded` names no delay. */
const RETRY_AFTER_MS = 250;

/** Publishes the data of one line; resolves with its cursor, undefined where none was asked for. */
export type PublishLine = (line: string) => Promise<{ readonly cursor: string } | undefined>;

interface Pending {
  readonly lineNumber: number;
  readonly line: string;
}

export interface LineFailure {
  readonly lineNumber: number;
  readonly error: unknown;
}

export class LinePublisher {
  readonly #publish: PublishLine;
  readonly #signal: AbortSignal | undefined;
  #lines = 0;
  #acknowledged = 0;
  #lastCursor: string | undefined;
  #inFlight = 0;
  #inFlightChars = 0;
  #overloaded: Pending[] = [];
  #retryAfterMs = 0;
  #failure: LineFailure | undefined;
  #wake: (() => void) | undefined;

  constructor(publish: PublishLine, signal?: AbortSignal) {
    this.#publish = publish;
    this.#signal = signal;
  }

  /** Lines settled well. */
  get acknowledged(): number {
    return this.#acknowledged;
  }

  /** Lines handed over that are neither acknowledged nor the failed one. */
  get unsettled(): number {
    return this.#lines - this.#acknowledged - (this.#failure ? 1 : 0);
  }

  get lastCursor(): string | undefined {
    return this.#lastCursor;
  }

  /** The first line that failed for good. From then on nothing more is sent. */
  get failure(): LineFailure | undefined {
    return this.#failure;
  }

  /** Takes the line at once; a promise means: wait for it before the next. */
  add(line: string): Promise<void> | undefined {
    if (this.#failure) return undefined;
    this.#send({ lineNumber: ++this.#lines, line });
    return this.#isFull() || this.#overloaded.length > 0 ? this.#untilRoom() : undefined;
  }

  /** Resolves once every line is settled, or one has failed. */
  async finish(): Promise<void> {
    while (!this.#failure && (this.#inFlight > 0 || this.#overloaded.length > 0)) {
      if (this.#inFlight > 0) await this.#settled();
      else await this.#sendAgain();
    }
  }

  async #untilRoom(): Promise<void> {
    while (!this.#failure && (this.#isFull() || this.#overloaded.length > 0)) {
      if (this.#overloaded.length > 0 && this.#inFlight === 0) await this.#sendAgain();
      else await this.#settled();
    }
  }

  #isFull(): boolean {
    return this.#inFlight >= MAX_IN_FLIGHT || this.#inFlightChars >= MAX_IN_FLIGHT_CHARS;
  }

  #send(pending: Pending): void {
    this.#inFlight += 1;
    this.#inFlightChars += pending.line.length;
    this.#publish(pending.line)
      .then(
        (result) => {
          this.#acknowledged += 1;
          this.#lastCursor = result?.cursor ?? this.#lastCursor;
        },
        (error: unknown) => this.#refused(pending, error),
      )
      .finally(() => {
        this.#inFlight -= 1;
        this.#inFlightChars -= pending.line.length;
        this.#wake?.();
      });
  }

  #refused(pending: Pending, error: unknown): void {
    if (error instanceof RingcastError && error.code === 'overloaded') {
      this.#overloaded.push(pending);
      this.#retryAfterMs = Math.max(this.#retryAfterMs, error.retryAfterMs ?? RETRY_AFTER_MS);
    } else {
      this.#failure ??= { lineNumber: pending.lineNumber, error };
    }
  }

  /** In the order of the lines, and with nothing in flight that could overtake them. */
  async #sendAgain(): Promise<void> {
    const again = this.#overloaded.sort((a, b) => a.lineNumber - b.lineNumber);
    const waitMs = this.#retryAfterMs;
    this.#overloaded = [];
    this.#retryAfterMs = 0;
    await delay(waitMs, undefined, this.#signal && { signal: this.#signal });
    for (const pending of again) this.#send(pending);
  }

  async #settled(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
    this.#wake = undefined;
  }
}
