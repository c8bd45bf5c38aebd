/**
 * Looks into the data folder of a hub that does not run: every channel with its offsets and size. Opens the store, so
 * it fails with `store-failed` while a hub holds it. Called by the command `inspect`.
 */
import type { Inspection } from '../ops/inspection.ts';
import { channelsOf } from './channel-catalogue.ts';
import { createRocksStore } from './rocks-store.ts';
import { SegmentStore } from './segment-store.ts';
import { storeFolder } from './store-folder.ts';
import { EPOCH_KEY } from './store-keys.ts';

export async function inspectFolder(dataFolder: string): Promise<Inspection> {
  const store = createRocksStore(storeFolder(dataFolder));
  await store.open();
  try {
    const epoch = Number((await store.get(EPOCH_KEY))?.toString('ascii') ?? 0);
    return { epoch, unpersistedBytes: 0, ringBytes: 0, channels: await channelsOf(new SegmentStore(store)) };
  } finally {
    await store.close();
  }
}
