/**
 * A channel's one subscription on the wire as a pure machine: when to subscribe from where, what to do with each
 * batch, gap, answer and cut. It knows neither who reads (reader-state) nor how frames travel (shared-subscription
 * carries out its effects).
 *
 *     idle ─want▶ requested ─ok▶ open ─release▶ idle
 *           │      ▲   │ release       │ offline
 *           ▼      │   ▼               ▼
 *          offline ┘  abandoned       offline          retrying: holding off after a refusal or an unannounced hole
 */
import { adviceFor, type ErrorCode } from '../shared/errors.ts';
import { type Cursor, type From, type Gap, ORIGIN } from '../shared/terms.ts';
import {
  isOrigin,
  knownOfState,
  placeGap,
  placeRun,
  placeSparse,
  type RunPlace,
  type SparsePlace,
  type StatePlace,
  type Taken,
  type Verdict,
} from './position.ts';
import { type Step, stay, type TransitionTable, transition } from './transition-table.ts';

/** Fields of every state in which the subscription is wanted but not open. */
interface Wanted {
  /** What to subscribe from: the first reader's wish until `ok`, from then on the cursor. */
  readonly from: From;
  /** Refusals and holes since the last batch, for the backoff. */
  readonly attempt: number;
}

export type SubscriptionMachineState =
  | { readonly name: 'idle' }
  /** Wanted, but there is no connection. */
  | (Wanted & { readonly name: 'offline' })
  /** `subscribe` is sent. */
  | (Wanted & { readonly name: 'requested' })
  /** `subscribe` is sent and its result no longer wanted; what is wanted instead, if anything. */
  | { readonly name: 'abandoned'; readonly next: From | null }
  | (Wanted & { readonly name: 'retrying' })
  | {
      readonly name: 'open';
      readonly channelNumber: number;
      /** Everything up to it was given to the readers. */
      readonly cursor: Cursor;
      /** The channel's head when it was opened: what lies beyond is live. */
      readonly head: Cursor;
      /** While state comes, the position of its last record so far (origin: none yet); null once the log follows. */
      readonly stateAfter: Cursor | null;
      readonly attempt: number;
    };

export type SubscriptionMachineEvent =
  | { readonly type: 'want'; readonly from: From; readonly online: boolean }
  | { readonly type: 'release' }
  | { readonly type: 'online' }
  | { readonly type: 'offline' }
  | {
      readonly type: 'ok';
      readonly channelNumber: number;
      readonly cursor: Cursor;
      readonly head: Cursor;
    }
  | { readonly type: 'refused'; readonly code: ErrorCode }
  | { readonly type: 'batch'; readonly run: RunPlace }
  | { readonly type: 'sparse-batch'; readonly place: SparsePlace }
  | { readonly type: 'state'; readonly place: StatePlace; readonly atEnd: boolean }
  | { readonly type: 'gap'; readonly gap: Gap }
  /** The hub ended it: the grant no longer allows it. */
  | { readonly type: 'revoked' }
  /** The time to hold off is over. */
  | { readonly type: 'retry' };

export type SubscriptionEffect =
  | { readonly do: 'subscribe'; readonly from: From }
  | { readonly do: 'unsubscribe'; readonly channelNumber: number }
  /** Tell the readers where it stands. */
  | { readonly do: 'opened' }
  /** Hand on all but the first `skip` records. */
  | { readonly do: 'take'; readonly skip: number }
  /** The same of state; `atEnd`: it is complete to the cursor. */
  | { readonly do: 'take-state'; readonly skip: number; readonly atEnd: boolean }
  | { readonly do: 'gap'; readonly gap: Gap }
  /** Send `retry` after the backoff of this attempt. */
  | { readonly do: 'hold-off'; readonly attempt: number }
  /** Tell the application that the hub left something out; nothing is lost by it. */
  | { readonly do: 'report-hole' }
  /** Give the refusal to the readers: it is over for them. */
  | { readonly do: 'fail' };

type MachineStep = Step<SubscriptionMachineState, SubscriptionEffect>;
type Table = TransitionTable<
  SubscriptionMachineState,
  SubscriptionMachineEvent,
  SubscriptionEffect,
  undefined
>;
type Open = Extract<SubscriptionMachineState, { name: 'open' }>;

export const IDLE_SUBSCRIPTION: SubscriptionMachineState = Object.freeze({ name: 'idle' });

function request({ from, attempt }: Wanted): MachineStep {
  return { state: { name: 'requested', from, attempt }, effects: [{ do: 'subscribe', from }] };
}

function offline({ from, attempt }: Wanted): MachineStep {
  return stay({ name: 'offline', from, attempt });
}

function idle(...effects: readonly SubscriptionEffect[]): MachineStep {
  return { state: IDLE_SUBSCRIPTION, effects };
}

/** An abandoned subscription is settled: asks for what is wanted by now. */
function insteadOf(next: From | null, ...before: readonly SubscriptionEffect[]): MachineStep {
  if (!next) return idle(...before);
  const { state, effects } = request({ from: next, attempt: 0 });
  return { state, effects: [...before, ...effects] };
}

