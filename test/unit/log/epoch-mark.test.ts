import { execFile } from 'node:child_process';
import { readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { enterEpoch, markCleanStop } from '../../../server/log/epoch-mark.ts';
import { createMemoryStore } from '../../../server/log/memory-store.ts';
import type { OrderedStore } from '../../../server/log/ordered-store.ts';
import { createRocksStore } from '../../../server/log/rocks-store.ts';
import { storeFolder } from '../../../server/log/store-folder.ts';
import { CLEAN_KEY, EPOCH_KEY } from '../../../server/log/store-keys.ts';
import { ManualClock } from '../../../shared/clock.ts';
import { FaultyStore } from '../../support/faulty-store.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const START_S = 1_700_000_000;

let folder: string;
let clock: ManualClock;
beforeEach(async () => {
  folder = await tempFolder();
  clock = new ManualClock(START_S * 1000 + 999);
});

/** One run of a hub over the data folder `at`. */
async function run(at: string, end: 'clean' | 'killed'): Promise<number> {
  const store = createRocksStore(storeFolder(at));
  await store.open();
  onTestFinished(() => store.close());
  const { epoch } = await enterEpoch(store, at, clock);
  if (end === 'clean') await markCleanStop(store, at);
  await store.close();
  return epoch;
}

/** With owners, times and links, as a careful backup does. */
async function copy(from: string, to: string): Promise<void> {
  await promisify(execFile)('cp', ['-a', from, to]);
}

describe('the epoch of a data folder', () => {
  test('begins at the Unix time in seconds where the folder is empty', async () => {
    expect(await run(folder, 'killed')).toBe(START_S);
  });

  test('goes on after clean stops', async () => {
    for (let i = 0; i < 3; i++) {
      expect(await run(folder, 'clean')).toBe(START_S);
      clock.advance(5000);
    }
  });

  test('is another one after a kill, even one right after a clean stop and start', async () => {
    await run(folder, 'clean');
    clock.advance(5000);
    expect(await run(folder, 'killed')).toBe(START_S);
    expect(await run(folder, 'killed')).toBe(START_S + 5);
  });

  test('grows by one where the clock has not moved on, or goes back', async () => {
    expect(await run(folder, 'killed')).toBe(START_S);
    expect(await run(folder, 'killed')).toBe(START_S + 1);
    clock = new ManualClock(1000);
    expect(await run(folder, 'killed')).toBe(START_S + 2);
  });

  test('is another one in a copy, and goes on in the original', async () => {
    await run(folder, 'clean');
    const copied = join(await tempFolder(), 'copy');
    await copy(folder, copied);
    expect(await run(copied, 'clean')).toBe(START_S + 1);
    expect(await run(folder, 'clean')).toBe(START_S);
  });

  test('is another one in a backup that was restored in its place', async () => {
    await run(folder, 'clean');
    const backup = join(await tempFolder(), 'backup');
    await copy(folder, backup);
    await run(folder, 'clean');
    await rm(folder, { recursive: true });
    await copy(backup, folder);
    expect(await run(folder, 'clean')).toBe(START_S + 1);
  });

  test('is another one where only the store was restored', async () => {
    await run(folder, 'clean');
    const backup = join(await tempFolder(), 'log');
    await copy(storeFolder(folder), backup);
    await run(folder, 'clean');
    await rm(storeFolder(folder), { recursive: true });
    await copy(backup, storeFolder(folder));
    expect(await run(folder, 'clean')).toBe(START_S + 1);
  });

  test('goes on where the folder was moved', async () => {
    await run(folder, 'clean');
    const moved = `${folder}-moved`;
    onTestFinished(() => rm(moved, { recursive: true, force: true }));
    await rename(folder, moved);
    expect(await run(moved, 'clean')).toBe(START_S);
  });

  test('is another one where the file of the mark is gone', async () => {
    await run(folder, 'clean');
    for (const name of await readdir(folder)) {
      if (join(folder, name) !== storeFolder(folder)) await rm(join(folder, name));
    }
    expect(await run(folder, 'clean')).toBe(START_S + 1);
  });
});

describe('entering an epoch', () => {
  let store: OrderedStore;
  beforeEach(async () => {
    store = createMemoryStore({ keep: true });
    await store.open();
  });

  test('stores it and removes the mark before it resolves', async () => {
    await enterEpoch(store, folder, clock);
    await markCleanStop(store, folder);
    expect(await store.get(CLEAN_KEY)).not.toBe(undefined);
    expect(await enterEpoch(store, folder, clock)).toEqual({ epoch: START_S, isNew: false });
    expect((await store.get(EPOCH_KEY))?.toString()).toBe(String(START_S));
    expect(await store.get(CLEAN_KEY)).toBe(undefined);
    expect(await readdir(folder)).toEqual([]);
  });

  test('without a folder always begins a new one, and a stop leaves no mark', async () => {
    expect(await enterEpoch(store, null, clock)).toEqual({ epoch: START_S, isNew: true });
    await markCleanStop(store, null);
    expect(await store.get(CLEAN_KEY)).toBe(undefined);
    expect(await enterEpoch(store, null, clock)).toEqual({ epoch: START_S + 1, isNew: true });
  });

  test.each(['nothing-written', 'written-but-reported-failed'] as const)(
    'that could not be stored rejects, and none is entered twice (%s)',
    async (fault) => {
      await enterEpoch(store, folder, clock);
      await markCleanStop(store, folder);
      await store.close();
      const faulty = new FaultyStore(store);
      await faulty.open();
      faulty.failNextWrite(fault);
      await expect(enterEpoch(faulty, folder, clock)).rejects.toMatchObject({ code: 'store-failed' });
      await faulty.close();
      await faulty.open();
      // Nothing was accepted in between, so the clean stop may count still.
      const { epoch } = await enterEpoch(faulty, folder, clock);
      expect(epoch).toBe(fault === 'nothing-written' ? START_S : START_S + 1);
    },
  );
});
