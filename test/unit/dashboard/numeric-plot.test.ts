import { describe, expect, it } from 'vitest';
import { NumericPlot, WHOLE } from '../../../client/dashboard/model/numeric-plot.ts';
import { channelPath, readRoute } from '../../../client/dashboard/route.ts';
import type { ReceivedRecord } from '../../../client/index.ts';
import type { Gap } from '../../../shared/terms.ts';

function record(second: number, data: unknown, key: string | null = null): ReceivedRecord {
  return { timeMs: second * 1000, data, key } as ReceivedRecord;
}

const GAP: Gap = {
  after: { epoch: 1, offset: 1 },
  upTo: { epoch: 1, offset: 5 },
  count: 4,
  reason: 'dropped',
};

function plotOf(...items: readonly (ReceivedRecord | Gap)[]): NumericPlot {
  const plot = new NumericPlot();
  plot.takeAll(items, 1000);
  return plot;
}

describe('the numbers in records', () => {
  it('are drawn of records that are numbers themselves', () => {
    const plot = plotOf(record(1, 5), record(2, 7.5), record(3, Number.NaN), record(4, 'text'));
    expect(plot.fields).toEqual([WHOLE]);
    expect(plot.lines([WHOLE]).columns).toEqual([
      [1, 2],
      [5, 7.5],
    ]);
  });

  it('have a line for each field, but none for what says when or which', () => {
    const plot = plotOf(record(1, { id: 7, bid: 10, ask: 11, at: 1.7e12, offset: 3, name: 'x', on: true }));
    expect(plot.fields).toEqual(['bid', 'ask']);
  });

  it('begin with fields that share a scale', () => {
    const plot = plotOf(record(1, { totalBytes: 8e9, usedBytes: 5e9, percent: 62 }));
    expect(plot.suggested(3)).toEqual(['totalBytes', 'usedBytes']);
  });

  it('have a line for each key where there are a few, sorted as people count', () => {
    const plot = plotOf(
      record(1, { percent: 10 }, 'core-10'),
      record(1, { percent: 2 }, 'core-2'),
      record(2, { percent: 3 }, 'core-2'),
    );
    expect(plot.isKeyed).toBe(true);
    const { labels, columns } = plot.lines(['percent']);
    expect(labels).toEqual(['core-2', 'core-10']);
    // Undefined: no record of that key at that moment, which is no break.
    expect(columns).toEqual([
      [1, 2],
      [2, 3],
      [10, undefined],
    ]);
  });

  it('are one line where each record has a key of its own', () => {
    const orders = Array.from({ length: 40 }, (_, i) => record(i, { total: i }, `order-${i}`));
    const plot = plotOf(...orders);
    expect(plot.isKeyed).toBe(false);
    expect(plot.lines(['total']).columns[1]).toHaveLength(40);
  });

  it('have a break where records are missing', () => {
    const plot = plotOf(record(1, 5), GAP, record(9, 6));
    expect(plot.lines([WHOLE]).columns[1]).toEqual([5, null, 6]);
  });

  it('are looked at evenly when there are too many, and counted', () => {
    const plot = new NumericPlot();
    plot.takeAll(
      Array.from({ length: 1000 }, (_, i) => record(i, i)),
      100,
    );
    const [xs] = plot.lines([WHOLE]).columns;
    expect(xs).toHaveLength(100);
    expect([xs[0], xs[1], xs.at(-1)]).toEqual([0, 10, 990]);
    expect(plot.skipped).toBe(900);
  });

  it('take bounded memory', () => {
    const plot = new NumericPlot();
    for (let i = 0; i < 100; i++)
      plot.takeAll(
        [...Array(60).keys()].map((n) => record(i * 60 + n, n)),
        60,
      );
    expect(plot.lines([WHOLE]).columns[0].length).toBeLessThanOrEqual(1500);
    expect(plot.lines([WHOLE]).columns[0].at(-1)).toBe(5999);
  });

  it('survive a record that cannot be read', () => {
    const broken = {
      timeMs: 1000,
      get data() {
        throw new Error('record-invalid');
      },
    } as unknown as ReceivedRecord;
    expect(plotOf(broken, record(2, 1)).lines([WHOLE]).columns[0]).toEqual([2]);
  });
});

describe('the address', () => {
  it('names a view, and any channel as it is', () => {
    const channel = '$sys.hub/a+b=~%:@';
    expect(readRoute(channelPath(channel))).toEqual({ view: 'channel', channel });
    expect(readRoute('#/subscriptions')).toEqual({ view: 'subscriptions' });
    expect(readRoute('#/publish')).toEqual({ view: 'publish', channel: '' });
  });

  it('is the overview where it names nothing', () => {
    for (const hash of ['', '#', '#/', '#/channel/', '#/nonsense', '#token=x']) {
      expect(readRoute(hash), hash).toEqual({ view: 'overview' });
    }
  });
});
