/**
 * One reader's place in a channel, as a pure machine. A reader is either fed by the channel's shared subscription
 * (joined), or reads the log page by page (pulling) until it has come up to the shared one:
 *
 *     joining ─opened▶ joined ─lagging▶ pulling ─page, caught up▶ joining
 *
 * A reader that wants the state joins, and is handed that before the log; of it the shared subscription keeps the place.
 *
 * Why joining misses and repeats nothing: a connection's frames are handled in order, so when a page has been taken
 * and the reader's cursor is at or beyond the shared one, every later batch begins at or before the reader's cursor,
 * and P1 skips what it has (position.ts). No buffering is needed, and a reader that cannot keep up has no queue that
 * grows: it just pulls again. Subscription carries out the effects.
 */
import { type Cursor, compareCursors, type From, type Gap, ORIGIN } from '../shared/terms.ts';
import {
  laterCursor,
  placeGap,
  placeRun,
  placeSparse,
  type RunPlace,
  type SparsePart,
  type SparsePlace,
  type Taken,
  type Verdict,
} from './position.ts';
import { type Step, stay, type TransitionTable, transition } from './transition-table.ts';

/** What a page says, but for its records' bytes. */
export interface PagePlace extends RunPlace {
  readonly next: Cursor;
  readonly atEnd: boolean;
  readonly gaps: readonly Gap[];
}

/** How a reader begins, until its cursor is known. */
interface Start {
  readonly from: From;
  /** Everything up to it was handed on; null until the hub has said where `from` is. */
  readonly cursor: Cursor | null;
  /** It began anew after its cursor was refused: where it begins is announced as a gap. */
  readonly restarted: boolean;
}

export type ReaderState =
  /** Waits for the shared subscription to be open. */
  | (Start & { readonly name: 'joining' })
  | (Start & { readonly name: 'pulling' })
  | {
      readonly name: 'joined';
      readonly cursor: Cursor;
      readonly liveFrom: Cursor;
      /** State is still to come; the cursor is where the log will begin. */
      readonly inState: boolean;
    }
  | { readonly name: 'ended' };

export type ReaderEvent =
  /** The shared subscription is open, or open again. */
  | { readonly type: 'opened'; readonly cursor: Cursor; readonly head: Cursor; readonly inState: boolean }
  | { readonly type: 'batch'; readonly run: RunPlace }
  | { readonly type: 'sparse-batch'; readonly place: SparsePlace }
  | { readonly type: 'state'; readonly atEnd: boolean }
  | { readonly type: 'gap'; readonly gap: Gap }
  /** `shared`: where the shared subscription is, null when it is not open. */
  | { readonly type: 'page'; readonly page: PagePlace; readonly shared: Cursor | null }
  /** The position it asked for is not known to the hub. `sharedIdle` as in {@link startReader}. */
  | { readonly type: 'unknown-cursor'; readonly sharedIdle: boolean }
  /** It holds up the others. */
  | { readonly type: 'lagging' }
  | { readonly type: 'end' };

export type ReaderEffect =
  /** Hand on all but the first `skip` records of the batch or page. */
  | { readonly do: 'take'; readonly skip: number }
  /** Hand on these parts of the sparse batch. */
  | { readonly do: 'take-parts'; readonly parts: readonly SparsePart[] }
  /** Hand on all records of the state frame; with `completeTo`, they and those before are the state at that cursor. */
  | { readonly do: 'take-state'; readonly completeTo: Cursor | null }
  | { readonly do: 'gap'; readonly gap: Gap }
  /** Take part in the shared subscription, opening it from there if need be. */
  | { readonly do: 'join'; readonly from: From }
  | { readonly do: 'leave' }
  /** Ask for the next page, once there is room for it. */
  | { readonly do: 'pull' }
  /** The hub's page left something out: report it, and ask again after a while. */
  | { readonly do: 'pull-again' }
  | { readonly do: 'fail' };

export interface ReaderRules {
  readonly onUnknownCursor: 'end' | 'earliest' | 'latest';
}

type ReaderStep = Step<ReaderState, ReaderEffect>;
type Table = TransitionTable<ReaderState, ReaderEvent, ReaderEffect, ReaderRules>;
type Pulling = Extract<ReaderState, { name: 'pulling' }>;
type Joining = Extract<ReaderState, { name: 'joining' }>;
type Joined = Extract<ReaderState, { name: 'joined' }>;
type Opened = Extract<ReaderEvent, { type: 'opened' }>;

/**
 * The first reader of a channel opens the shared subscription where it wants to begin, and one that wants what comes
 * from now on just joins; for anything older beside a shared subscription, pages are pulled.
 * @param sharedIdle nobody has asked for the shared subscription.
 */
export function startReader(from: From, sharedIdle: boolean, restarted = false): ReaderStep {
  const cursor = typeof from === 'object' && 'cursor' in from ? from.cursor : null;
  if (sharedIdle || from === 'latest') return join({ from, cursor, restarted });
  return pull({ from, cursor, restarted });
}

function join(start: Start, ...before: readonly ReaderEffect[]): ReaderStep {
  return {
    state: { ...start, name: 'joining' },
    effects: [...before, { do: 'join', from: start.from }],
  };
}

function pull(start: Start, ...before: readonly ReaderEffect[]): ReaderStep {
  return { state: { ...start, name: 'pulling' }, effects: [...before, { do: 'pull' }] };
}

