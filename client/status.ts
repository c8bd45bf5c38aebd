/** What a client's state is to its application, and the error of a client that is no more. Called by client.ts only. */
import { RingcastError } from '../shared/errors.ts';
import type { ConnectionState } from './connection-state.ts';
import type { Status } from './options.ts';

export function statusOf({ name }: ConnectionState, wasLive: boolean): Status {
  if (name === 'live' || name === 'closed') return name;
  if (name === 'draining' || name === 'ending') return 'closing';
  return wasLive ? 'offline' : 'connecting';
}

export function closedError(): RingcastError {
  return new RingcastError('closed', 'the client is closed; connect again');
}
