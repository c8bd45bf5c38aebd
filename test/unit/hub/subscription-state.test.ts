import { expect, test } from 'vitest';
import {
  nextState,
  SUBSCRIPTION_EVENTS,
  SUBSCRIPTION_STATES,
} from '../../../server/hub/subscription-state.ts';

const TABLE = `
                caught-up  socket-full  read     page         credit-spent  credit-given  close
  catching-up   live       catching-up  reading  never        paused        catching-up   closed
  reading       never      reading      never    catching-up  never         reading       closed
  live          never      catching-up  never    never        paused        live          closed
  paused        never      never        never    never        paused        catching-up   closed
  closed        never      closed       never    closed       closed        closed        closed
`;

const [events = [], ...rows] = TABLE.trim()
  .split('\n')
  .map((line) => line.trim().split(/\s+/));

test('the table names every state and every event', () => {
  expect(new Set(events)).toEqual(new Set(SUBSCRIPTION_EVENTS));
  expect(new Set(rows.map(([state]) => state))).toEqual(new Set(SUBSCRIPTION_STATES));
});

test.each(SUBSCRIPTION_STATES)('%s answers every event as the table says', (state) => {
  const row = rows.find(([name]) => name === state)!;
  for (const event of SUBSCRIPTION_EVENTS) {
    const next = row[1 + events.indexOf(event)];
    if (next === 'never') expect(() => nextState(state, event), event).toThrow(TypeError);
    else expect([event, nextState(state, event)]).toEqual([event, next]);
  }
});
