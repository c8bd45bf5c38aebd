/**
 * A page that is reloaded and crashes: what it was given it appends to its localStorage, at once and so as nothing can
 * take back, and what it has to publish it stores. Shown to the test as `window.tab`.
 */
import { type Client, connect, RingcastError } from '../../../client/index.ts';
import { IndexedDbCursorStore, IndexedDbOutbox, LocalStorageCursorStore } from '../../../client/stores.ts';
import { readParams } from './params.ts';

export interface StoresParams {
  readonly url: string;
  readonly token: string;
  readonly channel: string;
  readonly cursors?: 'local' | 'indexed-db';
  readonly resume?: true | string;
  readonly outbox?: string;
}

export interface StoresTab {
  client: Client | undefined;
  readonly errors: string[];
  /** Publishes without waiting for the hub; resolves when they are stored. */
  store(channel: string, values: readonly unknown[]): Promise<void>;
}

declare global {
  interface Window {
    tab: StoresTab;
  }
}

const { url, token, channel, cursors, resume, outbox } = readParams<StoresParams>();
const tab: StoresTab = {
  client: undefined,
  errors: [],
  async store(to, values) {
    for (const value of values) tab.client!.publish(to, value).catch(noteError);
    await tab.client!.stored();
  },
};
window.tab = tab;

function noteError(error: unknown): void {
  tab.errors.push(error instanceof RingcastError ? error.code : String(error));
}

function append(value: unknown): void {
  const name = `seen ${resume ?? ''}`;
  localStorage.setItem(name, `${localStorage.getItem(name) ?? ''}${value} `);
}

try {
  const client = await connect(url, {
    token,
    onError: noteError,
    backoff: { capMs: 100 },
    ...(cursors && {
      cursorStore: cursors === 'local' ? new LocalStorageCursorStore() : new IndexedDbCursorStore(),
    }),
    ...(outbox && { outboxStore: new IndexedDbOutbox(outbox), startOffline: true }),
  });
  tab.client = client;
  if (resume) {
    const options = { resume, from: 'earliest' } as const;
    const subscription = client.subscribe(channel, options, ({ data }) => append(data));
    subscription.on('gap', ({ reason }) => append(`gap:${reason}`));
    subscription.on('error', noteError);
  }
} catch (error) {
  noteError(error);
}
