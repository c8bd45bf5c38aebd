/**
 * Where it is kept how far an application has read, so that it goes on there after a reload or a restart: the contract
 * of `connect(url, { cursorStore })`, which `subscribe(channel, { resume: true })` reads and writes by itself, and an
 * implementation that forgets. Those for browsers are beside it; a file, or the table that the results go to, is the
 * application's: a class that extends this one.
 *
 * A class, and no interface, since it brings with it what uses it: who keeps no cursors does not load the code for that.
 */
import { CursorKeeper, type CursorKeeperPort } from './cursor-keeper.ts';

export abstract class CursorStore {
  /** The cursor saved last under `name`; undefined when there is none. */
  abstract load(name: string): string | undefined | Promise<string | undefined>;
  /** Replaces what was saved before. One that saves before it returns loses nothing when its page is closed. */
  abstract save(name: string, cursor: string): void | Promise<void>;

  /** @internal Called by the client. */
  keeper(port: CursorKeeperPort): CursorKeeper {
    return new CursorKeeper(this, port);
  }
}

/** Keeps cursors as long as the process lives. */
export class MemoryCursorStore extends CursorStore {
  readonly #cursors = new Map<string, string>();

  async load(name: string): Promise<string | undefined> {
    return this.#cursors.get(name);
  }

  async save(name: string, cursor: string): Promise<void> {
    this.#cursors.set(name, cursor);
  }
}
