/** Which connection is that of which idempotent producer: the newest one, as an older one can only be left over. */

/** Ends a connection that was replaced. */
export type Replace = () => void;

export class ProducerConnections {
  readonly #current = new Map<string, Replace>();

  /** This connection is the producer's from now on; the one before is told. */
  claim(producer: string, replace: Replace): void {
    const older = this.#current.get(producer);
    this.#current.set(producer, replace);
    older?.();
  }

  /** The connection has ended. */
  release(producer: string, replace: Replace): void {
    if (this.#current.get(producer) === replace) this.#current.delete(producer);
  }
}
