/** Whole histories of a data folder, and what becomes of the cursors that readers hold from each part of them. */
import { execFile } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeEach, describe, expect, test } from 'vitest';
import type { ChannelLog } from '../../../server/log/channel-log.ts';
import { createRocksStore } from '../../../server/log/rocks-store.ts';
import { storeFolder } from '../../../server/log/store-folder.ts';
import { ManualClock } from '../../../shared/clock.ts';
import { type Cursor, compareCursors } from '../../../shared/terms.ts';
import {
  crash,
  crashWhenFinished,
  drive,
  flush,
  type OpenLogs,
  openLogs,
  publish,
} from '../../support/open-logs.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const STOP_MS = 1e12;

let folder: string;
let clock: ManualClock;
let opened: OpenLogs;
let log: ChannelLog;

beforeEach(async () => {
  folder = await tempFolder();
  clock = new ManualClock(1_700_000_000_000);
  await start();
});

async function start(): Promise<void> {
  opened = crashWhenFinished(await openLogs({ folder, clock }, createRocksStore(storeFolder(folder))));
  log = await opened.logs.openLog('a');
}

/** So many records; those that are synced, and those that only the memory has. */
async function append(synced: number, unsynced = 0): Promise<void> {
  for (let i = 0; i < synced; i++) publish(opened.logs, log, clock.nowMs(), 10);
  if (synced > 0) await flush(opened);
  for (let i = 0; i < unsynced; i++) publish(opened.logs, log, clock.nowMs(), 10);
}

/** As SIGKILL does: what is not synced is gone. */
async function killAndStart(): Promise<void> {
  await crash(opened);
  await start();
}

async function stop(): Promise<void> {
  expect(await drive(opened, opened.logs.stop(STOP_MS))).toBe(true);
}

/** By a careful backup: with owners, times and links. */
async function copy(from: string, to: string): Promise<void> {
  await promisify(execFile)('cp', ['-a', from, to]);
}

/**
 * What a reader that resumes at `cursor` is given until the head: "1..3" for records, "lost after 2" where an epoch
 * ended. Positions only grow on the way but where records are withdrawn.
 */
async function resume(cursor: Cursor): Promise<string[]> {
  const given: string[] = [];
  for (let at = cursor; ; ) {
    const page = await opened.logs.reader.read(log, log, at, 65_536);
    if (page.kind === 'head') return given;
    if (page.kind === 'unknown-cursor') return [...given, 'unknown'];
    const next =
      page.kind === 'gap' ? page.gap.upTo : { epoch: page.epoch, offset: page.prevOffset + page.count };
    expect(compareCursors(next, at)).toBeGreaterThan(0);
    if (page.kind === 'run') given.push(`${page.firstOffset}..${next.offset}`);
    else {
      expect(page.gap.count).toBe(null);
      given.push(`${page.gap.reason} after ${page.gap.after.offset}`);
    }
    at = next;
  }
}

describe('several kills in a row', () => {
  test('each end of an epoch is told to every reader that crosses it, and nothing is given twice', async () => {
    const cursors: Cursor[] = [];
    for (let i = 0; i < 3; i++) {
      await append(2, 1);
      cursors.push(log.head);
      await killAndStart();
    }
    await append(1);
    expect(log.epochs.map(({ prevOffset }) => prevOffset)).toEqual([0, 2, 4, 6]);
    const rest = ['lost after 4', '5..6', 'lost after 6', '7..7'];
    expect(await resume({ epoch: cursors[0]!.epoch, offset: 0 })).toEqual([
      '1..2',
      'lost after 2',
      '3..4',
      ...rest,
    ]);
    // Each was shown a record that the kill took: it is withdrawn.
    expect(await resume(cursors[0]!)).toEqual(['lost after 2', '3..4', ...rest]);
    expect(await resume(cursors[1]!)).toEqual(rest);
    expect(await resume(cursors[2]!)).toEqual(['lost after 6', '7..7']);
  });

  test('epochs in which nothing was synced are told of too', async () => {
    await append(2);
    const before = log.head;
    await append(0, 1);
    await killAndStart();
    const [empty] = [log.head];
    await append(0, 2);
    const shown = log.head;
    await killAndStart();
    await killAndStart();
    await append(1);
    expect(await resume(before)).toEqual(['lost after 2', '3..3']);
    expect(await resume(empty)).toEqual(['lost after 2', '3..3']);
    expect((await resume(shown)).at(-1)).toBe('3..3');
    expect((await resume(shown)).slice(0, -1)).toEqual(['lost after 2']);
  });

  test('one just after a clean stop and start, before anything was accepted, begins an epoch', async () => {
    await append(2);
    const { epoch } = opened.logs;
    await stop();
    await start();
    expect(opened.logs.epoch).toBe(epoch);
    await killAndStart();
    expect(opened.logs.epoch).toBeGreaterThan(epoch);
    expect(await resume({ epoch, offset: 2 })).toEqual(['lost after 2']);
  });
});

test('clean stops are no holes', async () => {
  await append(1);
  const cursor = log.head;
  for (let i = 0; i < 2; i++) {
    await append(0, 1);
    await stop();
    await start();
  }
  expect(await resume(cursor)).toEqual(['2..3']);
});

describe('another history', () => {
  test('of a folder that was wiped: all is withdrawn from old cursors, and they are given all of the new one', async () => {
    await append(5);
    const old = log.head;
    await stop();
    await rm(folder, { recursive: true });
    clock.advance(1000);
    await start();
    expect(await resume(old)).toEqual(['lost after 0']);
    await append(2);
    expect(await resume(old)).toEqual(['lost after 0', '1..2']);
    expect(await resume({ ...old, offset: 1 })).toEqual(['lost after 0', '1..2']);
  });

  test('of a folder that was restored: what came after the backup is withdrawn', async () => {
    await append(3);
    await stop();
    const backup = join(await tempFolder(), 'backup');
    await copy(folder, backup);
    await start();
    await append(4);
    const after = log.head;
    await stop();
    await rm(folder, { recursive: true });
    await copy(backup, folder);
    await start();
    expect(opened.logs.epoch).toBeGreaterThan(after.epoch);
    await append(2);
    expect(await resume({ ...after, offset: 1 })).toEqual(['2..3', 'lost after 3', '4..5']);
    expect(await resume(after)).toEqual(['lost after 3', '4..5']);
  });

  test('a cursor beyond the head of its epoch, or of an epoch to come, is unknown', async () => {
    await append(2);
    const { epoch, offset } = log.head;
    expect(await resume({ epoch, offset: offset + 1 })).toEqual(['unknown']);
    expect(await resume({ epoch: epoch + 1, offset: 1 })).toEqual(['unknown']);
  });
});
