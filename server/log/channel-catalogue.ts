/**
 * Lists the channels that a store holds, for `inspect` and `/inspect`. Walks the names in pages; reads no records but the
 * last run of each channel.
 */
import type { InspectedChannel } from '../ops/inspection.ts';
import type { SegmentStore } from './segment-store.ts';

const CHANNELS_AT_ONCE = 1000;

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
