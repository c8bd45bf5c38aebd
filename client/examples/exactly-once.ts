/**
 * Each order into the application's database exactly once, through reloads, crashes and cuts: an order and the cursor
 * behind it are committed in one transaction, so neither is ever there without the other. The SDK only loads the cursor
 * (`commit: 'application'`): a page that died before a commit is given the order again, one that died behind it is not.
 */
import { connect, type ReceivedRecord } from '../index.ts';
import { IndexedDbCursorStore } from '../stores.ts';

interface Order {
  readonly id: string;
  readonly amount: number;
}

export async function followOrders(url: string, token: string, channel: string) {
  const db = await openDatabase();
  const cursors = new IndexedDbCursorStore(db);
  const client = await connect(url, { token, cursorStore: cursors });

  async function take(record: ReceivedRecord): Promise<void> {
    const { id, amount } = record.data as Order;
    const tx = db.transaction(['orders', 'totals', cursors.storeName], 'readwrite');
    tx.objectStore('orders').add({ id, amount });
    // Adding twice would be wrong: it is done once.
    const totals = tx.objectStore('totals');
    const total = totals.get(channel);
    total.onsuccess = () => totals.put((total.result ?? 0) + amount, channel);
    cursors.saveIn(tx, orders.cursorName!, record.cursor);
    await done(tx);
  }

  const resume = { commit: 'application' } as const;
  const orders = client.subscribe(channel, { resume, from: 'earliest' }, take);
  orders.on('gap', ({ count, reason }) => console.warn(`${count ?? 'some'} orders are missing: ${reason}`));
  return { db, client, orders };
}

function openDatabase(): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open('shop', 1);
    request.onupgradeneeded = () => {
      request.result.createObjectStore('orders', { autoIncrement: true });
      request.result.createObjectStore('totals');
      IndexedDbCursorStore.create(request.result);
    };
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

function done(tx: IDBTransaction): Promise<void> {
  return new Promise((resolve, reject) => {
    tx.oncomplete = () => resolve();
    tx.onabort = () => reject(tx.error);
  });
}
