/**
 * The page's connection to its hub, and what the hub says of itself on it: the one place that subscribes to `$sys.*`.
 * Coming back after a cut is the SDK's matter; this only shows it. Made by main.tsx, read by every view.
 */
import {
  CHANNEL_FIGURES,
  type ChannelsFigures,
  HUB_FIGURES,
  type HubFigures,
  SUBSCRIPTION_FIGURES,
  type SubscriptionsFigures,
} from '../../shared/figures.ts';
import {
  type Client,
  connect,
  type GapItem,
  type ReceivedRecord,
  RingcastError,
  type Status,
  type Subscription,
} from '../index.ts';
import { Changes } from './changes.ts';
import { ChannelBoard, RATE_POINTS } from './model/channel-board.ts';
import { HISTORY_POINTS, HubHistory } from './model/hub-history.ts';

/**
 * What every subscription of this page asks for: one that lags is given the newest, and told what it missed. All of
 * them alike, as the subscriptions of a client to one channel share it.
 */
export const TAIL_TERMS = { policy: 'drop-oldest', maxLagRecords: 5000, gaps: 'inline' } as const;

type Item = ReceivedRecord | GapItem;

export class HubLink {
  readonly url: string;
  /** Of status, failure and access. */
  readonly changes = new Changes();
  /** Of the figures. */
  readonly figureChanges = new Changes();
  hub = new HubHistory();
  channels = new ChannelBoard();
  subscriptions: SubscriptionsFigures | null = null;
  /** When figures came last, on this machine's clock; null before the first. */
  heardAtMs: number | null = null;
  status: Status = 'connecting';
  /** Why it is not live. */
  failure: unknown = null;
  /** Why the hub keeps its figures from this token; null while it does not. */
  refusal: unknown = null;
  client: Client | null = null;
  /** Of the client: what was opened on an earlier one is opened anew. */
  generation = 0;
  #attempt: AbortController | undefined;
  #readers: Subscription<Item>[] = [];

  constructor(url: string) {
    this.url = url;
  }

  /** Whether there was a connection at all, so that the page has something to show. */
  get wasLive(): boolean {
    return this.client !== null;
  }

  /** When the token runs out, Unix ms. */
  get tokenExpiresAtMs(): number | null {
    return this.client?.welcome?.tokenExpiresAtMs ?? null;
  }

  /** Leaves an earlier connection. Figures are kept: they are this hub's, whoever asks. */
  open(token: string): void {
    this.leave();
    const attempt = new AbortController();
    this.#attempt = attempt;
    this.#note('connecting', null);
    connect(this.url, {
      token,
      client: 'dashboard',
      timeoutMs: Number.POSITIVE_INFINITY,
      signal: attempt.signal,
      onStatus: (status, failure) => {
        if (this.#attempt === attempt) this.#note(status, failure);
      },
      onError: (error) => console.error('ringcast:', error),
    }).then(
      (client) => {
        if (this.#attempt !== attempt) {
          void client.close();
          return;
        }
        this.client = client;
        this.generation += 1;
        this.#read(client);
        this.changes.changed();
      },
      (error: unknown) => {
        if (this.#attempt === attempt) this.#note('closed', error);
      },
    );
  }

  leave(): void {
    this.#attempt?.abort();
    this.#attempt = undefined;
    void this.client?.close({ timeoutMs: 500 });
    this.client = null;
    this.#readers = [];
    this.refusal = null;
    this.changes.changed();
  }

  /** Another token for the connection that is. Rejects with the hub's refusal; the old token holds on. */
  async renew(token: string): Promise<void> {
    const { client } = this;
    if (!client) throw new RingcastError('closed', 'not connected');
    await client.refreshToken(token);
    if (this.refusal !== null) this.#read(client);
    this.changes.changed();
  }

  #note(status: Status, failure: unknown): void {
    this.status = status;
    this.failure = failure;
    this.changes.changed();
  }

  #read(client: Client): void {
    for (const reader of this.#readers) reader.unsubscribe();
    this.refusal = null;
    this.hub = new HubHistory();
    this.channels = new ChannelBoard();
    this.#readers = [
      this.#subscribe(client, HUB_FIGURES, HISTORY_POINTS, (item) => {
        if ('gap' in item) this.hub.miss(item.gap);
        else this.hub.take(item, item.timeMs, item.data as HubFigures);
      }),
      this.#subscribe(client, CHANNEL_FIGURES, RATE_POINTS, (item) => {
        if (!('gap' in item)) this.channels.take(item.data as ChannelsFigures);
      }),
      this.#subscribe(client, SUBSCRIPTION_FIGURES, 1, (item) => {
        if (!('gap' in item)) this.subscriptions = item.data as SubscriptionsFigures;
      }),
    ];
  }

  #subscribe(client: Client, channel: string, last: number, take: (item: Item) => void): Subscription<Item> {
    const reader = client.subscribe(channel, { ...TAIL_TERMS, from: { last } }, (item) => {
      take(item);
      this.heardAtMs = Date.now();
      this.figureChanges.changed();
    });
    reader.on('error', (error) => {
      if (client.status === 'closed') return;
      this.refusal = error;
      this.changes.changed();
    });
    return reader;
  }
}
