/**
 * Keeps the frames of one connection in order (I10): while one is being worked on (a token verified, a channel opened, a
 * position sought), those behind it wait here. Bounded: what a client sends beyond it is a flood.
 */

/** So many of the frames that wait are looked into. */
const FORESIGHT = 32;
/** What a frame that waits takes beside its bytes, so that empty ones are not free. */
const FRAME_OVERHEAD_BYTES = 128;

export interface FrameHandler {
  /** Takes one frame; the promise it may return never rejects. */
  handle(bytes: Uint8Array): Promise<void> | undefined;
  /** Is shown each frame that has to wait, to begin what its turn will need. */
  foresee(bytes: Uint8Array): void;
}

export class Inbox {
  readonly #maxBytes: number;
  readonly #handler: FrameHandler;
  /** Made while a frame is worked on, which most of the time none is. */
  #waiting: Uint8Array[] | undefined;
  #waitingBytes = 0;

  constructor(maxBytes: number, handler: FrameHandler) {
    this.#maxBytes = maxBytes;
    this.#handler = handler;
  }

  /** Takes a frame whose bytes are valid only now. False when too many wait. */
  take(bytes: Uint8Array): boolean {
    if (this.#waiting) {
      this.#waitingBytes += bytes.length + FRAME_OVERHEAD_BYTES;
      if (this.#waitingBytes > this.#maxBytes) return false;
      this.#waiting.push(bytes.slice());
      if (this.#waiting.length <= FORESIGHT) this.#handler.foresee(bytes);
      return true;
    }
    const work = this.#handler.handle(bytes);
    if (work) void this.#drain(work);
    return true;
  }

  close(): void {
    if (this.#waiting) this.#waiting.length = 0;
  }

  async #drain(first: Promise<void>): Promise<void> {
    const waiting: Uint8Array[] = [];
    this.#waiting = waiting;
    await first;
    for (let bytes = waiting.shift(); bytes; bytes = waiting.shift()) {
      this.#waitingBytes -= bytes.length + FRAME_OVERHEAD_BYTES;
      const coming = waiting[FORESIGHT - 1];
      if (coming) this.#handler.foresee(coming);
      await this.#handler.handle(bytes);
    }
    this.#waiting = undefined;
  }
}
