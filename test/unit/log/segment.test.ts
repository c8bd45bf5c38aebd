import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ChannelLog } from '../../../server/log/channel-log.ts';
import { Segment } from '../../../server/log/segment.ts';
import { SEGMENT_BYTES, SlabAllocator } from '../../../server/log/slab-allocator.ts';
import { payloadOf } from '../../support/open-logs.ts';
import { recordsIn } from '../../support/stored-runs.ts';

const FIRST = 101;
/** What a record without key and meta takes beside its payload, below 256 bytes. */
const OVERHEAD = 14;

function segmentOf(...payloadBytes: number[]): Segment {
  const segment = new Segment({} as ChannelLog, new SlabAllocator(), 5, FIRST, 7000, 256);
  payloadBytes.forEach((bytes, i) => {
    if (!segment.tryAppend(1000 + i, null, null, payloadOf(i, bytes))) throw new Error('it is full');
  });
  return segment;
}

const sizes = fc.array(fc.oneof(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 200, max: 5000 })), {
  minLength: 1,
  maxLength: 40,
});

describe('a segment that grows', () => {
  test('keeps every record while its slice is exchanged for larger ones, and gives the old ones back', () => {
    const slabs = new SlabAllocator();
    const segment = new Segment({} as ChannelLog, slabs, 5, FIRST, 0, 1);
    const capacities = new Set([segment.capacityBytes]);
    for (let i = 0; segment.tryAppend(i, `k${i}`, null, payloadOf(i, 90)); i++) {
      capacities.add(segment.capacityBytes);
      expect(slabs.usedBytes).toBe(segment.capacityBytes);
    }
    expect([...capacities]).toEqual([256, 1024, 4096, 16_384, SEGMENT_BYTES]);
    const records = recordsIn([segment.read(FIRST, segment.lastOffset, Number.POSITIVE_INFINITY)]);
    expect(records).toHaveLength(segment.count);
    records.forEach(({ offset, key, payload }, i) => {
      expect([offset, key, payloadOf(i, 90).equals(payload)]).toEqual([FIRST + i, `k${i}`, true]);
    });
    segment.release();
    expect(slabs.usedBytes).toBe(0);
  });

  test('is full at 64 KiB to the byte', () => {
    const fits = segmentOf(100);
    const rest = SEGMENT_BYTES - fits.lengthBytes - OVERHEAD - 1;
    expect(fits.tryAppend(2000, null, null, payloadOf(1, rest + 1))).toBe(false);
    expect(fits.count).toBe(1);
    expect(fits.tryAppend(2000, null, null, payloadOf(1, rest))).toBe(true);
    expect(fits.lengthBytes).toBe(SEGMENT_BYTES);
    expect(fits.tryAppend(2000, null, null, payloadOf(2, 1))).toBe(false);
  });

  test('takes one record of any size while it is empty, and then none', () => {
    const segment = segmentOf(300_000);
    expect(segment.count).toBe(1);
    expect(segment.tryAppend(2000, null, null, payloadOf(1, 1))).toBe(false);
    const [record] = recordsIn([segment.read(FIRST, FIRST, 1)]);
    expect(payloadOf(0, 300_000).equals(record!.payload)).toBe(true);
  });
});

describe('reading a segment', () => {
  test('gives any stretch of it, as many whole records as fit, but at least one', () => {
    fc.assert(
      fc.property(sizes, fc.nat(), fc.nat(), fc.nat({ max: 20_000 }), (all, from, until, maxBytes) => {
        fc.pre(all.reduce((sum, bytes) => sum + bytes + 16, 0) <= SEGMENT_BYTES);
        const segment = segmentOf(...all);
        const first = from % all.length;
        const last = first + (until % (all.length - first));
        // Reading must not depend on how far it is written, which is a place to scan from.
        segment.markWritten(FIRST + (until % all.length), FIRST);
        const slice = segment.read(FIRST + first, FIRST + last, maxBytes);
        const records = recordsIn([slice]);
        const payloads = records.map(({ payload }) => payload);
        const wanted = all.slice(first, first + slice.count).map((bytes, i) => payloadOf(first + i, bytes));
        expect(Buffer.concat(payloads).equals(Buffer.concat(wanted))).toBe(true);
        expect(payloads.map(({ length }) => length)).toEqual(wanted.map(({ length }) => length));
        if (slice.count > 1) expect(slice.end - slice.start).toBeLessThanOrEqual(maxBytes);
        if (slice.count < last - first + 1) {
          const one = segment.read(FIRST + first + slice.count, FIRST + last, 1);
          expect(slice.end - slice.start + one.end - one.start).toBeGreaterThan(maxBytes);
        }
      }),
      { numRuns: 300 },
    );
  });

  test('finds the first record at or after a time', () => {
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 3 }), { minLength: 1, maxLength: 60 }), fc.nat(), (deltas, at) => {
        const segment = segmentOf();
        let timeMs = 500;
        const times = deltas.map((delta, i) => {
          timeMs += delta;
          segment.tryAppend(timeMs, null, null, payloadOf(i, 200));
          return timeMs;
        });
        const wantedMs = 499 + (at % (timeMs - 499 + 2));
        const found = times.findIndex((time) => time >= wantedMs);
        expect(segment.offsetAtTime(wantedMs)).toBe(found < 0 ? undefined : FIRST + found);
      }),
      { numRuns: 300 },
    );
  });
});

describe('what is known of a segment on disk', () => {
  test('it may go once it is sealed, written and one value', () => {
    const segment = segmentOf(10, 10);
    const may = () => [segment.isWritten, segment.needsMerge, segment.isEvictable];
    segment.markWritten(FIRST, FIRST);
    expect(may()).toEqual([false, false, false]);
    segment.markWritten(FIRST + 1, FIRST + 1);
    expect(may()).toEqual([true, false, false]);
    segment.state = 'sealed';
    expect(may()).toEqual([true, true, false]);
    segment.markWritten(FIRST + 1, FIRST);
    expect(may()).toEqual([true, false, true]);
  });

  test('in doubt, it forgets what is written but no key that may be on disk, until it is written again', () => {
    const segment = segmentOf(10, 10, 10);
    segment.state = 'sealed';
    segment.markWritten(FIRST, FIRST);
    segment.markWritten(FIRST + 1, FIRST + 1);
    segment.markSuspect(FIRST + 2);
    segment.markSuspect(FIRST);
    expect(segment.suspects).toEqual([FIRST, FIRST + 1, FIRST + 2]);
    expect(segment).toMatchObject({ writtenCount: 0, writtenBytes: 0, parts: [] });
    expect([segment.needsMerge, segment.isEvictable]).toEqual([true, false]);
    segment.markWritten(FIRST + 2, FIRST);
    expect(segment).toMatchObject({ suspects: undefined, writtenCount: 3, isEvictable: true });
    expect(segment.writtenBytes).toBe(segment.lengthBytes);
  });

  test('released, it is not touched by a write that comes too late', () => {
    const segment = segmentOf(10, 10);
    segment.release();
    segment.markWritten(FIRST + 1, FIRST + 1);
    segment.markSuspect(FIRST);
    expect(segment).toMatchObject({ writtenCount: 0, suspects: undefined, needsMerge: false });
  });
});
