/**
 * React hooks, `ringcast/react`: channels and connections as values that are rendered. Thin: what they read lives in
 * react-store.ts. Works in StrictMode and with server rendering, where nothing is connected. The only importer of React.
 *
 *     <RingcastProvider connect={() => connect('wss://hub.example/', { token: fetchToken })}>…
 *
 *     function Chat() {
 *       const { records, gapCount, error } = useChannel('chat.room-1', { from: { last: 50 } });
 */
import {
  createContext,
  createElement,
  type ReactElement,
  type ReactNode,
  useContext,
  useMemo,
  useSyncExternalStore,
} from 'react';
import type { Client } from './client.ts';
import type { SubscribeOptions } from './options.ts';
import {
  ChannelStore,
  type ChannelView,
  ConnectionStore,
  type ConnectionView,
  NewestByKey,
  NewestRecord,
  NOT_CONNECTED,
  nothingOf,
  RecentRecords,
  type Shelf,
  sharedStore,
} from './react-store.ts';
import type { ReceivedRecord } from './record.ts';

export type { ChannelView, ConnectionView };

/** What `client.subscribe` takes, but for what a hook does itself. Read by value: an object made anew is no change. */
export type ReadOptions = Omit<SubscribeOptions, 'signal' | 'gaps'> & {
  /** Default: that of the nearest {@link RingcastProvider}. */
  readonly client?: Client | undefined;
};

export interface ChannelOptions extends ReadOptions {
  /** How many records are kept, the newest. Default 100. */
  readonly limit?: number | undefined;
}

export interface LatestOptions extends ReadOptions {
  /** Only records of this key. Default: all. */
  readonly key?: string | undefined;
}

const Connection = createContext<ConnectionStore | null>(null);

export type RingcastProviderProps = { readonly children?: ReactNode } & (
  | { readonly client: Client }
  /**
   * Called when it is mounted; what it gives is closed when it is unmounted. Another function later changes nothing: give
   * the provider another `key` to connect anew. With `timeoutMs: Infinity` it goes on trying where no hub is reached.
   */
  | { readonly connect: () => Promise<Client> }
);

/** The connection of all hooks below it: a client that the application holds, or one that it connects and closes. */
export function RingcastProvider(props: RingcastProviderProps): ReactElement {
  const client = 'client' in props ? props.client : undefined;
  // biome-ignore lint/correctness/useExhaustiveDependencies: `connect` is mostly written in place, and another each time.
  const store = useMemo(() => new ConnectionStore(client ?? (props as ConnectProps).connect), [client]);
  return createElement(
    Connection,
    { value: store } as never,
    createElement(Watch, { store }),
    props.children,
  );
}

type ConnectProps = { readonly connect: () => Promise<Client> };

/** Connects although nothing below may look yet, and renders nothing when the connection changes. */
function Watch({ store }: { readonly store: ConnectionStore }): null {
  useSyncExternalStore(store.subscribe, () => store.getSnapshot().client, nobody);
  return null;
}

/** The client of the nearest provider; null until it is connected for the first time. */
export function useClient(): Client | null {
  const store = useContext(Connection);
  const read = () => store?.getSnapshot().client ?? null;
  return useSyncExternalStore(store?.subscribe ?? never, read, nobody);
}

/**
 * `status`, `lag` and `failure` of a connection, and its `client`. Rendered again when one changes: `lag` at most four times
 * a second. @param client default: that of the nearest {@link RingcastProvider}; throws where there is neither.
 */
export function useConnection(client?: Client): ConnectionView {
  const nearest = useContext(Connection);
  const own = useMemo(() => client && new ConnectionStore(client), [client]);
  const store = own ?? nearest;
  if (!store) throw new Error('useConnection needs a client, or a RingcastProvider above it');
  return useSyncExternalStore(store.subscribe, store.getSnapshot, notConnected);
}

/**
 * The newest records of a channel, newest last, with its gaps, state, lag and error. Rendered again at most once a frame,
 * however many records came. Another channel, or other options, begins anew with an empty list; null reads none. Begins as
 * `from` says, default 'latest'.
 */
export function useChannel(
  channel: string | null,
  options: ChannelOptions = {},
): ChannelView<readonly ReceivedRecord[]> {
  const { limit = 100, ...read } = options;
  return useShelf(channel, read, `recent ${limit}`, () => new RecentRecords(limit));
}

/**
 * The newest record of a channel, or of one key; null until there is one. Begins with the newest that is there; for a key
 * `from` is 'latest' by default, as the newest of all may be another's: 'state' begins with it where the hub keeps state.
 */
export function useLatest(channel: string | null, options: LatestOptions = {}): ReceivedRecord | null {
  const { key, from = key === undefined ? { last: 1 } : 'latest', ...read } = options;
  const name = JSON.stringify(['newest', key]);
  return useShelf(channel, { ...read, from }, name, () => new NewestRecord(key)).records;
}

/**
 * The newest record of each key, as a Map. `from` is 'state' by default, for channels that keep it: whoever asks for the
 * same on one client shares it. A record with null data takes its key out. Add `policy: 'conflate'` for what changes faster
 * than it can be shown.
 */
export function useLatestByKey(
  channel: string | null,
  options: ReadOptions = {},
): ChannelView<ReadonlyMap<string, ReceivedRecord>> {
  const { from = 'state', ...read } = options;
  return useShelf(channel, { ...read, from }, 'by key', () => new NewestByKey());
}

function useShelf<Kept>(
  channel: string | null,
  { client: own, ...options }: ReadOptions,
  kind: string,
  makeShelf: () => Shelf<Kept>,
): ChannelView<Kept> {
  const nearest = useClient();
  const client = own ?? nearest;
  const name = JSON.stringify([channel, kind, Object.entries(options).sort()]);
  // `name` says what options and shelf are, which are other objects each time.
  // biome-ignore lint/correctness/useExhaustiveDependencies: see above.
  const store = useMemo(() => {
    if (!client || channel === null) return null;
    return sharedStore(client, name, () => new ChannelStore(client, channel, options, makeShelf()));
  }, [client, name]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: see above.
  const nothing = useMemo(() => nothingOf(makeShelf()), [name]);
  const readNothing = () => nothing;
  return useSyncExternalStore(store?.subscribe ?? never, store?.getSnapshot ?? readNothing, readNothing);
}

/** Nothing to look at. */
const never = () => () => {};
const nobody = () => null;
const notConnected = () => NOT_CONNECTED;
