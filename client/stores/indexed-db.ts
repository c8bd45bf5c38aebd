/** The little of IndexedDB that the stores need, as promises. Called by the stores beside it only. */

/** One database, opened when first needed, and again after the browser has closed it. */
export class Database {
  readonly name: string;
  readonly #create: (db: IDBDatabase) => void;
  #opened: Promise<IDBDatabase> | undefined;

  /** @param create makes the object stores of a new database. */
  constructor(name: string, create: (db: IDBDatabase) => void) {
    this.name = name;
    this.#create = create;
  }

  open(): Promise<IDBDatabase> {
    this.#opened ??= this.#open();
    return this.#opened;
  }

  async close(): Promise<void> {
    const opened = this.#opened;
    this.#opened = undefined;
    (await opened?.catch(() => undefined))?.close();
  }

  async #open(): Promise<IDBDatabase> {
    const forget = () => {
      this.#opened = undefined;
    };
    try {
      const request = indexedDB.open(this.name, 1);
      request.onupgradeneeded = () => this.#create(request.result);
      const db = await answerOf(request);
      db.onclose = forget;
      db.onversionchange = () => {
        forget();
        db.close();
      };
      return db;
    } catch (error) {
      forget();
      throw error;
    }
  }
}

export function answerOf<Result>(request: IDBRequest<Result>): Promise<Result> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

/** Resolves once all of the transaction is kept. */
export function completed(transaction: IDBTransaction): Promise<void> {
  return new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve();
    transaction.onabort = () => reject(transaction.error);
  });
}
