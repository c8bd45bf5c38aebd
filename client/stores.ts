/**
 * What outlives a page or a process: where cursors and publishes are kept, and what keeps them there. Apart from the SDK,
 * as most pages need none of it; loaded in Node, too, for stores of the application's own.
 *
 *     const client = await connect(url, { token, cursorStore: new LocalStorageCursorStore() });
 *     client.subscribe('orders', { resume: true }, handle);
 */
export { CursorStore, MemoryCursorStore } from './stores/cursor-store.ts';
export { IndexedDbCursorStore } from './stores/indexed-db-cursor-store.ts';
export { IndexedDbOutbox } from './stores/indexed-db-outbox.ts';
export { LocalStorageCursorStore } from './stores/local-storage-cursor-store.ts';
export {
  type OutboxChanges,
  type OutboxClaim,
  type OutboxContent,
  type OutboxHead,
  OutboxStore,
  type StoredEntry,
  type StoredFrame,
} from './stores/outbox-store.ts';
