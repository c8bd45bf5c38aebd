import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DEFAULT_BACKOFF } from '../../../client/backoff.ts';
import {
  type ConnectionEvent,
  type ConnectionRules,
  type ConnectionState,
  decideConnection,
  INITIAL_CONNECTION,
  OLD_ATTEMPT_MS,
} from '../../../client/connection-state.ts';
import { RingcastError } from '../../../shared/errors.ts';

const failure = new RingcastError('timeout', 'silent');
const RULES: ConnectionRules = {
  nowMs: 50_000,
  wallMs: 1_000_000,
  backoff: { ...DEFAULT_BACKOFF, random: () => 1 },
  tokenRenewable: true,
  networkAbsent: false,
};
const NAMES: ConnectionState['name'][] = [
  'idle',
  'authorizing',
  'opening',
  'greeting',
  'live',
  'waiting',
  'draining',
  'ending',
  'closed',
];
const EVENTS: ConnectionEvent[] = [
  { type: 'start' },
  { type: 'token' },
  { type: 'token-failed', failure },
  { type: 'opened' },
  { type: 'welcomed' },
  { type: 'complaint', failure },
  { type: 'going-away', reconnectAfterMs: 700 },
  { type: 'disconnected', code: 1006, reason: '' },
  { type: 'disconnected', code: 4100, reason: '' },
  { type: 'disconnected', code: 4200, reason: '' },
  { type: 'broken', failure },
  { type: 'retry' },
  { type: 'woken' },
  { type: 'doubted' },
  { type: 'suspended' },
  { type: 'close' },
  { type: 'drained' },
  { type: 'give-up', failure },
];

function state(name: ConnectionState['name'], more: Partial<ConnectionState> = {}): ConnectionState {
  return { ...INITIAL_CONNECTION, name, ...more };
}

function run(from: ConnectionState, ...events: ConnectionEvent[]): ConnectionState {
  return events.reduce((before, event) => decideConnection(before, event, RULES).state, from);
}

function effectsOf(from: ConnectionState, event: ConnectionEvent, rules = RULES): string[] {
  return decideConnection(from, event, rules).effects.map((effect) => effect.do);
}

