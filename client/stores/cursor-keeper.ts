/**
 * Keeps in the application's cursor store how far subscriptions with `resume` have come: loads where they begin, saves
 * what the application has taken, now and then and at once when the page is about to go. Failures are told and harm no
 * reading. Made by the store for its client; a saver is called by its subscription.
 *
 * What the store gets is never ahead of what the application has taken: at worst records come twice.
 */
import type { Clock } from '../../shared/clock.ts';
import { RingcastError } from '../../shared/errors.ts';
import { type Cursor, type From, formatCursor, parseCursor } from '../../shared/terms.ts';
import type { ResumeTerms } from '../options.ts';
import type { CursorStore } from './cursor-store.ts';

/** A cursor that moves on is saved so often, ms. */
export const SAVE_INTERVAL_MS = 250;

/** The part of the global object that tells when a page goes; see wake-signals for the capturing. */
export interface PageScope {
  readonly document?: { readonly visibilityState: string };
  addEventListener?(type: string, listener: (event: Event) => void, capture: boolean): void;
  removeEventListener?(type: string, listener: (event: Event) => void, capture: boolean): void;
}

const PAGE_EVENTS = ['visibilitychange', 'pagehide', 'freeze', 'pageshow', 'resume'];

export interface CursorKeeperPort {
  /** Host and path of the hub: a cursor means something there only. */
  readonly hub: string;
  readonly clock: Clock;
  report(error: unknown, channel: string): void;
}

export class CursorKeeper {
  readonly store: CursorStore;
  readonly port: CursorKeeperPort;
  readonly #scope: PageScope;
  readonly #savers = new Map<string, CursorSaver>();
  /** Nothing may run any more: each move is saved at once. */
  leaving = false;

  constructor(store: CursorStore, port: CursorKeeperPort, scope: PageScope = globalThis) {
    this.store = store;
    this.port = port;
    this.#scope = scope;
  }

  /** Throws `already-subscribed`: two under one name would have each other miss records. */
  saver(channel: string, { name, commit }: ResumeTerms): CursorSaver {
    // Neither a channel's name nor a URL's path has this character.
    const full = `ringcast:${this.port.hub}#${channel}${name === null ? '' : `#${name}`}`;
    if (this.#savers.has(full)) {
      const text = `a subscription resumes from ${full} already; give each a name of its own: resume: 'name'`;
      throw new RingcastError('already-subscribed', text);
    }
    return new CursorSaver(this, channel, full, commit === 'sdk');
  }

  add(saver: CursorSaver): void {
    if (this.#savers.size === 0)
      for (const type of PAGE_EVENTS) this.#scope.addEventListener?.(type, this.#onPage, true);
    this.#savers.set(saver.name, saver);
  }

  remove(saver: CursorSaver): void {
    if (this.#savers.get(saver.name) !== saver) return;
    this.#savers.delete(saver.name);
    if (this.#savers.size === 0)
      for (const type of PAGE_EVENTS) this.#scope.removeEventListener?.(type, this.#onPage, true);
  }

  readonly #onPage = ({ type }: Event): void => {
    if (type === 'visibilitychange' && this.#scope.document?.visibilityState === 'visible') return;
    if (type !== 'visibilitychange') this.leaving = type === 'pagehide' || type === 'freeze';
    for (const saver of this.#savers.values()) saver.flush();
  };
}

export class CursorSaver {
  /** In the store. */
  readonly name: string;
  readonly #keeper: CursorKeeper;
  readonly #channel: string;
  readonly #saves: boolean;
  /** Behind what was taken. */
  #position: () => Cursor | null = () => null;
  #saved: string | undefined;
  #saving = 0;
  #failing = false;
  #ended = false;
  #cancelTimer: (() => void) | undefined;

  /** @param saves false: the application does. */
  constructor(keeper: CursorKeeper, channel: string, name: string, saves: boolean) {
    this.#keeper = keeper;
    this.#channel = channel;
    this.name = name;
    this.#saves = saves;
  }

  /** Where its subscription begins; undefined where nothing is saved, or what is cannot be read. Never rejects. */
  load(position: () => Cursor | null): From | undefined | Promise<From | undefined> {
    this.#position = position;
    this.#keeper.add(this);
    const failed = (cause: unknown) => {
      this.#report('the cursor could not be loaded, and the subscription begins as without one', cause);
      return undefined;
    };
    try {
      const loaded = this.#keeper.store.load(this.name);
      if (!isPromise(loaded)) return this.#begin(loaded);
      return Promise.resolve(loaded)
        .then((text) => this.#begin(text))
        .catch(failed);
    } catch (error) {
      return failed(error);
    }
  }

  /** The position has changed. */
  moved(): void {
    if (!this.#saves) return;
    const isUrgent = this.#keeper.leaving || (this.#ended && this.#saving === 0);
    if (isUrgent) this.flush();
    else this.#cancelTimer ??= this.#keeper.port.clock.after(SAVE_INTERVAL_MS, () => this.#due());
  }

  /** Saves now. */
  flush(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    const position = this.#saves ? this.#position() : null;
    const cursor = position && formatCursor(position);
    if (!cursor || cursor === this.#saved) return;
    this.#saved = cursor;
    try {
      const saving = this.#keeper.store.save(this.name, cursor);
      if (isPromise(saving)) this.#await(saving);
      else this.#failing = false;
    } catch (error) {
      this.#failed(error);
    }
  }

  /** Its subscription has ended; a listener that is under way may still move it. */
  end(): void {
    this.#ended = true;
    this.#keeper.remove(this);
    this.flush();
  }

  #begin(text: string | undefined): From | undefined {
    if (text === undefined) return undefined;
    const cursor = parseCursor(text);
    if (!cursor) throw new TypeError(`not a cursor: ${JSON.stringify(text)}`);
    this.#saved = text;
    return { cursor };
  }

  #due(): void {
    this.#cancelTimer = undefined;
    // A slow store is not made slower.
    if (this.#saving > 0) this.moved();
    else this.flush();
  }

  #await(saving: Promise<void>): void {
    this.#saving++;
    saving
      .then(
        () => {
          this.#failing = false;
        },
        (error: unknown) => this.#failed(error),
      )
      .finally(() => this.#saving--);
  }

  /** Told once, until it works again; tried again when the position moves on. */
  #failed(cause: unknown): void {
    this.#saved = undefined;
    if (!this.#failing)
      this.#report('the cursor could not be saved: after a reload, records may come again', cause);
    this.#failing = true;
  }

  #report(what: string, cause: unknown): void {
    const text = `${what} (${this.name}): ${String(cause)}`;
    this.#keeper.port.report(new RingcastError('storage-failed', text, { cause }), this.#channel);
  }
}

function isPromise<Value>(value: Value | Promise<Value>): value is Promise<Value> {
  return typeof (value as Partial<Promise<Value>> | undefined)?.then === 'function';
}
