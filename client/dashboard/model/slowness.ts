/** Why a subscription is not live, as a plain sentence. Called by the tables of subscriptions. */
import type { ReaderState, SubscriptionFigures } from '../../../shared/figures.ts';
import { bytesText, plural } from './format.ts';

export const STATE_WORDS: Readonly<Record<ReaderState, string>> = {
  live: 'live',
  'catching-up': 'catching up',
  'socket-full': 'socket full',
  'out-of-credit': 'out of credit',
};

/** Worst first, so that a table sorted by state shows who needs help. */
export const STATE_RANK: Readonly<Record<ReaderState, number>> = {
  'socket-full': 3,
  'out-of-credit': 2,
  'catching-up': 1,
  live: 0,
};

export function whySlow({ state, bufferedBytes, lagRecords }: SubscriptionFigures): string {
  switch (state) {
    case 'live':
      return 'Keeps up: each record is pushed as it comes.';
    case 'catching-up':
      return `Reading history: ${plural(lagRecords, 'record')} to go, fed from the log.`;
    case 'socket-full':
      return `Its network takes no more: ${bytesText(bufferedBytes)} wait in the socket.`;
    case 'out-of-credit':
      return 'Its code has not taken what it was sent; the network is fine.';
  }
}
