/**
 * The life of a client's connection as a pure machine: what happens in which state, when to reconnect, when to give
 * up. Reads no clock, sends nothing; connection.ts carries out its effects and feeds it events.
 *
 *     idle ─start▶ authorizing ─token▶ opening ─opened▶ greeting ─welcomed▶ live ─close▶ draining ─drained▶ ending ─▶ closed
 *                      ▲                  │                │                 │
 *                      └──retry── waiting ◀────────────────┴─────────────────┘  (or closed, where trying again is no use)
 */
import { adviceForClose, CLOSE_CODES, isErrorCode, RingcastError } from '../shared/errors.ts';
import { type BackoffPolicy, backoffDelayMs } from './backoff.ts';
import { type Step, stay, type TransitionTable, transition } from './transition-table.ts';
import type { WakeSignal } from './wake-signals.ts';

export interface ConnectionState {
  readonly name:
    | 'idle'
    /** Asking the application for a token. */
    | 'authorizing'
    | 'opening'
    /** `hello` is sent. */
    | 'greeting'
    | 'live'
    /** Between two attempts. */
    | 'waiting'
    /** Being closed: outstanding publishes are still sent and acknowledged. */
    | 'draining'
    /** The closing handshake is under way. */
    | 'ending'
    | 'closed';
  /** Attempts that failed since the last connection that lasted. */
  readonly attempt: number;
  /** Why the last attempt or connection ended. */
  readonly failure: RingcastError | null;
  /** What the hub complained of on this connection, before closing it. */
  readonly complaint: RingcastError | null;
  /** The hub asked to stay away at least this long, ms. */
  readonly holdOffMs: number;
  /** No attempt may begin before this time, which the hub asked for, monotonic ms. */
  readonly notBeforeMs: number;
  /** When the attempt under way began, Unix ms: while the machine sleeps, that clock goes on. */
  readonly attemptSinceMs: number;
  /** When it became live, monotonic ms. */
  readonly liveSinceMs: number;
}

export type ConnectionEvent =
  | { readonly type: 'start' }
  | { readonly type: 'token' }
  | { readonly type: 'token-failed'; readonly failure: RingcastError }
  | { readonly type: 'opened' }
  | { readonly type: 'welcomed' }
  /** An error frame about the connection itself. */
  | { readonly type: 'complaint'; readonly failure: RingcastError }
  | { readonly type: 'going-away'; readonly reconnectAfterMs: number }
  /** The transport closed. */
  | { readonly type: 'disconnected'; readonly code: number; readonly reason: string }
  /** No use any more: silent for too long, or what comes is damaged. */
  | { readonly type: 'broken'; readonly failure: RingcastError }
  /** The wait between two attempts is over. */
  | { readonly type: 'retry' }
  /** What the platform tells: see wake-signals. */
  | { readonly type: WakeSignal }
  /** The application closes the client. */
  | { readonly type: 'close' }
  | { readonly type: 'drained' }
  /** Nobody waits for the connection any more. */
  | { readonly type: 'give-up'; readonly failure: RingcastError };

export type ConnectionEffect =
  | { readonly do: 'authorize' }
  | { readonly do: 'open' }
  | { readonly do: 'greet' }
  /** Frames may be sent from now on. */
  | { readonly do: 'announce-live' }
  /** Whatever was sent and not answered never will be. */
  | { readonly do: 'announce-lost' }
  /** Ask whether the hub is there; without an answer soon, send `broken`. */
  | { readonly do: 'probe' }
  /** Send `retry` in `delayMs`. */
  | { readonly do: 'wait'; readonly delayMs: number }
  /** Answer `drained` once nothing is outstanding, or after a bound. */
  | { readonly do: 'drain' }
  /** Close with a handshake. */
  | { readonly do: 'hang-up' }
  /** Close without one. */
  | { readonly do: 'drop' };

/** What decisions depend on beside state and event. */
export interface ConnectionRules {
  /** Monotonic. */
  readonly nowMs: number;
  /** Unix time. */
  readonly wallMs: number;
  readonly backoff: BackoffPolicy;
  /** Whether asking again may give another token. */
  readonly tokenRenewable: boolean;
  /** The platform says that there is no network: waits are as long as they get, and no less tried. */
  readonly networkAbsent: boolean;
}

type ConnectionStep = Step<ConnectionState, ConnectionEffect>;
type Disconnected = Extract<ConnectionEvent, { type: 'disconnected' }>;

export const INITIAL_CONNECTION: ConnectionState = Object.freeze({
  name: 'idle',
  attempt: 0,
  failure: null,
  complaint: null,
  holdOffMs: 0,
  notBeforeMs: 0,
  attemptSinceMs: 0,
  liveSinceMs: 0,
});