function holdOff({ from, attempt }: Wanted, ...effects: readonly SubscriptionEffect[]): MachineStep {
  return {
    state: { name: 'retrying', from, attempt: attempt + 1 },
    effects: [{ do: 'hold-off', attempt }, ...effects],
  };
}

/** Where an open subscription goes on after an interruption. */
function resumeFrom({ cursor, stateAfter }: Open): From {
  if (!stateAfter) return { cursor };
  // What was deleted since of what was handed on is in the log from the place that the state was to be complete to.
  return isOrigin(stateAfter) ? 'state' : { state: stateAfter, upTo: cursor };
}

/** P2: never hand on silently. Ask again from the cursor; held off, as a hub at fault may do it again at once. */
function afterHole(state: Open): MachineStep {
  const { channelNumber, attempt } = state;
  const from = resumeFrom(state);
  return holdOff({ from, attempt }, { do: 'unsubscribe', channelNumber }, { do: 'report-hole' });
}

/** Before its end there is no log to follow the state. */
function take<V extends Verdict>(
  state: Open,
  verdict: V,
  effect: (taken: Taken<V>) => SubscriptionEffect,
): MachineStep {
  if (state.stateAfter || verdict.kind === 'hole') return afterHole(state);
  if (verdict.kind === 'skip') return stay(state);
  return { state: { ...state, cursor: verdict.cursor, attempt: 0 }, effects: [effect(verdict as Taken<V>)] };
}

/** P1 holds for state by itself: its records grow over all frames, and after a cut only later ones are asked for. */
function takeState(state: Open, place: StatePlace, atEnd: boolean): MachineStep {
  if (!state.stateAfter) return stay(state);
  const skip = knownOfState(state.stateAfter, place);
  const last = place.offsets.at(-1);
  const isNew = skip < place.offsets.length && last !== undefined;
  const stateAfter = isNew ? { epoch: place.epoch, offset: last } : state.stateAfter;
  return {
    state: { ...state, stateAfter: atEnd ? null : stateAfter, attempt: 0 },
    effects: [{ do: 'take-state', skip, atEnd }],
  };
}

/** Resuming, the own cursor stands: were the hub's beyond it, the next batch shows the hole. */
function open({ from, attempt }: Wanted, ok: Extract<SubscriptionMachineEvent, { type: 'ok' }>): MachineStep {
  const { channelNumber, cursor, head } = ok;
  const own = typeof from === 'object' && 'cursor' in from ? from.cursor : cursor;
  const stateAfter =
    from === 'state' ? ORIGIN : typeof from === 'object' && 'state' in from ? from.state : null;
  return {
    state: { name: 'open', channelNumber, cursor: own, head, stateAfter, attempt },
    effects: [{ do: 'opened' }],
  };
}

const IGNORED = {
  want: stay,
  release: stay,
  online: stay,
  offline: stay,
  ok: stay,
  refused: stay,
  batch: stay,
  'sparse-batch': stay,
  state: stay,
  gap: stay,
  revoked: stay,
  retry: stay,
} as const satisfies Record<SubscriptionMachineEvent['type'], unknown>;

const TABLE: Table = {
  idle: {
    ...IGNORED,
    want: (_state, { from, online }) =>
      online ? request({ from, attempt: 0 }) : offline({ from, attempt: 0 }),
  },
  offline: { ...IGNORED, release: () => idle(), online: request },
  requested: {
    ...IGNORED,
    release: () => stay({ name: 'abandoned', next: null }),
    offline,
    ok: open,
    refused: (state, { code }) => (adviceFor(code) === 'retry' ? holdOff(state) : idle({ do: 'fail' })),
  },
  abandoned: {
    ...IGNORED,
    want: (state, { from }) => stay({ ...state, next: state.next ?? from }),
    release: (state) => stay({ ...state, next: null }),
    offline: ({ next }) => (next ? offline({ from: next, attempt: 0 }) : idle()),
    ok: ({ next }, { channelNumber }) => insteadOf(next, { do: 'unsubscribe', channelNumber }),
    refused: ({ next }) => insteadOf(next),
  },
  open: {
    ...IGNORED,
    release: ({ channelNumber }) => idle({ do: 'unsubscribe', channelNumber }),
    offline: (state) => offline({ from: resumeFrom(state), attempt: state.attempt }),
    batch: (state, { run }) => take(state, placeRun(state.cursor, run), ({ skip }) => ({ do: 'take', skip })),
    // Its readers find out for themselves what of it is new to them.
    'sparse-batch': (state, { place }) =>
      take(state, placeSparse(state.cursor, place), () => ({ do: 'take', skip: 0 })),
    state: (state, { place, atEnd }) => takeState(state, place, atEnd),
    gap: (state, { gap }) =>
      take(state, placeGap(state.cursor, gap), (taken) => ({ do: 'gap', gap: taken.gap })),
    revoked: () => idle({ do: 'fail' }),
  },
  retrying: { ...IGNORED, release: () => idle(), offline, retry: request },
};

export function decideSubscription(
  state: SubscriptionMachineState,
  event: SubscriptionMachineEvent,
): MachineStep {
  return transition(TABLE, state, event, undefined);
}
