/** Store operations and entries in short, for tests: keys as hex, values as text. */
import type { OrderedStore, StoreEntry, StoreOperation } from '../../server/log/ordered-store.ts';

/** An empty store that is open, and closed after the test. */
export type StoreMaker = () => Promise<OrderedStore>;

export function hex(text: string): Buffer {
  return Buffer.from(text, 'hex');
}

export function put(key: string, value: string): StoreOperation {
  return { type: 'put', key: hex(key), value: Buffer.from(value) };
}

export function del(key: string): StoreOperation {
  return { type: 'del', key: hex(key) };
}

export function hexKeys(entries: readonly StoreEntry[]): string[] {
  return entries.map((entry) => entry.key.toString('hex'));
}

export function line(entry: StoreEntry): string {
  return `${entry.key.toString('hex')}=${entry.value.toString('latin1')}`;
}

export async function content(store: OrderedStore): Promise<string[]> {
  return (await store.read({})).map(line);
}
