/** Which connection is that of which idempotent producer: the newest one, as an older one can only be left over. */

export interface ProducerConnection {
  /** The producer has another connection now. */
  failReplaced(): void;
}

export class ProducerConnections {
  readonly #current = new Map<string, ProducerConnection>();

  /** This connection is the producer's from now on; the one before is told. */
  claim(producer: string, connection: ProducerConnection): void {
    const older = this.#current.get(producer);
    this.#current.set(producer, connection);
    older?.failReplaced();
  }

  /** The connection has ended. */
  release(producer: string, connection: ProducerConnection): void {
    if (this.#current.get(producer) === connection) this.#current.delete(producer);
  }
}
