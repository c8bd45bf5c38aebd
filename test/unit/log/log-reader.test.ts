import { beforeEach, describe, expect, test } from 'vitest';
import type { ChannelLog } from '../../../server/log/channel-log.ts';
import { cursorBefore } from '../../../server/log/log-bounds.ts';
import type { BackwardPage, LogReader, PageResult } from '../../../server/log/log-reader.ts';
import type { LogSet } from '../../../server/log/log-set.ts';
import { createMemoryStore } from '../../../server/log/memory-store.ts';
import type { OrderedStore } from '../../../server/log/ordered-store.ts';
import { runKey } from '../../../server/log/store-keys.ts';
import type { Cursor } from '../../../shared/terms.ts';
import {
  crash,
  crashWhenFinished,
  drive,
  flush,
  type OpenLogs,
  type OpenOptions,
  openLogs,
  payloadOf,
  publish,
  turns,
} from '../../support/open-logs.ts';
import { recordsOf } from '../../support/stored-runs.ts';

const KIB = 1024;
const PAGE_BYTES = 64 * KIB;

let inner: OrderedStore;
let opened: OpenLogs;
let logs: LogSet;
let log: ChannelLog;
let reader: LogReader;

/** Opens the folder, after a crash where it is open. */
async function open(options: OpenOptions = {}): Promise<void> {
  const clock = opened?.clock;
  if (opened) await crash(opened);
  opened = crashWhenFinished(await openLogs({ ...options, ...(clock && { clock }) }, inner));
  ({ logs } = opened);
  ({ reader } = logs);
  log = await logs.openLog('a');
}

beforeEach(async () => {
  inner = createMemoryStore({ keep: true });
  opened = undefined as unknown as OpenLogs;
  await open();
});

async function write(...sizes: number[]): Promise<void> {
  publish(logs, log, opened.clock.nowMs(), ...sizes);
  await flush(opened);
}

const at = (offset: number, epoch = logs.epoch): Cursor => ({ epoch, offset });
const offsetsOf = (page: PageResult | BackwardPage['page']) =>
  page?.kind === 'run' ? recordsOf(page).map(({ offset }) => offset) : page;
const forward = (cursor: Cursor, maxBytes = PAGE_BYTES) => reader.read(log, log, cursor, maxBytes);

async function backward(cursor: Cursor, limit = 100, maxBytes = PAGE_BYTES): Promise<BackwardPage> {
  const result = await reader.readBackward(log, log, cursor, limit, maxBytes);
  if ('kind' in result) throw new Error('the cursor is unknown');
  return result;
}

/** Takes a stored run away, as a broken disk does. */
async function breakRun(firstOffset: number): Promise<void> {
  await opened.store.write([{ type: 'del', key: runKey(log.number, logs.epoch - 1, firstOffset) }]);
}

describe('a page', () => {
  test('joins stored runs up to its size, whatever they were written as', async () => {
    for (let i = 0; i < 6; i++) await write(1000, 1000);
    await open();
    const epoch = logs.epoch - 1;
    expect(offsetsOf(await forward(at(0, epoch)))).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
    expect(offsetsOf(await forward(at(2, epoch), 3500))).toEqual([3, 4, 5]);
    expect(offsetsOf((await backward(at(11, epoch), 100, 4500)).page)).toEqual([9, 10, 11]);
  });

  test('has one record that is larger than the page, from the ring and from the store', async () => {
    await write(10, 200 * KIB, 10);
    for (const epoch of [logs.epoch, logs.epoch]) {
      expect(offsetsOf(await forward(at(0, epoch), 100))).toEqual([1]);
      expect(offsetsOf(await forward(at(1, epoch), 100))).toEqual([2]);
      expect(offsetsOf(await forward(at(2, epoch), 100))).toEqual([3]);
      expect(offsetsOf((await backward(at(2, epoch), 100, 100)).page)).toEqual([2]);
      await open();
    }
  });

  test('of the ring is the caller’s own (it changed when its segment was evicted in the same tick)', async () => {
    const other = await logs.openLog('other');
    await write(1000);
    log.seal(log.segments[0]!);
    const pages = [reader.read(log, log, at(0), PAGE_BYTES), reader.readBackward(log, log, at(1), 9, 9)];
    log.dropOldestSegment();
    publish(logs, other, opened.clock.nowMs(), 1001);
    for (const result of await Promise.all(pages)) {
      const page = 'page' in result ? result.page : result;
      if (page?.kind !== 'run') throw new Error('there is no page');
      expect(payloadOf(1, 1000).equals(recordsOf(page)[0]!.payload)).toBe(true);
    }
  });
});