describe('connection state', () => {
  test('every state has an answer to every event', () => {
    for (const name of NAMES) {
      for (const event of EVENTS) {
        const step = decideConnection(state(name), event, RULES);
        expect(NAMES, `${name} × ${event.type}`).toContain(step.state.name);
      }
    }
  });

  test('the way to live asks for a token, opens, greets, and announces itself', () => {
    let at = INITIAL_CONNECTION;
    const done: string[] = [];
    for (const type of ['start', 'token', 'opened', 'welcomed'] as const) {
      const step = decideConnection(at, { type }, RULES);
      done.push(...step.effects.map((effect) => effect.do));
      at = step.state;
    }
    expect(done).toEqual(['authorize', 'open', 'greet', 'announce-live']);
    expect(at).toMatchObject({ name: 'live', liveSinceMs: 50_000, failure: null });
  });

  test('nothing leads out of closed', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...EVENTS)), (events) => {
        expect(run(state('closed', { failure }), ...events)).toEqual(state('closed', { failure }));
      }),
    );
  });

  test('on any way, a wait is asked for exactly when waiting begins or is to take another time, and a cut live connection is announced', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...EVENTS), { maxLength: 60 }), (events) => {
        let at = INITIAL_CONNECTION;
        for (const event of events) {
          const { state: next, effects } = decideConnection(at, event, RULES);
          const done = effects.map((effect) => effect.do);
          const isAnother = at.name !== 'waiting' || event.type === 'suspended' || event.type === 'woken';
          expect(done.includes('wait')).toBe(next.name === 'waiting' && isAnother);
          const wasReady = at.name === 'live' || at.name === 'draining';
          const isReady = next.name === 'live' || next.name === 'draining';
          expect(done.includes('announce-lost')).toBe(wasReady && !isReady);
          expect(done.includes('announce-live')).toBe(next.name === 'live' && at.name !== 'live');
          at = next;
        }
      }),
    );
  });

  test('failures wait longer and longer, up to the cap', () => {
    let at = state('authorizing');
    const delays: number[] = [];
    for (let i = 0; i < 9; i++) {
      const step = decideConnection(at, { type: 'token-failed', failure }, RULES);
      for (const effect of step.effects) if (effect.do === 'wait') delays.push(effect.delayMs);
      at = run(step.state, { type: 'retry' });
    }
    expect(delays).toEqual([200, 400, 800, 1600, 3200, 6400, 12_800, 20_000, 20_000]);
  });

  test('a connection that lasted starts over with the shortest delay, a short one does not', () => {
    const cut = { type: 'disconnected', code: 1006, reason: '' } as const;
    const lasted = decideConnection(state('live', { attempt: 5, liveSinceMs: 40_000 }), cut, RULES);
    expect(lasted.effects).toContainEqual({ do: 'wait', delayMs: 200 });
    const short = decideConnection(state('live', { attempt: 5, liveSinceMs: 40_001 }), cut, RULES);
    expect(short.effects).toContainEqual({ do: 'wait', delayMs: 6400 });
  });

  test('going-away is obeyed: its delay, and a random one on top', () => {
    const leaving = run(state('live'), { type: 'going-away', reconnectAfterMs: 700 });
    expect(leaving.name).toBe('live');
    const step = decideConnection(leaving, { type: 'disconnected', code: 4000, reason: '' }, RULES);
    expect(step.effects).toContainEqual({ do: 'wait', delayMs: 900 });
    expect(run(step.state, { type: 'retry' }).holdOffMs).toBe(0);
  });

  test('a retry delay in the complaint is obeyed', () => {
    const busy = new RingcastError('too-many-connections', 'full', { retryAfterMs: 3000 });
    const at = run(state('greeting'), { type: 'complaint', failure: busy });
    const step = decideConnection(at, { type: 'disconnected', code: 4003, reason: '' }, RULES);
    expect(step.effects).toEqual([{ do: 'wait', delayMs: 3200 }]);
    expect(step.state.failure).toBe(busy);
  });

  test('a code that says stop closes for good, with the complaint before it', () => {
    const bad = new RingcastError('bad-frame', 'not msgpack');
    const at = run(state('live'), { type: 'complaint', failure: bad });
    const step = decideConnection(at, { type: 'disconnected', code: 4200, reason: '' }, RULES);
    expect(step.state).toMatchObject({ name: 'closed', failure: bad });
  });

  test('a close without a complaint is named by its code', () => {
    const expired = run(state('live'), { type: 'disconnected', code: 4100, reason: 'too late' });
    expect(expired.failure).toMatchObject({
      code: 'token-expired',
      message: expect.stringContaining('too late'),
    });
    expect(run(state('live'), { type: 'disconnected', code: 1006, reason: '' }).failure?.code).toBe(
      'connection-lost',
    );
  });

  test('a refused token ends a client that has no other, and is tried again by one that gets new ones', () => {
    const refused = { type: 'disconnected', code: 4101, reason: '' } as const;
    const fixed = decideConnection(state('greeting'), refused, { ...RULES, tokenRenewable: false });
    expect(fixed.state.name).toBe('closed');
    expect(decideConnection(state('greeting'), refused, RULES).state.name).toBe('waiting');
  });

  test('closing while live drains first; closing at any other time does not wait', () => {
    expect(effectsOf(state('live'), { type: 'close' })).toEqual(['drain']);
    expect(effectsOf(state('draining'), { type: 'drained' })).toEqual(['announce-lost', 'hang-up']);
    for (const name of ['idle', 'authorizing', 'opening', 'greeting', 'waiting'] as const) {
      expect(run(state(name), { type: 'close' }).name).toBe('closed');
    }
  });

  test('a cut while draining closes without another attempt', () => {
    expect(run(state('draining'), { type: 'disconnected', code: 1006, reason: '' })).toMatchObject({
      name: 'closed',
      failure: null,
    });
  });

  test('what broke is dropped without a handshake', () => {
    expect(effectsOf(state('live'), { type: 'broken', failure })).toEqual(['drop', 'announce-lost', 'wait']);
    expect(effectsOf(state('greeting'), { type: 'broken', failure })).toEqual(['drop', 'wait']);
  });
});

