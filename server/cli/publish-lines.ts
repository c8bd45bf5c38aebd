/**
 * Lines to records, many in flight: bounded in number and size, no faster than the hub acknowledges. What the hub cannot
 * take now, the SDK sends again; any other refusal ends it. Not its job: where lines come from, what is said of them
 * (pub.ts).
 */

const MAX_IN_FLIGHT = 8192;
/** Of UTF-16, at most three bytes each: well within the SDK's outbox. */
const MAX_IN_FLIGHT_CHARS = 2 * 1024 * 1024;
/** How long an interrupt waits for the lines in flight, ms. */
const INTERRUPT_GRACE_MS = 1000;

/** Publishes the data of one line; resolves with its cursor, where one was asked for and is known. */
export type PublishLine = (line: string) => Promise<{ readonly cursor: string | null } | undefined>;

export interface LineFailure {
  readonly lineNumber: number;
  readonly error: unknown;
}

export class LinePublisher {
  readonly #publish: PublishLine;
  #lines = 0;
  #acknowledged = 0;
  #lastCursor: string | undefined;
  #inFlight = 0;
  #inFlightChars = 0;
  #failure: LineFailure | undefined;
  #givenUp = false;
  #wake: (() => void) | undefined;

  /** @param signal aborted: what is in flight is waited for no longer than `graceMs`. */
  constructor(publish: PublishLine, signal?: AbortSignal, graceMs = INTERRUPT_GRACE_MS) {
    this.#publish = publish;
    const giveUp = () => {
      this.#givenUp = true;
      this.#wake?.();
    };
    signal?.addEventListener('abort', () => setTimeout(giveUp, graceMs).unref(), { once: true });
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
    this.#send(++this.#lines, line);
    return this.#isFull() ? this.#while(() => this.#isFull()) : undefined;
  }

  /** Resolves once every line is settled, or one has failed. */
  async finish(): Promise<void> {
    await this.#while(() => this.#inFlight > 0);
  }

  #isFull(): boolean {
    return this.#inFlight >= MAX_IN_FLIGHT || this.#inFlightChars >= MAX_IN_FLIGHT_CHARS;
  }

  #send(lineNumber: number, line: string): void {
    this.#inFlight += 1;
    this.#inFlightChars += line.length;
    this.#publish(line)
      .then(
        (result) => {
          this.#acknowledged += 1;
          this.#lastCursor = result?.cursor ?? this.#lastCursor;
        },
        (error: unknown) => {
          this.#failure ??= { lineNumber, error };
        },
      )
      .finally(() => {
        this.#inFlight -= 1;
        this.#inFlightChars -= line.length;
        this.#wake?.();
      });
  }

  async #while(isBusy: () => boolean): Promise<void> {
    while (!this.#failure && !this.#givenUp && isBusy()) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}
