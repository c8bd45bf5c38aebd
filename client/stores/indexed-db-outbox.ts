/**
 * The outbox store for browsers, in pages and workers: one database for each hub and name, with numbered contents
 * ("slots") of which each client holds one, by a Web Lock that goes with its page whatever becomes of that.
 *
 *     heads   slot           → OutboxHead
 *     frames  [slot, order]  → StoredFrame
 */
import { RingcastError } from '../../shared/errors.ts';
import { answerOf, completed, Database } from './indexed-db.ts';
import {
  type OutboxChanges,
  type OutboxClaim,
  type OutboxContent,
  type OutboxHead,
  OutboxStore,
  type StoredFrame,
} from './outbox-store.ts';

const HEADS = 'heads';
const FRAMES = 'frames';

type Release = () => Promise<void>;

export class IndexedDbOutbox extends OutboxStore {
  readonly #name: string;

  /** @param name what is published under one name goes out with the token of whoever connects next: one for each user. */
  constructor(name = 'default') {
    super();
    this.#name = name;
  }

  async claim(hub: string): Promise<OutboxClaim> {
    const db = this.#database(hub);
    const found = await claimAmong(db, await slotsInUse(db));
    if (found) return found;
    for (let slot = 0; ; slot++) {
      const release = await lock(db, slot);
      if (release) return new SlotClaim(db, slot, await contentOf(db, slot), release);
    }
  }

  async claimLeftovers(hub: string): Promise<OutboxClaim | undefined> {
    const db = this.#database(hub);
    const found = await claimAmong(db, await slotsInUse(db));
    if (!found) await db.close();
    return found;
  }

  #database(hub: string): Database {
    if (typeof indexedDB === 'undefined' || !globalThis.navigator?.locks) {
      const text =
        'an outbox in IndexedDB needs IndexedDB and Web Locks: a page served over https, or from localhost';
      throw new RingcastError('storage-unavailable', text);
    }
    return new Database(`ringcast-outbox:${hub}#${this.#name}`, (db) => {
      db.createObjectStore(HEADS);
      db.createObjectStore(FRAMES);
    });
  }
}

/** The first with frames that nobody holds. */
async function claimAmong(db: Database, slots: readonly number[]): Promise<OutboxClaim | undefined> {
  for (const slot of slots) {
    const release = await lock(db, slot);
    if (!release) continue;
    // Its holder may have gone a moment ago, with nothing left.
    const content = await contentOf(db, slot);
    if (content.frames.length > 0) return new SlotClaim(db, slot, content, release);
    await release();
  }
  return undefined;
}

class SlotClaim implements OutboxClaim {
  readonly content: OutboxContent;
  readonly #db: Database;
  readonly #slot: number;
  readonly #release: Release;

  constructor(db: Database, slot: number, content: OutboxContent, release: Release) {
    this.content = content;
    this.#db = db;
    this.#slot = slot;
    this.#release = release;
  }

  async write({ head, put, remove }: OutboxChanges): Promise<void> {
    const db = await this.#db.open();
    // A number that was sent must not be forgotten in a power cut; what is removed too late does no harm.
    const durability = put.length > 0 ? 'strict' : 'relaxed';
    const transaction = db.transaction([HEADS, FRAMES], 'readwrite', { durability });
    const kept = completed(transaction);
    const frames = transaction.objectStore(FRAMES);
    transaction.objectStore(HEADS).put(head, this.#slot);
    for (const frame of put) frames.put(frame, [this.#slot, frame.order]);
    for (const order of remove) frames.delete([this.#slot, order]);
    await kept;
  }

  async release(): Promise<void> {
    await this.#db.close();
    await this.#release();
  }
}

/** Undefined where another client has it. */
function lock({ name }: Database, slot: number): Promise<Release | undefined> {
  return new Promise((resolve, reject) => {
    const held = navigator.locks.request(`${name}/${slot}`, { ifAvailable: true }, (granted) => {
      if (!granted) return resolve(undefined);
      return new Promise<void>((release) => {
        resolve(async () => {
          release();
          await held;
        });
      });
    });
    held.catch(reject);
  });
}

/** Those with frames, lowest first. */
async function slotsInUse(database: Database): Promise<number[]> {
  const db = await database.open();
  const transaction = db.transaction([HEADS, FRAMES]);
  const slots = (await answerOf(transaction.objectStore(HEADS).getAllKeys())) as number[];
  const frames = transaction.objectStore(FRAMES);
  const firsts = await Promise.all(slots.map((slot) => answerOf(frames.getKey(framesOf(slot)))));
  return slots.filter((_slot, index) => firsts[index] !== undefined);
}

async function contentOf(database: Database, slot: number): Promise<OutboxContent> {
  const db = await database.open();
  const transaction = db.transaction([HEADS, FRAMES]);
  const [head, frames] = await Promise.all([
    answerOf<OutboxHead | undefined>(transaction.objectStore(HEADS).get(slot)),
    answerOf<StoredFrame[]>(transaction.objectStore(FRAMES).getAll(framesOf(slot))),
  ]);
  return { head: head ?? null, frames };
}

function framesOf(slot: number): IDBKeyRange {
  return IDBKeyRange.bound([slot], [slot, []]);
}
