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
import type { Cursor, From, Gap } from '../shared/terms.ts';
import { placeGap, placeRun, type RunPlace } from './position.ts';
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
  /** `subscribe` is sent and its result no longer wanted. */
  | (Wanted & { readonly name: 'abandoned' })
  | (Wanted & { readonly name: 'retrying' })
  | {
      readonly name: 'open';
      readonly channelNumber: number;
      /** Everything up to it was given to the readers. */
      readonly cursor: Cursor;
      /** The channel's head when it was opened: what lies beyond is live. */
      readonly head: Cursor;
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

function holdOff({ from, attempt }: Wanted, ...effects: readonly SubscriptionEffect[]): MachineStep {
  return {
    state: { name: 'retrying', from, attempt: attempt + 1 },
    effects: [{ do: 'hold-off', attempt }, ...effects],
  };
}

/** P2: never hand on silently. Ask again from the cursor; held off, as a hub at fault may do it again at once. */
function afterHole({ cursor, channelNumber, attempt }: Open): MachineStep {
  return holdOff({ from: { cursor }, attempt }, { do: 'unsubscribe', channelNumber }, { do: 'report-hole' });
}

function takeBatch(state: Open, run: RunPlace): MachineStep {
  const verdict = placeRun(state.cursor, run);
  if (verdict.kind === 'skip') return stay(state);
  if (verdict.kind === 'hole') return afterHole(state);
  return {
    state: { ...state, cursor: verdict.cursor, attempt: 0 },
    effects: [{ do: 'take', skip: verdict.skip }],
  };
}

function takeGap(state: Open, gap: Gap): MachineStep {
  const verdict = placeGap(state.cursor, gap);
  if (verdict.kind === 'skip') return stay(state);
  if (verdict.kind === 'hole') return afterHole(state);
  return {
    state: { ...state, cursor: verdict.cursor, attempt: 0 },
    effects: [{ do: 'gap', gap: verdict.gap }],
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
    release: (state) => stay({ ...state, name: 'abandoned' }),
    offline,
    ok: ({ from, attempt }, { channelNumber, cursor, head }) => ({
      // Resuming, the own cursor stands: were the hub's beyond it, the next batch shows the hole.
      state: {
        name: 'open',
        channelNumber,
        cursor: typeof from === 'object' && 'cursor' in from ? from.cursor : cursor,
        head,
        attempt,
      },
      effects: [{ do: 'opened' }],
    }),
    refused: (state, { code }) => (adviceFor(code) === 'retry' ? holdOff(state) : idle({ do: 'fail' })),
  },
  abandoned: {
    ...IGNORED,
    want: (state) => stay({ ...state, name: 'requested' }),
    offline: () => idle(),
    ok: (_state, { channelNumber }) => idle({ do: 'unsubscribe', channelNumber }),
    refused: () => idle(),
  },
  open: {
    ...IGNORED,
    release: ({ channelNumber }) => idle({ do: 'unsubscribe', channelNumber }),
    offline: ({ cursor, attempt }) => offline({ from: { cursor }, attempt }),
    batch: (state, { run }) => takeBatch(state, run),
    gap: (state, { gap }) => takeGap(state, gap),
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
