/** Gathers the messages of a turn of the event loop by channel, for the bare servers that batch. */

export interface ChannelFrame {
  readonly channel: number;
  /** The messages one behind the other, each as it came. */
  readonly frame: Buffer;
}

export class TickBatches {
  readonly #pending: Buffer[][] = Array.from({ length: 256 }, () => []);
  readonly #flush: (frames: readonly ChannelFrame[]) => void;
  #dirty: number[] = [];

  constructor(flush: (frames: readonly ChannelFrame[]) => void) {
    this.#flush = flush;
  }

  add(message: ArrayBuffer): void {
    // Its own copy: what the server hands on is gone when its handler returns.
    const copy = Buffer.from(new Uint8Array(message));
    const channel = copy[0]!;
    const pending = this.#pending[channel]!;
    if (this.#dirty.length === 0) setImmediate(() => this.#end());
    if (pending.length === 0) this.#dirty.push(channel);
    pending.push(copy);
  }

  #end(): void {
    const frames = this.#dirty.map((channel) => {
      const frame = Buffer.concat(this.#pending[channel]!);
      this.#pending[channel]!.length = 0;
      return { channel, frame };
    });
    this.#dirty = [];
    this.#flush(frames);
  }
}