describe('reading beside retention', () => {
  beforeEach(async () => {
    for (let i = 0; i < 4; i++) await write(40 * KIB);
    await open({ retention: { maxRecords: 1 } });
  });

  test('what is trimmed while it waits to be read is a gap of its exact size', async () => {
    const epoch = logs.epoch - 1;
    const stored = reader.readRing(log, log, at(0, epoch), PAGE_BYTES);
    if (stored.kind !== 'stored') throw new Error('it is not stored');
    await drive(opened, logs.maintain());
    await flush(opened);
    expect(await reader.readStored(log, stored, PAGE_BYTES)).toEqual({
      kind: 'gap',
      gap: { after: at(0, epoch), upTo: at(3, epoch), count: 3, reason: 'retention' },
    });
  });

  test('what is trimmed while it is read backward is the beginning (its reader skipped it without a word)', async () => {
    const epoch = logs.epoch - 1;
    const bounds = { ...log, epochs: log.epochs, currentEpoch: log.currentEpoch, oldestOffset: 1 };
    await drive(opened, logs.maintain());
    await flush(opened);
    expect(await reader.readBackward(log, bounds, at(2, epoch), 100, PAGE_BYTES)).toEqual({
      page: undefined,
      gaps: [],
      next: at(2, epoch),
      atEnd: true,
    });
  });
});

describe('a store that misses what it should hold', () => {
  beforeEach(async () => {
    for (let i = 0; i < 5; i++) await write(10, 10);
    await open();
    await breakRun(5);
  });
  const hole = (after: number, upTo: number) => ({
    after: at(after, logs.epoch - 1),
    upTo: at(upTo, logs.epoch - 1),
    count: upTo - after,
    reason: 'lost',
  });

  test('says so to who reads forward, and goes on behind it', async () => {
    const epoch = logs.epoch - 1;
    expect(offsetsOf(await forward(at(0, epoch)))).toEqual([1, 2, 3, 4]);
    expect(await forward(at(4, epoch))).toEqual({ kind: 'gap', gap: hole(4, 6) });
    expect(await forward(at(5, epoch))).toEqual({ kind: 'gap', gap: hole(5, 6) });
    expect(offsetsOf(await forward(at(6, epoch)))).toEqual([7, 8, 9, 10]);
    await breakRun(9);
    expect(await forward(at(8, epoch))).toEqual({ kind: 'gap', gap: hole(8, 10) });
  });

  test('says so to who reads backward, and goes on before it (the hole went without a word)', async () => {
    const epoch = logs.epoch - 1;
    const first = await backward(at(10, epoch));
    expect([offsetsOf(first.page), first.gaps]).toEqual([[7, 8, 9, 10], []]);
    const second = await backward(first.next);
    expect([offsetsOf(second.page), second.gaps, second.atEnd]).toEqual([[1, 2, 3, 4], [hole(4, 6)], true]);
    const none = await backward(at(6, epoch), 1);
    expect(none).toEqual({ page: undefined, gaps: [hole(5, 6)], next: at(5, epoch), atEnd: false });
  });
});

describe('reading backward over what a crash took', () => {
  beforeEach(async () => {
    await write(10, 10);
    publish(logs, log, opened.clock.nowMs(), 10);
    await open();
    await write(10);
  });

  test('from the beginning of an epoch, its end is told', async () => {
    const [old, now] = [logs.epoch - 1, logs.epoch];
    const page = await backward(at(3, now));
    expect([offsetsOf(page.page), page.gaps, page.next]).toEqual([[3], [], at(2, now)]);
    const before = await backward(page.next);
    const gaps = [{ after: at(2, old), upTo: at(2, now), count: null, reason: 'lost' }];
    expect([offsetsOf(before.page), before.gaps, before.next]).toEqual([[1, 2], gaps, at(0, old)]);
    expect(before.atEnd).toBe(true);
  });

  test('from beyond the kept end of an epoch, what was shown is withdrawn (it was not told)', async () => {
    const old = logs.epoch - 1;
    const page = await backward(at(3, old));
    const gaps = [{ after: at(2, old), upTo: at(3, old), count: null, reason: 'lost' }];
    expect([offsetsOf(page.page), page.gaps]).toEqual([[1, 2], gaps]);
  });

  test('before epoch 0 is nothing, whatever the offset (there was what lies before that offset)', async () => {
    expect(await backward(at(2, 0))).toEqual({ page: undefined, gaps: [], next: at(2, 0), atEnd: true });
  });
});

