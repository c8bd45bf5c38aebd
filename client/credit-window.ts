/**
 * What a channel's subscription on the wire may have under way and not yet taken by the application, in bytes of frames:
 *
 *     window = what the hub may still send │ held by the application's queues │ taken, and not given back yet
 *
 * A frame that several readers have in their queues is held until the last of them has taken or dropped it. Given back is
 * in halves of the window, so that a slow reader costs few frames. Pure; the shared subscription sends what this decides.
 */

/** A frame in queues. Each who keeps records of it retains it, and releases it once. */
export interface FrameHold {
  retain(): void;
  release(): void;
}

export class CreditWindow {
  readonly windowBytes: number;
  readonly #onReturnable: () => void;
  #heldBytes = 0;
  #returnableBytes = 0;

  /** @param onReturnable called when half the window waits to be given back: {@link takeReturn} it, when there is somebody to give it to. */
  constructor(windowBytes: number, onReturnable: () => void) {
    this.windowBytes = windowBytes;
    this.#onReturnable = onReturnable;
  }

  /** Of frames that the application has not taken. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** The hub may send nothing more until some is given back. */
  get exhausted(): boolean {
    return this.#heldBytes + this.#returnableBytes >= this.windowBytes;
  }

  /** A new subscription begins on the wire; returns what of the window is held already. */
  begin(): number {
    this.#returnableBytes = 0;
    return Math.min(this.#heldBytes, this.windowBytes);
  }

  /** A frame came. Held by the caller until it has handed it to all readers. */
  charge(bytes: number): FrameHold {
    let holders = 1;
    this.#heldBytes += bytes;
    return {
      retain: () => {
        holders++;
      },
      release: () => {
        if (--holders > 0) return;
        this.#heldBytes -= bytes;
        this.#returnableBytes += bytes;
        if (this.#isWorthIt) this.#onReturnable();
      },
    };
  }

  /** Bytes to give back now, 0 while it is less than half the window. */
  takeReturn(): number {
    if (!this.#isWorthIt) return 0;
    const bytes = this.#returnableBytes;
    this.#returnableBytes = 0;
    return bytes;
  }

  get #isWorthIt(): boolean {
    return this.#returnableBytes * 2 >= this.windowBytes;
  }
}
