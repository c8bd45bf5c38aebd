import { describe, expect, test } from 'vitest';
import {
  decideReader,
  type ReaderEvent,
  type ReaderState,
  startReader,
} from '../../../client/reader-state.ts';

const at = (epoch: number, offset: number) => ({ epoch, offset });
const END = { onUnknownCursor: 'end' } as const;
const joined = (offset: number): ReaderState => ({
  name: 'joined',
  cursor: at(3, offset),
  liveFrom: at(3, 5),
  inState: false,
});
const inState = (offset: number): ReaderState => ({
  name: 'joined',
  cursor: at(3, offset),
  liveFrom: at(3, offset),
  inState: true,
});
const pulling = (offset: number | null): ReaderState => ({
  name: 'pulling',
  from: offset === null ? 'earliest' : { cursor: at(3, offset) },
  cursor: offset === null ? null : at(3, offset),
  restarted: false,
});
const joining = (offset: number | null): ReaderState => ({
  name: 'joining',
  from: 'latest',
  cursor: offset === null ? null : at(3, offset),
  restarted: false,
});
const page = (
  prevOffset: number,
  count: number,
  more: { shared?: number; atEnd?: boolean } = {},
): ReaderEvent => ({
  type: 'page',
  shared: more.shared === undefined ? null : at(3, more.shared),
  page: {
    epoch: 3,
    prevOffset,
    firstOffset: prevOffset + 1,
    count,
    next: at(3, prevOffset + count),
    atEnd: more.atEnd ?? false,
    gaps: [],
  },
});
const opened = (cursor: number, head = cursor, inState = false): ReaderEvent => ({
  type: 'opened',
  cursor: at(3, cursor),
  head: at(3, head),
  inState,
});
const sparse = (prevOffset: number, ...offsets: number[]): ReaderEvent => ({
  type: 'sparse-batch',
  place: { epoch: 3, prevOffset, offsets, missing: [{ index: 1, count: 1, reason: 'conflated' }] },
});
const batch = (prevOffset: number, count: number): ReaderEvent => ({
  type: 'batch',
  run: { epoch: 3, prevOffset, firstOffset: prevOffset + 1, count },
});
const STATES: ReaderState[] = [
  joining(null),
  joining(7),
  pulling(null),
  pulling(7),
  joined(7),
  inState(7),
  { name: 'ended' },
];
const EVENTS: ReaderEvent[] = [
  opened(7),
  opened(9),
  batch(7, 2),
  sparse(7, 8, 10),
  sparse(8, 9, 11),
  { type: 'state', atEnd: false },
  { type: 'state', atEnd: true },
  { type: 'gap', gap: { after: at(3, 7), upTo: at(3, 9), count: 2, reason: 'retention' } },
  page(7, 2),
  page(9, 2),
  { type: 'unknown-cursor', sharedIdle: true },
  { type: 'lagging' },
  { type: 'end' },
];

