import { describe, expect, it } from 'vitest';
import {
  ChannelBoard,
  RATE_POINTS,
  unpersistedRecords,
} from '../../../client/dashboard/model/channel-board.ts';
import { whySlow } from '../../../client/dashboard/model/slowness.ts';
import { matches, nextOrder, sorted } from '../../../client/dashboard/model/sorting.ts';
import { channelFigures, READER_STATES_FOR_TEST, subscription } from './figures.ts';

describe('sorting', () => {
  const rows = [
    { n: 2, t: 'core-10' },
    { n: null, t: 'core-9' },
    { n: 11, t: 'Alpha' },
    { n: 2, t: 'beta' },
  ];

  it('goes by number either way, the unknown last', () => {
    expect(sorted(rows, ({ n }) => n, true).map(({ n }) => n)).toEqual([11, 2, 2, null]);
    expect(sorted(rows, ({ n }) => n, false).map(({ n }) => n)).toEqual([2, 2, 11, null]);
  });

  it('reads numbers in names and leaves equal rows as they were', () => {
    expect(sorted(rows, ({ t }) => t, false).map(({ t }) => t)).toEqual([
      'Alpha',
      'beta',
      'core-9',
      'core-10',
    ]);
    expect(sorted(rows, ({ n }) => n, true).map(({ t }) => t)).toEqual([
      'Alpha',
      'core-10',
      'beta',
      'core-9',
    ]);
  });

  it('turns round at the second click', () => {
    const first = nextOrder({ column: 'name', descending: false }, 'lag', true);
    expect(first).toEqual({ column: 'lag', descending: true });
    expect(nextOrder(first, 'lag', true)).toEqual({ column: 'lag', descending: false });
  });

  it('filters by every word, wherever it stands', () => {
    expect(matches('EU live', ['orders.eu', null, 'live'])).toBe(true);
    expect(matches('eu slow', ['orders.eu', null, 'live'])).toBe(false);
    expect(matches('  ', ['x'])).toBe(true);
  });
});

describe('the board of channels', () => {
  it('keeps the rates of the channels that are still told of, and bounds them', () => {
    const board = new ChannelBoard();
    for (let i = 0; i < RATE_POINTS + 5; i++) {
      board.take({ intervalMs: 2000, total: 1, channels: [channelFigures({ publishedPerSecond: i })] });
    }
    expect(board.rates('orders.eu')).toHaveLength(RATE_POINTS);
    expect(board.rates('orders.eu').at(-1)).toBe(RATE_POINTS + 4);
    board.take({ intervalMs: 2000, total: 0, channels: [] });
    expect(board.rates('orders.eu')).toEqual([]);
  });

  it('counts what is not on the disk, and does not guess across a crash', () => {
    expect(unpersistedRecords(channelFigures({ head: '4-110', durable: '4-104' }))).toBe(6);
    expect(unpersistedRecords(channelFigures({ head: '4-110', durable: '3-104' }))).toBeNull();
  });
});

describe('why a subscription is slow', () => {
  it('is a sentence for each state, another one for each', () => {
    const texts = READER_STATES_FOR_TEST.map((state) => whySlow(subscription({ state })));
    expect(new Set(texts).size).toBe(texts.length);
    expect(whySlow(subscription({ state: 'socket-full', bufferedBytes: 2048 }))).toContain('network');
    expect(whySlow(subscription({ state: 'out-of-credit' }))).toContain('code');
    expect(whySlow(subscription({ state: 'catching-up', lagRecords: 12 }))).toContain('12 records');
  });
});
