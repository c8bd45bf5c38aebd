/**
 * Cursors in IndexedDB: in a database of their own, or in the application's, where it commits them together with what
 * the records do:
 *
 *     request.onupgradeneeded = () => IndexedDbCursorStore.create(request.result);
 *     const cursors = new IndexedDbCursorStore(request.result);
 *     const tx = db.transaction(['orders', cursors.storeName], 'readwrite');
 *     tx.objectStore('orders').put(record.data);
 *     cursors.saveIn(tx, subscription.cursorName, record.cursor);
 */
import { CursorStore } from './cursor-store.ts';
import { answerOf, completed, Database } from './indexed-db.ts';

const STORE_NAME = 'ringcast-cursors';

export class IndexedDbCursorStore extends CursorStore {
  /** The object store that holds the cursors. */
  readonly storeName: string;
  readonly #open: () => IDBDatabase | Promise<IDBDatabase>;

  /** Makes the object store in a database of the application; in `onupgradeneeded`. */
  static create(db: IDBDatabase, storeName: string = STORE_NAME): void {
    db.createObjectStore(storeName);
  }

  /** @param database the application's, with an object store made by {@link create}, or the name of one that is made. */
  constructor(
    database: IDBDatabase | string = 'ringcast',
    { storeName = STORE_NAME }: { readonly storeName?: string | undefined } = {},
  ) {
    super();
    this.storeName = storeName;
    if (typeof database === 'string') {
      const own = new Database(database, (db) => IndexedDbCursorStore.create(db, storeName));
      this.#open = () => own.open();
    } else {
      this.#open = () => database;
    }
  }

  async load(name: string): Promise<string | undefined> {
    const db = await this.#open();
    return answerOf<string | undefined>(db.transaction(this.storeName).objectStore(this.storeName).get(name));
  }

  async save(name: string, cursor: string): Promise<void> {
    const opening = this.#open();
    // Not a turn later than need be: the page may be about to go.
    const db = opening instanceof Promise ? await opening : opening;
    const transaction = db.transaction(this.storeName, 'readwrite', { durability: 'relaxed' });
    this.saveIn(transaction, name, cursor);
    const kept = completed(transaction);
    transaction.commit();
    await kept;
  }

  /** Saves as part of a transaction over {@link storeName}: the cursor is kept if all else in it is, and only then. */
  saveIn(transaction: IDBTransaction, name: string, cursor: string): void {
    transaction.objectStore(this.storeName).put(cursor, name);
  }
}
