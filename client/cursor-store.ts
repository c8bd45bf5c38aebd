/**
 * Where an application keeps how far it has read, so that it can go on there after a restart:
 *
 *     const from = (await cursors.load('prices')) ?? 'latest';
 *     client.subscribe('prices', { from }, async (record) => {
 *       await handle(record);
 *       await cursors.save('prices', record.cursor);
 *     });
 *
 * Only the contract and an implementation that forgets; others (IndexedDB, a file, the table that the results go to)
 * are the application's.
 */

export interface CursorStore {
  /** The cursor saved last under `name`; undefined when there is none. */
  load(name: string): Promise<string | undefined>;
  save(name: string, cursor: string): Promise<void>;
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
