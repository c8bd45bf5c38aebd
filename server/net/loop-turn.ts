/**
 * Numbers the turns of the event loop, at no cost while nothing comes: whoever wants to bound what is done within one
 * turn compares numbers. Shared by all connections.
 */
export class LoopTurn {
  #number = 0;
  #isScheduled = false;

  /** The same until the loop has turned. */
  get number(): number {
    if (!this.#isScheduled) {
      this.#isScheduled = true;
      setImmediate(() => {
        this.#isScheduled = false;
        this.#number++;
      });
    }
    return this.#number;
  }
}
