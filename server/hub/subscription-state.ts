/**
 * The states of a subscription, pure and total. A subscription is a cursor; its state says who moves it.
 *
 *     catching-up ──caught-up──▶ live            fed by fan-out; its cursor is the channel's pushedOffset
 *       │    ▲  ▲                  │
 *       │    │  └────socket-full───┘            cursor stays, catch-up feeds it when there is room
 *       │    │
 *     read   page                               one store read at a time per connection
 *       ▼    │
 *     reading                                   any ──close──▶ closed
 */
export const SUBSCRIPTION_STATES = ['catching-up', 'reading', 'live', 'closed'] as const;
export type SubscriptionState = (typeof SUBSCRIPTION_STATES)[number];

export const SUBSCRIPTION_EVENTS = ['caught-up', 'socket-full', 'read', 'page', 'close'] as const;
export type SubscriptionEvent = (typeof SUBSCRIPTION_EVENTS)[number];

/** `never`: the event cannot happen in this state; if it does, the hub has a fault. */
type Cell = SubscriptionState | 'never';

const TRANSITIONS: Record<SubscriptionState, Record<SubscriptionEvent, Cell>> = {
  'catching-up': {
    'caught-up': 'live',
    'socket-full': 'catching-up',
    read: 'reading',
    page: 'never',
    close: 'closed',
  },
  reading: {
    'caught-up': 'never',
    'socket-full': 'reading',
    read: 'never',
    page: 'catching-up',
    close: 'closed',
  },
  live: {
    'caught-up': 'never',
    'socket-full': 'catching-up',
    read: 'never',
    page: 'never',
    close: 'closed',
  },
  closed: {
    'caught-up': 'never',
    'socket-full': 'closed',
    read: 'never',
    page: 'closed',
    close: 'closed',
  },
};

/** The state after `event`. Throws TypeError where the table says that it cannot happen. */
export function nextState(state: SubscriptionState, event: SubscriptionEvent): SubscriptionState {
  const next = TRANSITIONS[state][event];
  if (next === 'never') throw new TypeError(`a subscription that is ${state} cannot meet "${event}"`);
  return next;
}
