/**
 * Telling views that a model has changed, at most once a frame: records may come by the thousand, a frame is drawn once.
 * A hidden tab has no frames, so nothing is drawn there; what has changed meanwhile is drawn when it is seen again.
 */
import { useEffect, useReducer } from 'preact/hooks';

const due = new Set<() => void>();
let requested = false;

/** Runs it in the next frame, once, however often it was asked for. */
export function inNextFrame(run: () => void): void {
  due.add(run);
  if (requested) return;
  requested = true;
  requestAnimationFrame(() => {
    requested = false;
    const runs = [...due];
    due.clear();
    for (const one of runs) one();
  });
}

export class Changes {
  readonly #listeners = new Set<() => void>();

  /** The returned function stops listening. */
  on(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  changed(): void {
    inNextFrame(this.#tell);
  }

  readonly #tell = (): void => {
    for (const listener of [...this.#listeners]) listener();
  };
}

/** Draws the component again after each change. */
export function useChanges(changes: Changes): void {
  const [, draw] = useReducer((count: number, _: undefined) => count + 1, 0);
  useEffect(() => changes.on(() => draw(undefined)), [changes]);
}
