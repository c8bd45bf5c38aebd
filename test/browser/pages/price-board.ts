/** A board of the newest price of each key, in a page that takes its time over each record it is given. */
import { connect } from '../../../client/index.ts';
import { readParams } from './params.ts';

export interface BoardParams {
  readonly url: string;
  readonly token: string;
  readonly channel: string;
  readonly perRecordMs: number;
  readonly maxQueuedBytes: number;
}

export interface Price {
  readonly n: number;
  /** When it was published, by this machine's clock. */
  readonly atMs: number;
}

declare global {
  interface Window {
    board: {
      /** What it shows, by key. */
      readonly prices: Record<string, Price>;
      records: number;
      conflated: number;
    };
  }
}

const { url, token, channel, perRecordMs, maxQueuedBytes } = readParams<BoardParams>();
const board: Window['board'] = { prices: {}, records: 0, conflated: 0 };
window.board = board;
const client = await connect(url, { token, maxQueuedBytes });
const subscription = client.subscribe(channel, { policy: 'conflate' }, async ({ key, data }) => {
  board.prices[key!] = data as Price;
  board.records++;
  await new Promise((resolve) => setTimeout(resolve, perRecordMs));
});
subscription.on('gap', ({ count }) => {
  board.conflated += count ?? 0;
});
