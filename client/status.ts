/** What a client's state is to its application, and the error of a client that is no more. Pure. */
import { RingcastError } from '../shared/errors.ts';
import type { SubscriptionState } from './channel-reader.ts';
import type { ConnectionState } from './connection-state.ts';
import type { Lag } from './lag.ts';
import type { Status } from './options.ts';

/** The application is slow where what it is to take next is this old, ms; and no more once it is younger than that. */
export const SLOW_MS = 1000;
export const QUICK_MS = 250;

export function statusOf({ name }: ConnectionState, wasLive: boolean, isBehind: boolean): Status {
  if (name === 'live') return isBehind ? 'catching-up' : name;
  if (name === 'closed') return name;
  if (name === 'draining' || name === 'ending') return 'closing';
  return wasLive ? 'offline' : 'connecting';
}

/** Whether a subscription has its client catch up. One that has just been asked for has not begun, and does not. */
export function isBehind(state: SubscriptionState, lag: Lag | null, wasBehind: boolean): boolean {
  if (state === 'pending') return wasBehind;
  if (state === 'live') return lag !== null && lag.ms >= (wasBehind ? QUICK_MS : SLOW_MS);
  return state === 'catching-up';
}

export function closedError(): RingcastError {
  return new RingcastError('closed', 'the client is closed; connect again');
}
