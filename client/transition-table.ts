/**
 * Pure state machines as tables: a cell for every state and event, so that a missing one does not compile. Used by
 * connection-state, subscription-state and reader-state.
 */

/** What a cell answers: the next state, and what its driver has to do, in order. */
export interface Step<State, Effect> {
  readonly state: State;
  readonly effects: readonly Effect[];
}

export type TransitionTable<
  State extends { readonly name: string },
  Event extends { readonly type: string },
  Effect,
  Rules,
> = {
  readonly [N in State['name']]: {
    readonly [T in Event['type']]: (
      state: State & { readonly name: N },
      event: Event & { readonly type: T },
      rules: Rules,
    ) => Step<State, Effect>;
  };
};

export function transition<
  State extends { readonly name: string },
  Event extends { readonly type: string },
  Effect,
  Rules,
>(
  table: TransitionTable<State, Event, Effect, Rules>,
  state: State,
  event: Event,
  rules: Rules,
): Step<State, Effect> {
  const row = table[state.name as State['name']];
  const cell = row[event.type as Event['type']] as (
    state: State,
    event: Event,
    rules: Rules,
  ) => Step<State, Effect>;
  return cell(state, event, rules);
}

const NOTHING: readonly never[] = Object.freeze([]);

/** The cell of an event that changes nothing. */
export function stay<State>(state: State): Step<State, never> {
  return { state, effects: NOTHING };
}