/** An attempt that takes longer than this is begun anew by waking: what it waits for may have slept away. */
export const OLD_ATTEMPT_MS = 3000;

const DROP = { do: 'drop' } as const;
const LOST = { do: 'announce-lost' } as const;

function go(
  state: ConnectionState,
  name: ConnectionState['name'],
  ...effects: readonly ConnectionEffect[]
): ConnectionStep {
  return { state: { ...state, name }, effects };
}

function end(
  state: ConnectionState,
  failure: RingcastError | null,
  ...effects: readonly ConnectionEffect[]
): ConnectionStep {
  return { state: { ...state, name: 'closed', failure }, effects };
}

/** Waits before another attempt: what the hub asked for, and a random delay on top so that not all come at once. */
function tryLater(
  state: ConnectionState,
  failure: RingcastError,
  rules: ConnectionRules,
  ...effects: readonly ConnectionEffect[]
): ConnectionStep {
  const { nowMs, backoff, networkAbsent } = rules;
  const lasted = state.name === 'live' && nowMs - state.liveSinceMs >= backoff.resetAfterMs;
  const attempt = lasted ? 0 : state.attempt;
  const delayMs =
    state.holdOffMs + backoffDelayMs(networkAbsent ? Number.POSITIVE_INFINITY : attempt, backoff);
  return wait({ ...state, attempt: attempt + 1, failure }, delayMs, rules, effects);
}

function wait(
  state: ConnectionState,
  delayMs: number,
  { nowMs }: ConnectionRules,
  effects: readonly ConnectionEffect[],
): ConnectionStep {
  const notBeforeMs = Math.max(state.notBeforeMs, nowMs + state.holdOffMs);
  return {
    state: { ...state, name: 'waiting', complaint: null, holdOffMs: 0, notBeforeMs },
    effects: [...effects, { do: 'wait', delayMs }],
  };
}

/**
 * A page that is put aside with a socket open is thrown away by most browsers. Should it not be put aside after all,
 * the longest wait brings it back.
 */
function suspend(
  state: ConnectionState,
  rules: ConnectionRules,
  ...effects: readonly ConnectionEffect[]
): ConnectionStep {
  const failure = new RingcastError('connection-lost', 'the page was put aside');
  return wait({ ...state, attempt: 0, failure }, rules.backoff.capMs, rules, effects);
}

/** Why a wait was that long is over, unless the hub asked for it. */
function wakeWaiting(state: ConnectionState, _event: unknown, rules: ConnectionRules): ConnectionStep {
  const leftMs = state.notBeforeMs - rules.nowMs;
  const fresh = { ...state, attempt: 0 };
  if (leftMs <= 0) return attempt(fresh, undefined, rules);
  return wait(fresh, leftMs + backoffDelayMs(0, rules.backoff), rules, []);
}

function wakeAttempt(state: ConnectionState, _event: unknown, rules: ConnectionRules): ConnectionStep {
  if (rules.wallMs - state.attemptSinceMs < OLD_ATTEMPT_MS) return stay(state);
  const { effects, ...step } = attempt({ ...state, attempt: 0 }, undefined, rules);
  return { ...step, effects: [DROP, ...effects] };
}

function probe(state: ConnectionState): ConnectionStep {
  return { state, effects: [{ do: 'probe' }] };
}

/** The failure that a close stands for: the hub's complaint before it, or what the code says. */
function failureOf(state: ConnectionState, { code, reason }: Disconnected): RingcastError {
  if (state.complaint && code > CLOSE_CODES['going-away']) return state.complaint;
  const word = Object.entries(CLOSE_CODES).find(([, known]) => known === code)?.[0] ?? 'connection-lost';
  const text = `the connection closed with code ${code}${reason === '' ? '' : `: ${reason}`}`;
  return new RingcastError(isErrorCode(word) ? word : 'connection-lost', text);
}

function afterClose(
  state: ConnectionState,
  event: Disconnected,
  rules: ConnectionRules,
  ...effects: readonly ConnectionEffect[]
): ConnectionStep {
  const failure = failureOf(state, event);
  const advice = adviceForClose(event.code);
  const final = advice === 'stop' || (advice === 'refresh-token' && !rules.tokenRenewable);
  return final ? end(state, failure, ...effects) : tryLater(state, failure, rules, ...effects);
}

function complain(state: ConnectionState, failure: RingcastError): ConnectionStep {
  const holdOffMs = Math.max(state.holdOffMs, failure.retryAfterMs ?? 0);
  return stay({ ...state, complaint: failure, holdOffMs });
}

