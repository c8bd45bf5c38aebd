import { describe, expect, it } from 'vitest';
import { readPlace } from '../../../client/dashboard/model/moment.ts';
import { advance } from '../../../client/dashboard/model/pacing.ts';
import { interleaved, Tail } from '../../../client/dashboard/model/tail.ts';
import type { ReceivedRecord } from '../../../client/index.ts';
import type { Gap, GapReason } from '../../../shared/terms.ts';

function record(offset: number, epoch = 1): ReceivedRecord {
  return { offset, epoch, timeMs: offset * 10, cursor: `${epoch}-${offset}` } as ReceivedRecord;
}

function gap(reason: GapReason, after: number, upTo: number, epoch = 1, epochAfter = epoch): Gap {
  return {
    after: { epoch: epochAfter, offset: after },
    upTo: { epoch, offset: upTo },
    count: upTo - after || null,
    reason,
  };
}

function shape(tail: Tail): string[] {
  return tail.rows.map((row) =>
    row.kind === 'gap' ? `gap ${row.gap.reason}` : `${row.record.offset}${row.withdrawn ? ' withdrawn' : ''}`,
  );
}

describe('a tail', () => {
  it('keeps the newest rows and counts all', () => {
    const tail = new Tail(3);
    tail.push([1, 2].map((offset) => record(offset)));
    tail.push([3, 4, 5, 6, 7].map((offset) => record(offset)));
    expect(shape(tail)).toEqual(['5', '6', '7']);
    expect(tail.taken).toBe(7);
  });

  it('shows a gap at its place, with the moment at which it ended', () => {
    const tail = new Tail();
    tail.push([record(1), gap('dropped', 1, 4)]);
    expect(tail.rows[1]).toMatchObject({ kind: 'gap', timeMs: null });
    tail.push([record(5)]);
    expect(shape(tail)).toEqual(['1', 'gap dropped', '5']);
    expect(tail.rows[1]).toMatchObject({ timeMs: 50 });
  });

  it('strikes through what a crash took back, and nothing else', () => {
    const tail = new Tail();
    tail.push([record(1), record(2), record(3), gap('lost', 1, 1, 2, 1), record(2, 2)]);
    expect(shape(tail)).toEqual(['1', '2 withdrawn', '3 withdrawn', 'gap lost', '2']);
    expect(tail.lastRecord?.cursor).toBe('2-2');
  });

  it('gives rows that do not change their identity', () => {
    const tail = new Tail();
    tail.push([record(1)]);
    const [first] = tail.rows;
    tail.push([record(2)]);
    expect(tail.rows[0]).toBe(first);
  });

  it('puts the gaps of a page between its records', () => {
    const items = interleaved(
      [record(5), record(9), record(10)],
      [gap('conflated', 5, 8), gap('retention', 0, 4)],
    );
    expect(items.map((item) => ('upTo' in item ? item.reason : item.offset))).toEqual([
      'retention',
      5,
      'conflated',
      9,
      10,
    ]);
  });
});

describe('the pace of a replay', () => {
  it('shows records at the pace at which they came, or ten times that', () => {
    expect(advance(1000, 100, 1, [1050, 1100, 1101])).toMatchObject({ release: 2, playheadMs: 1100 });
    expect(advance(1000, 100, 10, [1050, 1900, 2001])).toMatchObject({ release: 2, playheadMs: 2000 });
  });

  it('shows a frame full at a time when there is no pace', () => {
    const times = Array.from({ length: 400 }, (_, i) => i);
    expect(advance(0, 16, 'max', times)).toEqual({ release: 150, playheadMs: 149, skippedMs: 0 });
  });

  it('waits no longer than a moment for what comes after a silence, and says how much it left out', () => {
    const { release, playheadMs, skippedMs } = advance(0, 100, 1, [3_600_000]);
    expect(release).toBe(0);
    expect(3_600_000 - playheadMs).toBe(1500);
    expect(skippedMs).toBe(3_600_000 - 1500 - 100);
  });

  it('does not run ahead of records that a frame cannot show', () => {
    const times = Array.from({ length: 400 }, (_, i) => i / 10);
    expect(advance(0, 100, 1, times).playheadMs).toBeCloseTo(14.9);
  });

  it('counts little of the time in which a hidden page did not draw', () => {
    expect(advance(0, 60_000, 1, [100, 200, 300]).release).toBe(2);
  });

  it('stands where nothing waits', () => {
    expect(advance(7, 100, 1, [])).toEqual({ playheadMs: 7, release: 0, skippedMs: 0 });
  });
});

describe('where to go', () => {
  const NOW_MS = new Date(2026, 5, 15, 12, 30).getTime();

  it('is an offset, a cursor, a time or how long ago', () => {
    expect(readPlace('1200', NOW_MS)).toEqual({ offset: 1200 });
    expect(readPlace(' 4-1200 ', NOW_MS)).toEqual({ cursor: { epoch: 4, offset: 1200 } });
    expect(readPlace('5m', NOW_MS)).toEqual({ sinceMs: NOW_MS - 300_000 });
    expect(readPlace('1.5 h ago', NOW_MS)).toEqual({ sinceMs: NOW_MS - 5_400_000 });
    expect(readPlace('live', NOW_MS)).toBe('live');
  });

  it('is today, or yesterday where that is yet to come', () => {
    expect(readPlace('12:00:30', NOW_MS)).toEqual({ sinceMs: new Date(2026, 5, 15, 12, 0, 30).getTime() });
    expect(readPlace('23:59', NOW_MS)).toEqual({ sinceMs: new Date(2026, 5, 14, 23, 59).getTime() });
    expect(readPlace('2026-06-01 08:00', NOW_MS)).toEqual({ sinceMs: new Date(2026, 5, 1, 8).getTime() });
    expect(readPlace('2026-06-01', NOW_MS)).toEqual({ sinceMs: new Date(2026, 5, 1).getTime() });
  });

  it('is nothing else', () => {
    for (const text of ['', 'soon', '25:00', '12:61', '1-2-3', '2026-99-99']) {
      expect(readPlace(text, NOW_MS), text).toBeUndefined();
    }
  });
});
