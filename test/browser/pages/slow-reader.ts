/** A page that takes its time over each record, and says how it stands as `window.slow`. */
import { connect, type Lag, type Subscription } from '../../../client/index.ts';
import { readParams } from './params.ts';

export interface SlowParams {
  readonly url: string;
  readonly token: string;
  readonly channel: string;
  readonly perRecordMs: number;
}

export interface SlowPage {
  readonly subscription: Subscription;
  /** Records taken, each the number of the next. */
  taken: number;
  /** As the page shows it: the last lag that it was told. */
  lag: Lag | null;
}

declare global {
  interface Window {
    slow: SlowPage;
  }
}

const { url, token, channel, perRecordMs } = readParams<SlowParams>();
const client = await connect(url, { token });
const subscription = client.subscribe(channel, { from: 'earliest' }, async ({ data }) => {
  if ((data as { n: number }).n !== slow.taken)
    throw new Error(`given ${JSON.stringify(data)}, not ${slow.taken}`);
  slow.taken++;
  await new Promise((resolve) => setTimeout(resolve, perRecordMs));
});
const slow: SlowPage = { subscription, taken: 0, lag: null };
const root = document.querySelector('#root')!;
subscription.on('lag', (lag) => {
  slow.lag = lag;
  root.textContent = lag ? `${lag.records} records, ${Math.round(lag.ms)} ms behind` : '';
});
window.slow = slow;
