import { expect, test } from 'vitest';
import {
  CONNECTION_EVENTS,
  CONNECTION_STATES,
  nextConnectionState,
} from '../../../server/net/connection-state.ts';

const TABLE = `
                  hello      accepted  close
  awaiting-hello  verifying  never     closed
  verifying       never      open      closed
  open            never      never     closed
  closed          closed     closed    closed
`;

const [events = [], ...rows] = TABLE.trim()
  .split('\n')
  .map((line) => line.trim().split(/\s+/));

test('the table names every state and every event', () => {
  expect(new Set(events)).toEqual(new Set(CONNECTION_EVENTS));
  expect(new Set(rows.map(([state]) => state))).toEqual(new Set(CONNECTION_STATES));
});

test.each(CONNECTION_STATES)('%s answers every event as the table says', (state) => {
  const row = rows.find(([name]) => name === state)!;
  for (const event of CONNECTION_EVENTS) {
    const next = row[1 + events.indexOf(event)];
    if (next === 'never') expect(() => nextConnectionState(state, event), event).toThrow(TypeError);
    else expect([event, nextConnectionState(state, event)]).toEqual([event, next]);
  }
});
