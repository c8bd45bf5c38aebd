/**
 * Makes the state index of a channel from what is stored, and brings it up to date where the channel kept no state for a
 * while: from the records since, or, where retention has taken some of those, anew from all that are kept. Called as a
 * channel is opened; nothing may be trimmed or appended meanwhile.
 */
import { RunReader } from '../../shared/record-run.ts';
import { ORIGIN } from '../../shared/terms.ts';
import type { ChannelLog } from './channel-log.ts';
import { cursorBefore } from './log-bounds.ts';
import type { LogReader } from './log-reader.ts';
import type { SegmentStore } from './segment-store.ts';
import { StateIndex, type StateLimits } from './state-index.ts';
import { readStateKey } from './store-keys.ts';

const PAGE_BYTES = 1024 * 1024;

/** The index of `log`, which holds no record in memory yet. Rejects with `store-failed`. */
export async function loadState(
  store: SegmentStore,
  reader: LogReader,
  log: ChannelLog,
  limits: StateLimits,
): Promise<StateIndex> {
  const storedOffset = await store.stateOffset(log.number);
  const index = new StateIndex(log.number, limits, storedOffset);
  await addStored(store, log, index);
  if (storedOffset === log.headOffset) return index;
  const isContinued = storedOffset >= log.oldestOffset - 1 && storedOffset < log.headOffset;
  if (!isContinued) index.discard();
  await addScanned(reader, log, index, isContinued ? storedOffset + 1 : log.oldestOffset);
  return index;
}

async function addStored(store: SegmentStore, log: ChannelLog, index: StateIndex): Promise<void> {
  for (let after = ORIGIN; ; ) {
    const entries = await store.readState(log.number, after, undefined, PAGE_BYTES);
    for (const { key, value } of entries) {
      const record = new RunReader(value);
      after = readStateKey(key);
      if (record.next() && record.key !== null) index.addStored(record.key, after);
    }
    if (entries.length === 0) return;
  }
}

async function addScanned(
  reader: LogReader,
  log: ChannelLog,
  index: StateIndex,
  fromOffset: number,
): Promise<void> {
  for (let at = cursorBefore(log, fromOffset); ; ) {
    const page = await reader.read(log, log, at, PAGE_BYTES);
    if (page.kind === 'gap') at = page.gap.upTo;
    else if (page.kind !== 'run') break;
    else {
      for (const slice of page.slices) index.addScanned(slice, page.epoch);
      at = { epoch: page.epoch, offset: page.prevOffset + page.count };
    }
  }
  index.endScan(log.headOffset);
}