function attempt(state: ConnectionState, _event: unknown, { wallMs }: ConnectionRules): ConnectionStep {
  const fresh = { ...state, complaint: null, holdOffMs: 0, attemptSinceMs: wallMs };
  return go(fresh, 'authorizing', { do: 'authorize' });
}

/** Most cells of most states. */
const IGNORED = {
  start: stay,
  token: stay,
  'token-failed': stay,
  opened: stay,
  welcomed: stay,
  complaint: stay,
  'going-away': stay,
  disconnected: stay,
  broken: stay,
  retry: stay,
  woken: stay,
  doubted: stay,
  suspended: stay,
  close: stay,
  drained: stay,
  'give-up': stay,
} as const satisfies Record<ConnectionEvent['type'], unknown>;

type Table = TransitionTable<ConnectionState, ConnectionEvent, ConnectionEffect, ConnectionRules>;

/** Cells that opening and greeting share: a transport exists, nothing was asked of the hub yet. */
const ATTEMPTING = {
  ...IGNORED,
  complaint: (state: ConnectionState, { failure }: { failure: RingcastError }) => complain(state, failure),
  disconnected: afterCloseCell,
  broken: (state: ConnectionState, { failure }: { failure: RingcastError }, rules: ConnectionRules) =>
    tryLater(state, failure, rules, DROP),
  woken: wakeAttempt,
  suspended: (state: ConnectionState, _event: unknown, rules: ConnectionRules) => suspend(state, rules, DROP),
  close: (state: ConnectionState) => end(state, null, DROP),
  'give-up': (state: ConnectionState, { failure }: { failure: RingcastError }) => end(state, failure, DROP),
};

function afterCloseCell(state: ConnectionState, event: Disconnected, rules: ConnectionRules): ConnectionStep {
  return afterClose(state, event, rules);
}

const TABLE: Table = {
  idle: {
    ...IGNORED,
    start: attempt,
    close: (state) => end(state, null),
    'give-up': (state, { failure }) => end(state, failure),
  },
  authorizing: {
    ...IGNORED,
    token: (state) => go(state, 'opening', { do: 'open' }),
    'token-failed': (state, { failure }, rules) => tryLater(state, failure, rules),
    broken: (state, { failure }, rules) => tryLater(state, failure, rules),
    woken: wakeAttempt,
    suspended: (state, _event, rules) => suspend(state, rules),
    close: (state) => end(state, null),
    'give-up': (state, { failure }) => end(state, failure),
  },
  opening: { ...ATTEMPTING, opened: (state) => go(state, 'greeting', { do: 'greet' }) },
  greeting: {
    ...ATTEMPTING,
    welcomed: (state, _event, { nowMs }) =>
      go({ ...state, failure: null, liveSinceMs: nowMs }, 'live', { do: 'announce-live' }),
    'going-away': (state, { reconnectAfterMs }) => stay({ ...state, holdOffMs: reconnectAfterMs }),
  },
  live: {
    ...IGNORED,
    complaint: (state, { failure }) => complain(state, failure),
    'going-away': (state, { reconnectAfterMs }) => stay({ ...state, holdOffMs: reconnectAfterMs }),
    disconnected: (state, event, rules) => afterClose(state, event, rules, LOST),
    broken: (state, { failure }, rules) => tryLater(state, failure, rules, DROP, LOST),
    woken: probe,
    doubted: probe,
    suspended: (state, _event, rules) => suspend(state, rules, DROP, LOST),
    close: (state) => go(state, 'draining', { do: 'drain' }),
    'give-up': (state, { failure }) => end(state, failure, DROP, LOST),
  },
  waiting: {
    ...IGNORED,
    retry: attempt,
    woken: wakeWaiting,
    suspended: (state, _event, rules) => suspend(state, rules),
    close: (state) => end(state, null),
    'give-up': (state, { failure }) => end(state, failure),
  },
  draining: {
    ...IGNORED,
    disconnected: (state) => end(state, null, LOST),
    broken: (state) => end(state, null, DROP, LOST),
    drained: (state) => go(state, 'ending', LOST, { do: 'hang-up' }),
    'give-up': (state) => end(state, null, DROP, LOST),
  },
  ending: {
    ...IGNORED,
    disconnected: (state) => end(state, null),
    broken: (state) => end(state, null, DROP),
    'give-up': (state) => end(state, null, DROP),
  },
  closed: IGNORED,
};

export function decideConnection(
  state: ConnectionState,
  event: ConnectionEvent,
  rules: ConnectionRules,
): ConnectionStep {
  return transition(TABLE, state, event, rules);
}
