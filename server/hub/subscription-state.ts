/**
 * The states of a subscription, pure and total. A subscription is a cursor; its state says who moves it.
 *
 *     catching-up ──caught-up──▶ live            fed by fan-out; its cursor is the feed's pushedOffset
 *       │    ▲  ▲                │  │
 *       │    │  └──socket-full───┘  │            cursor stays, catch-up feeds it when there is room
 *       │    │                      │
 *     read   page      ┌─credit-spent (also from catching-up)
 *       ▼    │         ▼
 *     reading        paused ──credit-given──▶ catching-up      its client holds all that it may
 *
 *     reading: waits for a store read, one at a time per connection          any ──close──▶ closed
 */
export const SUBSCRIPTION_STATES = ['catching-up', 'reading', 'live', 'paused', 'closed'] as const;
export type SubscriptionState = (typeof SUBSCRIPTION_STATES)[number];

export const SUBSCRIPTION_EVENTS = [
  'caught-up',
  'socket-full',
  'read',
  'page',
  'credit-spent',
  'credit-given',
  'close',
] as const;
export type SubscriptionEvent = (typeof SUBSCRIPTION_EVENTS)[number];

/** `never`: the event cannot happen in this state; if it does, the hub has a fault. */
type Cell = SubscriptionState | 'never';

const TRANSITIONS: Record<SubscriptionState, Record<SubscriptionEvent, Cell>> = {
  'catching-up': {
    'caught-up': 'live',
    'socket-full': 'catching-up',
    read: 'reading',
    page: 'never',
    'credit-spent': 'paused',
    'credit-given': 'catching-up',
    close: 'closed',
  },
  reading: {
    'caught-up': 'never',
    'socket-full': 'reading',
    read: 'never',
    page: 'catching-up',
    // Nothing is sent while it reads.
    'credit-spent': 'never',
    'credit-given': 'reading',
    close: 'closed',
  },
  live: {
    'caught-up': 'never',
    'socket-full': 'catching-up',
    read: 'never',
    page: 'never',
    'credit-spent': 'paused',
    'credit-given': 'live',
    close: 'closed',
  },
  paused: {
    'caught-up': 'never',
    'socket-full': 'never',
    read: 'never',
    page: 'never',
    'credit-spent': 'paused',
    'credit-given': 'catching-up',
    close: 'closed',
  },
  closed: {
    'caught-up': 'never',
    'socket-full': 'closed',
    read: 'never',
    page: 'closed',
    'credit-spent': 'closed',
    'credit-given': 'closed',
    close: 'closed',
  },
};

/** The state after `event`. Throws TypeError where the table says that it cannot happen. */
export function nextState(state: SubscriptionState, event: SubscriptionEvent): SubscriptionState {
  const next = TRANSITIONS[state][event];
  if (next === 'never') throw new TypeError(`a subscription that is ${state} cannot meet "${event}"`);
  return next;
}
