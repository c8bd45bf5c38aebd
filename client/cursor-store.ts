/**
 * Where it is kept how far an application has read, so that it goes on there after a reload or a restart: the contract
 * of `connect(url, { cursorStore })`, which `subscribe(channel, { resume: true })` reads and writes by itself
 * (cursor-keeper), and an implementation that forgets. Those for browsers are in stores/; a file, or the table that the
 * results go to, is the application's.
 */

export interface CursorStore {
  /** The cursor saved last under `name`; undefined when there is none. */
  load(name: string): string | undefined | Promise<string | undefined>;
  /** Replaces what was saved before. One that saves before it returns loses nothing when its page is closed. */
  save(name: string, cursor: string): void | Promise<void>;
}

/** Keeps cursors as long as the process lives. */
export class MemoryCursorStore implements CursorStore {
  readonly #cursors = new Map<string, string>();

  async load(name: string): Promise<string | undefined> {
    return this.#cursors.get(name);
  }

  async save(name: string, cursor: string): Promise<void> {
    this.#cursors.set(name, cursor);
  }
}
