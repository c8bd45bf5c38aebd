import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  decideSubscription,
  IDLE_SUBSCRIPTION,
  type SubscriptionEffect,
  type SubscriptionMachineEvent,
  type SubscriptionMachineState,
} from '../../../client/subscription-state.ts';

const at = (epoch: number, offset: number) => ({ epoch, offset });
const open = (offset: number): SubscriptionMachineState => ({
  name: 'open',
  channelNumber: 9,
  cursor: at(3, offset),
  head: at(3, 10),
  stateAfter: null,
  attempt: 0,
});
const inState = (after: number): SubscriptionMachineState => ({
  ...(open(10) as Extract<SubscriptionMachineState, { name: 'open' }>),
  stateAfter: after === 0 ? at(0, 0) : at(3, after),
});
const wanted = (name: 'offline' | 'requested' | 'retrying'): SubscriptionMachineState => ({
  name,
  from: 'earliest',
  attempt: 2,
});
const STATES: SubscriptionMachineState[] = [
  IDLE_SUBSCRIPTION,
  wanted('offline'),
  wanted('requested'),
  { name: 'abandoned', next: null },
  { name: 'abandoned', next: 'latest' },
  wanted('retrying'),
  open(10),
  inState(0),
  inState(4),
];
const batch = (prevOffset: number, count: number): SubscriptionMachineEvent => ({
  type: 'batch',
  run: { epoch: 3, prevOffset, firstOffset: prevOffset + 1, count },
});
const gap = (after: number, upTo: number): SubscriptionMachineEvent => ({
  type: 'gap',
  gap: { after: at(3, after), upTo: at(3, upTo), count: upTo - after, reason: 'retention' },
});
const sparse = (prevOffset: number, ...offsets: number[]): SubscriptionMachineEvent => ({
  type: 'sparse-batch',
  place: { epoch: 3, prevOffset, offsets, missing: [] },
});
const state = (atEnd: boolean, ...offsets: number[]): SubscriptionMachineEvent => ({
  type: 'state',
  place: { epoch: 3, offsets },
  atEnd,
});
const ok: SubscriptionMachineEvent = { type: 'ok', channelNumber: 9, cursor: at(3, 4), head: at(3, 10) };
const EVENTS: SubscriptionMachineEvent[] = [
  { type: 'want', from: 'latest', online: true },
  { type: 'want', from: 'latest', online: false },
  { type: 'release' },
  { type: 'online' },
  { type: 'offline' },
  ok,
  { type: 'refused', code: 'forbidden' },
  { type: 'refused', code: 'overloaded' },
  { type: 'refused', code: 'unknown-cursor' },
  batch(10, 3),
  batch(8, 3),
  batch(20, 3),
  gap(10, 15),
  gap(20, 25),
  sparse(10, 12, 14),
  sparse(20, 22),
  state(false, 3, 6),
  state(true, 8),
  state(true),
  { type: 'revoked' },
  { type: 'retry' },
];

function run(from: SubscriptionMachineState, ...events: SubscriptionMachineEvent[]) {
  const effects: SubscriptionEffect[] = [];
  let state = from;
  for (const event of events) {
    const step = decideSubscription(state, event);
    effects.push(...step.effects);
    state = step.state;
  }
  return { state, effects };
}

