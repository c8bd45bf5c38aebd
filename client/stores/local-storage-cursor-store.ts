/**
 * Cursors in the page's localStorage: saved before `save` returns, and so also as the page goes. Not for workers, which
 * have none.
 */
import { CursorStore } from './cursor-store.ts';

export class LocalStorageCursorStore extends CursorStore {
  readonly #storage: Pick<Storage, 'getItem' | 'setItem'> | undefined;

  /** @param storage default: localStorage. With sessionStorage each tab has cursors of its own. */
  constructor(storage?: Pick<Storage, 'getItem' | 'setItem'>) {
    super();
    this.#storage = storage;
  }

  // Where storage is blocked, already looking at it throws: left to the calls, whose failures are told.

  load(name: string): string | undefined {
    return (this.#storage ?? localStorage).getItem(name) ?? undefined;
  }

  save(name: string, cursor: string): void {
    (this.#storage ?? localStorage).setItem(name, cursor);
  }
}
