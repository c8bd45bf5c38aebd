/**
 * Decides at each start whether the hub goes on in its epoch or begins a new one, and marks a clean stop. I7 rests on it:
 * no position is ever given again.
 *
 * A stop is clean when everything was flushed and the mark was written after it. The mark names a file beside the
 * store by its inode and time of change: a folder that was restored from a backup has other ones, so a backup of a
 * clean stop does not pass for it. A new epoch is synced, and an old mark removed, before anything is accepted.
 */
import { mkdir, open, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { nanoid } from 'nanoid';
import type { Clock } from '../../shared/clock.ts';
import type { Epoch } from '../../shared/terms.ts';
import type { OrderedStore } from './ordered-store.ts';
import { CLEAN_KEY, EPOCH_KEY } from './store-keys.ts';

const STAMP_FILE = 'clean-stop';

/** The last epoch by this clock of a store that remembers none: two hubs in one second must not share theirs. */
const latest = new WeakMap<Clock, Epoch>();

export interface EpochStart {
  readonly epoch: Epoch;
  readonly isNew: boolean;
}

/** The epoch of this run of the hub. `folder` is null for a store that is not durable. */
export async function enterEpoch(
  store: OrderedStore,
  folder: string | null,
  clock: Clock,
): Promise<EpochStart> {
  const stored = await store.get(EPOCH_KEY);
  const previous = stored ? Number(stored.toString('ascii')) : 0;
  const mark = await store.get(CLEAN_KEY);
  const stamp = folder === null ? null : await readStamp(folder);
  const clean = previous > 0 && mark !== undefined && stamp !== null && mark.toString('ascii') === stamp;
  const least = Math.max(previous, folder === null ? (latest.get(clock) ?? 0) : 0) + 1;
  const epoch = clean ? previous : Math.max(least, Math.floor(clock.nowMs() / 1000));
  if (folder === null) latest.set(clock, epoch);
  await store.write([
    { type: 'put', key: EPOCH_KEY, value: Buffer.from(String(epoch), 'ascii') },
    { type: 'del', key: CLEAN_KEY },
  ]);
  if (folder !== null) await rm(join(folder, STAMP_FILE), { force: true });
  return { epoch, isNew: !clean };
}

/** To be called after a complete flush, as the last write. */
export async function markCleanStop(store: OrderedStore, folder: string | null): Promise<void> {
  if (folder === null) return;
  await mkdir(folder, { recursive: true });
  const file = await open(join(folder, STAMP_FILE), 'w');
  try {
    await file.writeFile(nanoid());
    await file.sync();
  } finally {
    await file.close();
  }
  const stamp = await readStamp(folder);
  if (stamp !== null)
    await store.write([{ type: 'put', key: CLEAN_KEY, value: Buffer.from(stamp, 'ascii') }]);
}

async function readStamp(folder: string): Promise<string | null> {
  try {
    const { ino, ctimeNs } = await stat(join(folder, STAMP_FILE), { bigint: true });
    return `${ino}-${ctimeNs}`;
  } catch {
    return null;
  }
}
