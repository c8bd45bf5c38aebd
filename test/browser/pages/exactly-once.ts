/** Runs the example, and crosses what the test asks for. */
import { followOrders } from '../../../client/examples/exactly-once.ts';
import { readParams } from './params.ts';

export interface Shop {
  orders(): Promise<string[]>;
  total(): Promise<number>;
}

declare global {
  interface Window {
    shop: Shop;
  }
}

interface ShopParams {
  readonly url: string;
  readonly token: string;
  readonly channel: string;
}

const { url, token, channel } = readParams<ShopParams>();
const { db } = await followOrders(url, token, channel);

function ask<Result>(store: string, request: (from: IDBObjectStore) => IDBRequest<Result>): Promise<Result> {
  return new Promise((resolve, reject) => {
    const asked = request(db.transaction(store).objectStore(store));
    asked.onsuccess = () => resolve(asked.result);
    asked.onerror = () => reject(asked.error);
  });
}

window.shop = {
  orders: async () => (await ask('orders', (from) => from.getAll())).map(({ id }) => id),
  total: () => ask('totals', (from) => from.get(channel)),
};