function at(cursor: Cursor): Start {
  return { from: { cursor }, cursor, restarted: false };
}

/** Announces where a reader begins anew: nothing that it was shown before needs to be true any more. */
function announceRestart({ restarted }: Start, cursor: Cursor): ReaderEffect[] {
  return restarted ? [{ do: 'gap', gap: { after: ORIGIN, upTo: cursor, count: null, reason: 'lost' } }] : [];
}

function joinOpened(state: Joining, { cursor: shared, head, inState }: Opened): ReaderStep {
  // Beside a subscription that is still in the past, "latest" begins at the head known last.
  const cursor = state.cursor ?? (state.from === 'latest' ? laterCursor(shared, head) : shared);
  if (compareCursors(cursor, shared) < 0) return pull(at(cursor), { do: 'leave' });
  return {
    state: { name: 'joined', cursor, liveFrom: head, inState },
    effects: announceRestart(state, cursor),
  };
}

function reopened(state: Joined, { cursor, head, inState }: Opened): ReaderStep {
  if (inState) return stay({ ...state, cursor, liveFrom: head });
  if (compareCursors(state.cursor, cursor) < 0) return pull(at(state.cursor), { do: 'leave' });
  return stay({ ...state, liveFrom: head });
}

function takePage(state: Pulling, page: PagePlace, shared: Cursor | null): ReaderStep {
  const start = state.cursor ?? page.gaps[0]?.after ?? { epoch: page.epoch, offset: page.prevOffset };
  const effects = state.cursor ? [] : announceRestart(state, start);
  let cursor = start;
  for (const gap of page.gaps) {
    const verdict = placeGap(cursor, gap);
    if (verdict.kind === 'hole') return { state, effects: [{ do: 'pull-again' }] };
    if (verdict.kind === 'skip') continue;
    effects.push({ do: 'gap', gap: verdict.gap });
    cursor = verdict.cursor;
  }
  const verdict = placeRun(cursor, page);
  if (verdict.kind === 'hole') return { state, effects: [{ do: 'pull-again' }] };
  if (verdict.kind === 'take') {
    effects.push({ do: 'take', skip: verdict.skip });
    cursor = verdict.cursor;
  }
  cursor = laterCursor(cursor, page.next);
  const caughtUp = shared ? compareCursors(cursor, shared) >= 0 : page.atEnd;
  return caughtUp ? join(at(cursor), ...effects) : pull(at(cursor), ...effects);
}

/** A hole cannot be while the shared cursor is at or before this one; if it is, the log knows better. */
function take<V extends Verdict>(
  state: Joined,
  verdict: V,
  effect: (taken: Taken<V>) => ReaderEffect,
): ReaderStep {
  if (verdict.kind === 'hole') return pull(at(state.cursor), { do: 'leave' });
  if (verdict.kind === 'skip') return stay(state);
  return { state: { ...state, cursor: verdict.cursor }, effects: [effect(verdict as Taken<V>)] };
}

function takeState(state: Joined, atEnd: boolean): ReaderStep {
  if (!state.inState) return stay(state);
  const completeTo = atEnd ? state.cursor : null;
  return { state: { ...state, inState: !atEnd }, effects: [{ do: 'take-state', completeTo }] };
}

function refuse(
  _state: ReaderState,
  { sharedIdle }: { readonly sharedIdle: boolean },
  { onUnknownCursor }: ReaderRules,
): ReaderStep {
  if (onUnknownCursor === 'end')
    return { state: { name: 'ended' }, effects: [{ do: 'leave' }, { do: 'fail' }] };
  const step = startReader(onUnknownCursor, sharedIdle, true);
  return { state: step.state, effects: [{ do: 'leave' }, ...step.effects] };
}

function end(): ReaderStep {
  return { state: { name: 'ended' }, effects: [{ do: 'leave' }] };
}

const IGNORED = {
  opened: stay,
  batch: stay,
  'sparse-batch': stay,
  state: stay,
  gap: stay,
  page: stay,
  lagging: stay,
} as const satisfies Partial<Record<ReaderEvent['type'], unknown>>;

const TABLE: Table = {
  joining: { ...IGNORED, opened: joinOpened, 'unknown-cursor': refuse, end },
  pulling: {
    ...IGNORED,
    page: (state, { page, shared }) => takePage(state, page, shared),
    'unknown-cursor': refuse,
    end,
  },
  joined: {
    ...IGNORED,
    opened: reopened,
    batch: (state, { run }) => take(state, placeRun(state.cursor, run), ({ skip }) => ({ do: 'take', skip })),
    'sparse-batch': (state, { place }) =>
      take(state, placeSparse(state.cursor, place), ({ parts }) => ({ do: 'take-parts', parts })),
    state: (state, { atEnd }) => takeState(state, atEnd),
    gap: (state, { gap }) =>
      take(state, placeGap(state.cursor, gap), (taken) => ({ do: 'gap', gap: taken.gap })),
    'unknown-cursor': refuse,
    lagging: (state) => (state.inState ? stay(state) : pull(at(state.cursor), { do: 'leave' })),
    end,
  },
  ended: { ...IGNORED, 'unknown-cursor': stay, end: stay },
};

export function decideReader(state: ReaderState, event: ReaderEvent, rules: ReaderRules): ReaderStep {
  return transition(TABLE, state, event, rules);
}
