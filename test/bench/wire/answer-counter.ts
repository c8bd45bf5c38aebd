/** Counts answers in a byte stream that comes in pieces by a text that each holds once. */

export class AnswerCounter {
  #tail: Buffer = Buffer.alloc(0);
  readonly #text: Buffer;
  readonly #failures: readonly string[];
  readonly #events: { onAnswered(count: number): void; onFailure(error: Error): void };

  constructor(
    text: string,
    failures: readonly string[],
    events: { onAnswered(count: number): void; onFailure(error: Error): void },
  ) {
    this.#text = Buffer.from(text, 'latin1');
    this.#failures = failures;
    this.#events = events;
  }

  take(piece: Buffer): void {
    // What may be the beginning of a text is looked at again, with what follows.
    const bytes = this.#tail.length > 0 ? Buffer.concat([this.#tail, piece]) : piece;
    let count = 0;
    let end = 0;
    for (let at = bytes.indexOf(this.#text); at >= 0; at = bytes.indexOf(this.#text, end)) {
      count++;
      end = at + this.#text.length;
    }
    for (const failure of this.#failures) {
      const at = bytes.indexOf(failure, 0, 'latin1');
      if (at >= 0) this.#events.onFailure(new Error(bytes.toString('latin1', at, at + 200)));
    }
    this.#tail = Buffer.from(bytes.subarray(Math.max(end, bytes.length - this.#text.length + 1)));
    if (count > 0) this.#events.onAnswered(count);
  }
}
