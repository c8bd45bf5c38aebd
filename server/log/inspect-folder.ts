/**
 * Looks into the data folder of a hub that does not run: every channel with its offsets and size. Opens the store, so
 * it fails with `store-failed` while a hub holds it. Called by the command `inspect`.
 */
import type { InspectedChannel, Inspection } from '../ops/inspection.ts';
import { createRocksStore } from './rocks-store.ts';
import { SegmentStore } from './segment-store.ts';
import { storeFolder } from './store-folder.ts';
import { EPOCH_KEY } from './store-keys.ts';

const CHANNELS_AT_ONCE = 1000;

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

/** Every channel that is stored, by number. */
export async function channelsOf(store: SegmentStore): Promise<InspectedChannel[]> {
  const channels: InspectedChannel[] = [];
  for (let from = 0; ; ) {
    const page = await store.channelsFrom(from, CHANNELS_AT_ONCE);
    const found = await Promise.all(page.map(({ name }) => store.findChannel(name)));
    page.forEach(({ name, number }, i) => {
      const meta = found[i];
      if (!meta) return;
      channels.push({
        name,
        number,
        head: meta.headOffset,
        oldest: meta.oldestOffset,
        durable: meta.headOffset,
        ringBytes: 0,
        storedBytes: meta.headBytes - meta.oldestBytes,
        subscriptions: 0,
      });
    });
    const last = page.at(-1);
    if (!last) return channels;
    from = last.number + 1;
  }
}