describe('reader state', () => {
  test('every state has an answer to every event, whatever the rules', () => {
    const names = STATES.map(({ name }) => name);
    for (const onUnknownCursor of ['end', 'earliest', 'latest'] as const) {
      for (const state of STATES) {
        for (const event of EVENTS) {
          expect(names).toContain(decideReader(state, event, { onUnknownCursor }).state.name);
        }
      }
    }
  });

  test('the first reader of a channel and whoever wants what is new join; older beginnings are pulled', () => {
    expect(startReader('earliest', true).effects).toEqual([{ do: 'join', from: 'earliest' }]);
    expect(startReader('latest', false).effects).toEqual([{ do: 'join', from: 'latest' }]);
    for (const from of ['earliest', { last: 3 }, { since: 5 }, { cursor: at(3, 1) }] as const) {
      expect(startReader(from, false).effects).toEqual([{ do: 'pull' }]);
    }
  });

  test('joining "latest" beside a subscription in the past begins at the head', () => {
    expect(decideReader(joining(null), opened(4, 20), END).state).toMatchObject({
      name: 'joined',
      cursor: at(3, 20),
    });
  });

  test('a reader behind the shared cursor when it opens pulls on', () => {
    const step = decideReader(joining(7), opened(9), END);
    expect(step.state).toMatchObject({ name: 'pulling', from: { cursor: at(3, 7) } });
    expect(step.effects).toEqual([{ do: 'leave' }, { do: 'pull' }]);
  });

  test('a page up to the shared cursor or beyond joins, one before it pulls on even at the end of the log', () => {
    expect(decideReader(pulling(7), page(7, 3, { shared: 10 }), END).effects).toEqual([
      { do: 'take', skip: 0 },
      { do: 'join', from: { cursor: at(3, 10) } },
    ]);
    expect(decideReader(pulling(7), page(7, 3, { shared: 11, atEnd: true }), END).effects).toEqual([
      { do: 'take', skip: 0 },
      { do: 'pull' },
    ]);
  });

  test('without a shared subscription, a reader pulls to the end and then opens one', () => {
    expect(decideReader(pulling(7), page(7, 3), END).effects.at(-1)).toEqual({ do: 'pull' });
    expect(decideReader(pulling(7), page(7, 3, { atEnd: true }), END).effects.at(-1)).toEqual({
      do: 'join',
      from: { cursor: at(3, 10) },
    });
  });

  test('records that a page gave are skipped when the shared subscription brings them again', () => {
    expect(decideReader(joined(10), batch(7, 5), END)).toMatchObject({
      state: { cursor: at(3, 12) },
      effects: [{ do: 'take', skip: 3 }],
    });
  });

  test('a page with a hole is asked for again', () => {
    expect(decideReader(pulling(7), page(9, 2), END)).toEqual({
      state: pulling(7),
      effects: [{ do: 'pull-again' }],
    });
  });

  test('an empty page with a gap hands on the gap and moves on', () => {
    const gap = { after: at(3, 7), upTo: at(4, 5), count: null, reason: 'lost' } as const;
    const empty = {
      epoch: 4,
      prevOffset: 5,
      firstOffset: 6,
      count: 0,
      next: at(4, 5),
      atEnd: false,
      gaps: [gap],
    };
    const step = decideReader(pulling(7), { type: 'page', page: empty, shared: null }, END);
    expect(step.effects).toEqual([{ do: 'gap', gap }, { do: 'pull' }]);
    expect(step.state).toMatchObject({ cursor: at(4, 5) });
  });

  test('a lagging reader leaves and reads the log from where it is', () => {
    expect(decideReader(joined(10), { type: 'lagging' }, END)).toEqual({
      state: pulling(10),
      effects: [{ do: 'leave' }, { do: 'pull' }],
    });
  });

  test('of a sparse batch it is handed what is new to it', () => {
    expect(decideReader(joined(8), sparse(7, 8, 10), END)).toMatchObject({
      state: { cursor: at(3, 10) },
      effects: [
        {
          do: 'take-parts',
          parts: [
            { gap: { after: at(3, 8), upTo: at(3, 9), count: 1, reason: 'conflated' } },
            { from: 1, to: 2 },
          ],
        },
      ],
    });
    expect(decideReader(joined(6), sparse(7, 8, 10), END).effects).toEqual([{ do: 'leave' }, { do: 'pull' }]);
  });

  test('wanting the state it is handed that before the log, which begins where the hub says', () => {
    const first = startReader('state', true);
    expect(first.effects).toEqual([{ do: 'join', from: 'state' }]);
    const open = decideReader(first.state, opened(9, 9, true), END);
    expect(open).toEqual({ state: inState(9), effects: [] });
    expect(decideReader(open.state, { type: 'state', atEnd: false }, END).effects).toEqual([
      { do: 'take-state', completeTo: null },
    ]);
    // A cut in its midst moves the place on: it is not a hole.
    const again = decideReader(open.state, opened(12, 12, true), END);
    expect(again).toEqual({ state: inState(12), effects: [] });
    const end = decideReader(again.state, { type: 'state', atEnd: true }, END);
    expect(end.effects).toEqual([{ do: 'take-state', completeTo: at(3, 12) }]);
    expect(decideReader(end.state, batch(12, 1), END).effects).toEqual([{ do: 'take', skip: 0 }]);
  });

  test('in the midst of the state nothing is pulled, however slow it is', () => {
    expect(decideReader(inState(9), { type: 'lagging' }, END)).toEqual({ state: inState(9), effects: [] });
  });

  test('an unknown cursor ends the reader, or begins anew and says so with a gap from the origin', () => {
    const refused = { type: 'unknown-cursor', sharedIdle: true } as const;
    expect(decideReader(joined(10), refused, END).effects).toEqual([{ do: 'leave' }, { do: 'fail' }]);
    const step = decideReader(joined(10), refused, { onUnknownCursor: 'earliest' });
    expect(step.effects).toEqual([{ do: 'leave' }, { do: 'join', from: 'earliest' }]);
    expect(decideReader(step.state, opened(2), END).effects).toEqual([
      { do: 'gap', gap: { after: at(0, 0), upTo: at(3, 2), count: null, reason: 'lost' } },
    ]);
  });

  test('beginning anew by pages is said as well', () => {
    const refused = { type: 'unknown-cursor', sharedIdle: false } as const;
    const step = decideReader(pulling(10), refused, { onUnknownCursor: 'earliest' });
    expect(decideReader(step.state, page(2, 1), END).effects.slice(0, 2)).toEqual([
      { do: 'gap', gap: { after: at(0, 0), upTo: at(3, 2), count: null, reason: 'lost' } },
      { do: 'take', skip: 0 },
    ]);
  });
});
