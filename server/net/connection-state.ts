/**
 * The states of a connection, pure and total.
 *
 *     awaiting-hello ──hello──▶ verifying ──accepted──▶ open
 *           │                      │                     │
 *           └───────── close ──────┴─────────────────────┴──▶ closed
 */
export const CONNECTION_STATES = ['awaiting-hello', 'verifying', 'open', 'closed'] as const;
export type ConnectionState = (typeof CONNECTION_STATES)[number];

export const CONNECTION_EVENTS = ['hello', 'accepted', 'close'] as const;
export type ConnectionEvent = (typeof CONNECTION_EVENTS)[number];

const TRANSITIONS: Record<ConnectionState, Record<ConnectionEvent, ConnectionState | 'never'>> = {
  'awaiting-hello': { hello: 'verifying', accepted: 'never', close: 'closed' },
  // A second hello is answered with an error before it gets here.
  verifying: { hello: 'never', accepted: 'open', close: 'closed' },
  open: { hello: 'never', accepted: 'never', close: 'closed' },
  closed: { hello: 'closed', accepted: 'closed', close: 'closed' },
};

/** The state after `event`. Throws TypeError where the table says that it cannot happen. */
export function nextConnectionState(state: ConnectionState, event: ConnectionEvent): ConnectionState {
  const next = TRANSITIONS[state][event];
  if (next === 'never') throw new TypeError(`a connection that is ${state} cannot meet "${event}"`);
  return next;
}