describe('subscription state', () => {
  test('every state has an answer to every event', () => {
    for (const state of STATES) {
      for (const event of EVENTS) {
        const names = STATES.map(({ name }) => name);
        expect(names, `${state.name} × ${event.type}`).toContain(decideSubscription(state, event).state.name);
      }
    }
  });

  test('only an open subscription hands anything on', () => {
    for (const state of STATES.filter(({ name }) => name !== 'open')) {
      for (const event of EVENTS.filter(({ type }) => /batch|gap|state/.test(type))) {
        expect(decideSubscription(state, event)).toEqual({ state, effects: [] });
      }
    }
  });

  test('before ok a cut asks again from where the reader wanted to begin', () => {
    const { effects } = run(
      IDLE_SUBSCRIPTION,
      { type: 'want', from: { last: 5 }, online: true },
      { type: 'offline' },
      { type: 'online' },
    );
    expect(effects).toEqual([
      { do: 'subscribe', from: { last: 5 } },
      { do: 'subscribe', from: { last: 5 } },
    ]);
  });

  test('after ok and before any record a cut resumes from the cursor of ok', () => {
    const { effects } = run(wanted('requested'), ok, { type: 'offline' }, { type: 'online' });
    expect(effects).toEqual([{ do: 'opened' }, { do: 'subscribe', from: { cursor: at(3, 4) } }]);
  });

  test('after records a cut resumes from the last of them', () => {
    const { effects } = run(open(10), batch(10, 3), { type: 'offline' }, { type: 'online' });
    expect(effects.at(-1)).toEqual({ do: 'subscribe', from: { cursor: at(3, 13) } });
  });

  test('resuming, the own cursor stands although the hub answers a later one', () => {
    const resuming: SubscriptionMachineState = { name: 'requested', from: { cursor: at(3, 2) }, attempt: 0 };
    expect(run(resuming, ok).state).toMatchObject({ name: 'open', cursor: at(3, 2) });
  });

  test('duplicates are passed over, overlaps taken from where they are new', () => {
    expect(run(open(10), batch(5, 5)).effects).toEqual([]);
    expect(run(open(10), batch(8, 5))).toMatchObject({
      state: { cursor: at(3, 13) },
      effects: [{ do: 'take', skip: 2 }],
    });
  });

  test('a hole that no gap announced asks again from the cursor, after holding off', () => {
    for (const event of [batch(12, 3), gap(12, 15)]) {
      const { state, effects } = run(open(10), event, { type: 'retry' });
      expect(effects).toEqual([
        { do: 'hold-off', attempt: 0 },
        { do: 'unsubscribe', channelNumber: 9 },
        { do: 'report-hole' },
        { do: 'subscribe', from: { cursor: at(3, 10) } },
      ]);
      expect(state.name).toBe('requested');
    }
  });

  test('holes in a row hold off longer each time, until a batch comes through', () => {
    const reopened = { type: 'ok', channelNumber: 9, cursor: at(3, 10), head: at(3, 10) } as const;
    const hole = [batch(12, 3), { type: 'retry' }, reopened] as const;
    const { effects } = run(open(10), ...hole, ...hole, batch(10, 1), batch(20, 1));
    const attempts = effects.flatMap((effect) => (effect.do === 'hold-off' ? [effect.attempt] : []));
    expect(attempts).toEqual([0, 1, 0]);
  });

  test('an announced gap moves the cursor', () => {
    expect(run(open(10), gap(10, 15), batch(15, 1))).toMatchObject({
      state: { cursor: at(3, 16) },
      effects: [{ do: 'gap' }, { do: 'take', skip: 0 }],
    });
  });

  test('released before its ok, it unsubscribes when the number is known', () => {
    const { state, effects } = run(wanted('requested'), { type: 'release' }, ok);
    expect(state).toBe(IDLE_SUBSCRIPTION);
    expect(effects).toEqual([{ do: 'unsubscribe', channelNumber: 9 }]);
  });

  test('wanted again before its ok, it is asked for anew: what is wanted may be something else', () => {
    const again = { type: 'want', from: 'latest', online: true } as const;
    const { state, effects } = run(wanted('requested'), { type: 'release' }, again, ok);
    expect(state).toEqual({ name: 'requested', from: 'latest', attempt: 0 });
    expect(effects).toEqual([
      { do: 'unsubscribe', channelNumber: 9 },
      { do: 'subscribe', from: 'latest' },
    ]);
  });

  test('sparse batches move the cursor to their last record, and may have holes only where a batch may', () => {
    expect(run(open(10), sparse(10, 12, 14), batch(14, 1))).toMatchObject({
      state: { cursor: at(3, 15) },
      effects: [
        { do: 'take', skip: 0 },
        { do: 'take', skip: 0 },
      ],
    });
    expect(run(open(10), sparse(12, 14)).state.name).toBe('retrying');
    expect(run(open(14), sparse(10, 12, 14)).effects).toEqual([]);
  });

  test('state is handed on before the log and moves no cursor', () => {
    const asked: SubscriptionMachineState = { name: 'requested', from: 'state', attempt: 0 };
    const { state: after, effects } = run(asked, ok, state(false, 1, 2), state(true, 4), batch(4, 1));
    expect(effects).toEqual([
      { do: 'opened' },
      { do: 'take-state', skip: 0, atEnd: false },
      { do: 'take-state', skip: 0, atEnd: true },
      { do: 'take', skip: 0 },
    ]);
    expect(after).toMatchObject({ cursor: at(3, 5), stateAfter: null });
  });

  test('cut in the midst of the state, it goes on behind the last record of it, from the log once it was complete', () => {
    const cut = { type: 'offline' } as const;
    const online = { type: 'online' } as const;
    expect(run(inState(0), cut, online).effects).toEqual([{ do: 'subscribe', from: 'state' }]);
    expect(run(inState(0), state(false, 3), cut, online).effects.at(-1)).toEqual({
      do: 'subscribe',
      from: { state: at(3, 3), upTo: at(3, 10) },
    });
    expect(run(inState(3), state(true), cut, online).effects.at(-1)).toEqual({
      do: 'subscribe',
      from: { cursor: at(3, 10) },
    });
  });

  test('of state that comes again only what is new is handed on', () => {
    expect(run(inState(4), state(false, 3, 4, 6)).effects).toEqual([
      { do: 'take-state', skip: 2, atEnd: false },
    ]);
  });

  test('the log before the end of the state is a fault of the hub: the state is asked for again', () => {
    for (const event of [batch(10, 1), sparse(10, 12), gap(10, 12)]) {
      expect(run(inState(4), event, { type: 'retry' }).effects.at(-1)).toEqual({
        do: 'subscribe',
        from: { state: at(3, 4), upTo: at(3, 10) },
      });
    }
  });

  test('a refusal for now is tried again, any other is final', () => {
    expect(run(wanted('requested'), { type: 'refused', code: 'overloaded' })).toMatchObject({
      state: { name: 'retrying', attempt: 3 },
      effects: [{ do: 'hold-off', attempt: 2 }],
    });
    for (const code of ['forbidden', 'unknown-cursor', 'too-many-subscriptions'] as const) {
      expect(run(wanted('requested'), { type: 'refused', code }).effects).toEqual([{ do: 'fail' }]);
    }
  });

  test('on any way the cursor never moves back, and each subscribe answers an unsubscribe or a cut', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...EVENTS), { maxLength: 80 }), (events) => {
        let state: SubscriptionMachineState = IDLE_SUBSCRIPTION;
        let asked = 0;
        for (const event of events) {
          const step = decideSubscription(state, event);
          if (state.name === 'open' && step.state.name === 'open') {
            expect(step.state.cursor.offset).toBeGreaterThanOrEqual(state.cursor.offset);
          }
          if (event.type === 'offline') asked = 0;
          if (event.type === 'revoked' && state.name === 'open') asked = 0;
          if (event.type === 'refused' && asked > 0 && state.name !== 'open') asked = 0;
          for (const effect of step.effects) {
            if (effect.do === 'unsubscribe') asked--;
            if (effect.do === 'subscribe') asked++;
          }
          expect(asked).toBeGreaterThanOrEqual(0);
          expect(asked).toBeLessThanOrEqual(1);
          state = step.state;
        }
      }),
      { numRuns: 500 },
    );
  });
});
