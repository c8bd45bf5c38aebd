/**
 * A page that writes down each record and gap that it is given, each status, and what it was refused, and shows it to
 * the test as `window.notebook`.
 */
import {
  type Client,
  type ConnectOptions,
  connect,
  type GapItem,
  type ReceivedRecord,
  RingcastError,
  type Status,
  type SubscribeOptions,
  type Subscription,
} from '../../../client/index.ts';
import { readParams } from './params.ts';

export interface NotebookParams {
  readonly url: string;
  /** Null: the page asks its server for one, each time that one is needed. */
  readonly token: string | null;
  readonly channel: string;
  readonly subscribe?: SubscribeOptions;
  readonly connect?: Partial<ConnectOptions>;
}

export interface NotedRecord {
  readonly cursor: string;
  readonly data: unknown;
}

export interface NotedGap {
  readonly gap: {
    readonly reason: string;
    readonly count: number | null;
    readonly after: string;
    readonly upTo: string;
  };
}

export interface Notebook {
  /** Records and gaps in the order in which they came. */
  readonly entries: (NotedRecord | NotedGap)[];
  readonly statuses: string[];
  /** `code: advice`. */
  readonly errors: string[];
  /** The same of what closed the client. */
  closedBy: string | null;
  client: Client | undefined;
  subscription: Subscription<ReceivedRecord | GapItem> | undefined;
}

declare global {
  interface Window {
    notebook: Notebook;
  }
}

const notebook: Notebook = {
  entries: [],
  statuses: [],
  errors: [],
  closedBy: null,
  client: undefined,
  subscription: undefined,
};
window.notebook = notebook;

const params = readParams<NotebookParams>();

const told = (error: unknown) =>
  error instanceof RingcastError ? `${error.code}: ${error.advice}` : String(error);

const noteError = (error: unknown) => void notebook.errors.push(told(error));

function noteStatus(status: Status, failure: RingcastError | null): void {
  notebook.statuses.push(status);
  if (status === 'closed') notebook.closedBy = failure && told(failure);
}

function cursorText({ epoch, offset }: { readonly epoch: number; readonly offset: number }): string {
  return `${epoch}-${offset}`;
}

function note(item: ReceivedRecord | GapItem): void {
  if (!('gap' in item)) {
    notebook.entries.push({ cursor: item.cursor, data: item.data });
    return;
  }
  const { reason, count, after, upTo } = item.gap;
  notebook.entries.push({ gap: { reason, count, after: cursorText(after), upTo: cursorText(upTo) } });
}

try {
  const client = await connect(params.url, {
    token: params.token ?? (async () => (await fetch('/token')).text()),
    onStatus: noteStatus,
    onError: noteError,
    ...params.connect,
  });
  notebook.client = client;
  const subscription = client.subscribe(params.channel, { ...params.subscribe, gaps: 'inline' }, note);
  subscription.on('error', noteError);
  notebook.subscription = subscription;
} catch (error) {
  noteError(error);
}
