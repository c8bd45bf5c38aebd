/**
 * Keeps the frames of one connection in order (I10): while one is being worked on (a token verified, a channel opened, a
 * position sought), those behind it wait here. Bounded: what a client sends beyond it is a flood.
 */

/** So many of the frames that wait are looked into. */
const FORESIGHT = 32;
/** What a frame that waits takes beside its bytes, so that empty ones are not free. */
const FRAME_OVERHEAD_BYTES = 128;

export class Inbox {
  readonly #maxBytes: number;
  readonly #handle: (bytes: Uint8Array) => Promise<void> | undefined;
  readonly #foresee: (bytes: Uint8Array) => void;
  readonly #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  #isBusy = false;

  /**
   * @param handle takes one frame; the promise it may return never rejects
   * @param foresee is shown each frame that has to wait, to begin what its turn will need
   */
  constructor(
    maxBytes: number,
    handle: (bytes: Uint8Array) => Promise<void> | undefined,
    foresee: (bytes: Uint8Array) => void = () => {},
  ) {
    this.#maxBytes = maxBytes;
    this.#handle = handle;
    this.#foresee = foresee;
  }

  /** Takes a frame whose bytes are valid only now. False when too many wait. */
  take(bytes: Uint8Array): boolean {
    if (this.#isBusy) {
      this.#waitingBytes += bytes.length + FRAME_OVERHEAD_BYTES;
      if (this.#waitingBytes > this.#maxBytes) return false;
      this.#waiting.push(bytes.slice());
      if (this.#waiting.length <= FORESIGHT) this.#foresee(bytes);
      return true;
    }
    const work = this.#handle(bytes);
    if (work) void this.#drain(work);
    return true;
  }

  close(): void {
    this.#waiting.length = 0;
  }

  async #drain(first: Promise<void>): Promise<void> {
    this.#isBusy = true;
    await first;
    for (let bytes = this.#waiting.shift(); bytes; bytes = this.#waiting.shift()) {
      this.#waitingBytes -= bytes.length + FRAME_OVERHEAD_BYTES;
      const coming = this.#waiting[FORESIGHT - 1];
      if (coming) this.#foresee(coming);
      await this.#handle(bytes);
    }
    this.#isBusy = false;
  }
}