describe('the cursor at a time', () => {
  test('is found in the store and in the ring, and on the seam between them', async () => {
    const times: number[] = [];
    const add = async () => {
      times.push(opened.clock.nowMs());
      await write(30 * KIB);
      opened.clock.advance(10);
    };
    for (let i = 0; i < 6; i++) await add();
    await open();
    for (let i = 0; i < 6; i++) await add();
    while (log.segments.length > 1) log.dropOldestSegment();
    expect(log.ringFirstOffset).toBe(11);
    expect(log.oldestOffset).toBe(1);
    for (const [i, timeMs] of times.entries()) {
      const epoch = i < 6 ? logs.epoch - 1 : logs.epoch;
      expect(await reader.cursorAtTime(log, log, timeMs)).toEqual(at(i, epoch));
      expect(await reader.cursorAtTime(log, log, timeMs - 1)).toEqual(at(i, epoch));
    }
    expect(await reader.cursorAtTime(log, log, 0)).toEqual(at(0, logs.epoch - 1));
    expect(await reader.cursorAtTime(log, log, times.at(-1)! + 1)).toEqual(at(12));
  });

  test('among equal times is the first, though they lie in several runs', async () => {
    const { clock } = opened;
    const nowMs = clock.nowMs();
    for (let i = 0; i < 3; i++) publish(logs, log, nowMs, 40 * KIB);
    await flush(opened);
    for (let i = 0; i < 3; i++) publish(logs, log, nowMs + 5000, 40 * KIB);
    await flush(opened);
    while (log.segments.length > 1) log.dropOldestSegment();
    expect(await reader.cursorAtTime(log, log, nowMs + 5000)).toEqual(at(3));
    expect(await reader.cursorAtTime(log, log, nowMs)).toEqual(at(0));
  });

  test('time never goes back within a channel, even over a restart with a clock that was put back', async () => {
    await write(10);
    const { lastTimeMs } = log;
    await open();
    log.append(lastTimeMs - 60_000, null, null, payloadOf(2, 10));
    logs.writeBehind.endOfPublish();
    expect(log.lastTimeMs).toBe(lastTimeMs);
    await turns();
    expect(await reader.cursorAtTime(log, log, lastTimeMs)).toEqual(at(0, logs.epoch - 1));
  });
});

describe('the position at so many bytes', () => {
  /** For every number of bytes at and around each record, what adding up the records gives. */
  async function expectExact(): Promise<void> {
    const ends = [0];
    for (let offset = 1; offset <= log.headOffset; offset++) {
      const page = await forward(cursorBefore(log, offset), 1);
      if (page.kind !== 'run') throw new Error(`there is no record ${offset}, but a ${page.kind}`);
      ends.push(ends.at(-1)! + page.bytes);
    }
    expect(ends.at(-1)).toBe(log.headBytes);
    for (const end of ends) {
      for (const bytes of [end - 1, end, end + 1]) {
        const found = ends.findIndex((before) => before >= bytes);
        const expected = found < 0 ? log.headOffset + 1 : found + 1;
        expect([bytes, await reader.offsetAtBytes(log, bytes)]).toEqual([bytes, expected]);
      }
    }
  }

  beforeEach(async () => {
    for (let i = 0; i < 6; i++) await write(30 * KIB, 10, 300);
    await open();
    for (let i = 0; i < 6; i++) await write(30 * KIB, 10, 5000);
  });

  test('is found in the ring, in the store, over epochs and on the seams between them', async () => {
    while (log.segments.length > 1) log.dropOldestSegment();
    await expectExact();
  });

  test('is found where nothing is in memory', async () => {
    await open();
    await expectExact();
  });

  test('is told at once by the ring', () => {
    const newest = reader.offsetAtBytes(log, log.headBytes - 1);
    expect(newest).toBe(log.headOffset + 1);
    expect(reader.offsetAtBytes(log, log.headBytes - 5020)).toBe(log.headOffset);
    expect(typeof reader.offsetAtBytes(log, log.segments[0]!.bytesBefore)).toBe('number');
  });

  test('is never before the beginning, nor behind the head', async () => {
    await open({ retention: { maxRecords: 4 } });
    await drive(opened, logs.maintain());
    expect(log.oldestOffset).toBeGreaterThan(1);
    expect([0, log.oldestBytes, 1e12].map((bytes) => reader.offsetAtBytes(log, bytes))).toEqual([
      log.oldestOffset,
      log.oldestOffset,
      log.headOffset + 1,
    ]);
  });
});
