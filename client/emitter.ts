/** A small typed emitter: what `client.on` and `subscription.on` stand on. No wildcard, no once, no order but that of adding. */

type AnyListener = (...args: readonly unknown[]) => void;

/** `Events`: names of events, each with the arguments of its listeners. */
export class Emitter<Events extends { [K in keyof Events]: readonly unknown[] }> {
  readonly #listeners = new Map<keyof Events, Set<AnyListener>>();

  /** Calls `listener` for each event of this name; the returned function ends that. */
  on<K extends keyof Events>(name: K, listener: (...args: Events[K]) => void): () => void {
    let listeners = this.#listeners.get(name);
    if (!listeners) {
      listeners = new Set();
      this.#listeners.set(name, listeners);
    }
    listeners.add(listener as unknown as AnyListener);
    return () => this.off(name, listener);
  }

  off<K extends keyof Events>(name: K, listener: (...args: Events[K]) => void): void {
    this.#listeners.get(name)?.delete(listener as unknown as AnyListener);
  }

  /** False when nobody listens. A listener that throws harms neither the others nor the SDK: it is thrown again later. */
  emit<K extends keyof Events>(name: K, ...args: Events[K]): boolean {
    const listeners = this.#listeners.get(name);
    if (!listeners?.size) return false;
    for (const listener of [...listeners]) {
      try {
        listener(...args);
      } catch (error) {
        queueMicrotask(() => {
          throw error;
        });
      }
    }
    return true;
  }
}
