/** A board of the newest price of each key, in a page that takes its time over each record it is given. */
import { connect, type Subscription } from '../../../client/index.ts';
import { readParams } from './params.ts';

export interface BoardParams {
  readonly url: string;
  readonly token: string;
  readonly channel: string;
  readonly perRecordMs: number;
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
      readonly subscription: Subscription;
    };
  }
}

const { url, token, channel, perRecordMs } = readParams<BoardParams>();
const client = await connect(url, { token });
const subscription = client.subscribe(channel, { policy: 'conflate' }, async ({ key, data }) => {
  board.prices[key!] = data as Price;
  board.records++;
  await new Promise((resolve) => setTimeout(resolve, perRecordMs));
});
const board: Window['board'] = { prices: {}, records: 0, conflated: 0, subscription };
window.board = board;
subscription.on('gap', ({ count }) => {
  board.conflated += count ?? 0;
});