describe('being woken', () => {
  const woken = { type: 'woken' } as const;

  test('ends a backoff at once, and the next ones begin short again', () => {
    const step = decideConnection(state('waiting', { attempt: 7 }), woken, RULES);
    expect(step.state).toMatchObject({ name: 'authorizing', attempt: 0, attemptSinceMs: 1_000_000 });
    expect(step.effects).toEqual([{ do: 'authorize' }]);
  });

  test('does not come before the time that the hub asked for', () => {
    const leaving = run(state('live', { liveSinceMs: 49_000 }), {
      type: 'going-away',
      reconnectAfterMs: 700,
    });
    const waiting = run(leaving, { type: 'disconnected', code: 4000, reason: '' });
    const step = decideConnection(waiting, woken, { ...RULES, nowMs: 50_400 });
    expect(step.state).toMatchObject({ name: 'waiting', attempt: 0 });
    expect(step.effects).toEqual([{ do: 'wait', delayMs: 500 }]);
    expect(decideConnection(step.state, woken, { ...RULES, nowMs: 50_700 }).state.name).toBe('authorizing');
  });

  test('probes a live connection, as does doubt', () => {
    for (const type of ['woken', 'doubted'] as const) {
      const step = decideConnection(state('live'), { type }, RULES);
      expect([step.state.name, step.effects]).toEqual(['live', [{ do: 'probe' }]]);
    }
  });

  test.each(['authorizing', 'opening', 'greeting'] as const)(
    'leaves an attempt that is %s alone, unless it is old: then it begins anew',
    (name) => {
      const young = state(name, { attemptSinceMs: 1_000_001 - OLD_ATTEMPT_MS });
      expect(decideConnection(young, woken, RULES)).toEqual({ state: young, effects: [] });
      const old = state(name, { attemptSinceMs: 1_000_000 - OLD_ATTEMPT_MS, attempt: 3 });
      const step = decideConnection(old, woken, RULES);
      expect(step.state).toMatchObject({ name: 'authorizing', attempt: 0, attemptSinceMs: 1_000_000 });
      expect(step.effects).toEqual([{ do: 'drop' }, { do: 'authorize' }]);
    },
  );

  test('doubt alone begins and ends no attempt', () => {
    for (const name of NAMES.filter((each) => each !== 'live')) {
      const before = state(name, { attempt: 2 });
      expect(decideConnection(before, { type: 'doubted' }, RULES)).toEqual({ state: before, effects: [] });
    }
  });

  test('a client that is closed, or being closed, sleeps on', () => {
    for (const name of ['idle', 'draining', 'ending', 'closed'] as const) {
      for (const type of ['woken', 'suspended'] as const) {
        expect(decideConnection(state(name), { type }, RULES)).toEqual({ state: state(name), effects: [] });
      }
    }
  });
});

describe('being put aside', () => {
  const suspended = { type: 'suspended' } as const;

  test('gives up the socket, and what was not answered on it', () => {
    expect(effectsOf(state('live'), suspended)).toEqual(['drop', 'announce-lost', 'wait']);
    expect(effectsOf(state('opening'), suspended)).toEqual(['drop', 'wait']);
    expect(effectsOf(state('greeting'), suspended)).toEqual(['drop', 'wait']);
    expect(effectsOf(state('authorizing'), suspended)).toEqual(['wait']);
  });

  test('waits for as long as a backoff gets, also where it waited already, and is woken from that at once', () => {
    for (const name of ['live', 'opening', 'waiting'] as const) {
      const step = decideConnection(state(name, { attempt: 4 }), suspended, RULES);
      expect(step.state).toMatchObject({ name: 'waiting', attempt: 0, failure: { code: 'connection-lost' } });
      expect(step.effects.at(-1)).toEqual({ do: 'wait', delayMs: RULES.backoff.capMs });
      expect(run(step.state, { type: 'woken' }).name).toBe('authorizing');
    }
  });
});

test('being put aside and woken does not shorten what the hub asked for', () => {
  const waiting = state('waiting', { notBeforeMs: 60_000 });
  const step = decideConnection(run(waiting, { type: 'suspended' }), { type: 'woken' }, RULES);
  expect(step.effects).toEqual([{ do: 'wait', delayMs: 10_200 }]);
});

test('without a network every wait is of the longest kind, and none is for ever', () => {
  const absent = { ...RULES, networkAbsent: true };
  const step = decideConnection(state('opening'), { type: 'disconnected', code: 1006, reason: '' }, absent);
  expect(step.state.name).toBe('waiting');
  expect(step.effects).toEqual([{ do: 'wait', delayMs: RULES.backoff.capMs }]);
});
