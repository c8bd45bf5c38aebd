import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isNews, type KnownPlace, lagOf, largestOf, NO_LAG } from '../../../client/lag.ts';
import { isBehind, QUICK_MS, SLOW_MS } from '../../../client/status.ts';

function known(more: Partial<KnownPlace> = {}): KnownPlace {
  return {
    taken: { epoch: 7, offset: 10 },
    newest: { epoch: 7, offset: 14 },
    nextTimeMs: 4000,
    takenTimeMs: 3000,
    liveMs: undefined,
    hubTimeMs: 5000,
    ...more,
  };
}

describe('lag', () => {
  test('is the records behind what was taken, and the age of the first of them', () => {
    expect(lagOf(known())).toEqual({ records: 4, ms: 1000 });
  });

  test('is nothing at the head, whatever else is not known', () => {
    const atHead = { newest: { epoch: 7, offset: 10 }, nextTimeMs: undefined, hubTimeMs: undefined };
    expect(lagOf(known(atHead))).toEqual(NO_LAG);
    expect(lagOf(known({ newest: { epoch: 6, offset: 90 } }))).toEqual(NO_LAG);
  });

  test.each([
    ['where the reading stands', { taken: null }],
    ['where the channel stands', { newest: null }],
    ['what time it is at the hub', { hubTimeMs: undefined }],
    ['how long there is something to take', { nextTimeMs: undefined, takenTimeMs: undefined }],
  ])('is not known without knowing %s', (_what, more) => {
    expect(lagOf(known(more))).toBeNull();
  });

  test('goes on over epochs, as offsets do', () => {
    expect(lagOf(known({ newest: { epoch: 8, offset: 13 } }))).toEqual({ records: 3, ms: 1000 });
  });

  test('is not known while a loss has put the head before what was taken', () => {
    expect(lagOf(known({ newest: { epoch: 8, offset: 10 } }))).toBeNull();
    expect(lagOf(known({ newest: { epoch: 8, offset: 6 } }))).toBeNull();
  });

  test('while the next record is to come, lasts since all was taken: the later of both times that say so', () => {
    expect(lagOf(known({ nextTimeMs: undefined }))?.ms).toBe(2000);
    expect(lagOf(known({ nextTimeMs: undefined, liveMs: 4900 }))?.ms).toBe(100);
    expect(lagOf(known({ nextTimeMs: undefined, liveMs: 1000 }))?.ms).toBe(2000);
    expect(lagOf(known({ nextTimeMs: undefined, takenTimeMs: undefined, liveMs: 1000 }))?.ms).toBe(4000);
  });

  test('has no negative age where the hub’s clock is a little ahead of what is thought of it', () => {
    expect(lagOf(known({ hubTimeMs: 3990.5 }))).toEqual({ records: 4, ms: 0 });
  });

  test('is never negative, and whole', () => {
    const uint = fc.nat(100);
    const cursor = fc.option(fc.record({ epoch: fc.nat(2), offset: uint }));
    const time = fc.option(fc.double({ min: 0, max: 1e4, noNaN: true }), { nil: undefined });
    const anyKnown = fc.record({
      taken: cursor,
      newest: cursor,
      nextTimeMs: time,
      takenTimeMs: time,
      liveMs: time,
      hubTimeMs: time,
    });
    fc.assert(
      fc.property(anyKnown, (place) => {
        const lag = lagOf(place);
        if (!lag) return;
        for (const figure of [lag.records, lag.ms]) {
          expect(Number.isSafeInteger(figure) && figure >= 0).toBe(true);
        }
        if (lag.records === 0) expect(lag.ms).toBe(0);
      }),
    );
  });

  test('of several is the most records and the longest time, unless one is not known', () => {
    expect(largestOf([])).toEqual(NO_LAG);
    expect(
      largestOf([
        { records: 3, ms: 900 },
        { records: 70, ms: 4 },
      ]),
    ).toEqual({ records: 70, ms: 900 });
    expect(largestOf([{ records: 3, ms: 900 }, null])).toBeNull();
  });

  test('is news where it changed; that it is not known, only where there was some', () => {
    const some = { records: 2, ms: 5 };
    expect(isNews(NO_LAG, { records: 0, ms: 0 })).toBe(false);
    expect(isNews(NO_LAG, null)).toBe(false);
    expect(isNews(NO_LAG, some)).toBe(true);
    expect(isNews(some, { ...some })).toBe(false);
    expect(isNews(some, { ...some, ms: 6 })).toBe(true);
    expect(isNews(some, null)).toBe(true);
    expect(isNews(null, null)).toBe(false);
    expect(isNews(null, NO_LAG)).toBe(true);
  });
});

describe('a client is behind', () => {
  test('by a subscription that catches up, and one that waits to be opened again', () => {
    expect(isBehind('catching-up', null, false)).toBe(true);
    expect(isBehind('pending', null, false)).toBe(false);
    expect(isBehind('pending', null, true)).toBe(true);
  });

  test('by an application that takes a second, until it is quick again', () => {
    const slow = (ms: number) => ({ records: 1, ms });
    expect(isBehind('live', slow(SLOW_MS - 1), false)).toBe(false);
    expect(isBehind('live', slow(SLOW_MS), false)).toBe(true);
    expect(isBehind('live', slow(QUICK_MS), true)).toBe(true);
    expect(isBehind('live', slow(QUICK_MS - 1), true)).toBe(false);
  });

  test('by none that is offline or has ended, or whose lag is not known', () => {
    for (const state of ['offline', 'ended'] as const) expect(isBehind(state, null, true)).toBe(false);
    expect(isBehind('live', null, true)).toBe(false);
  });
});
