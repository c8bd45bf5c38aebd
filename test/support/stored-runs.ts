/** What a store holds of a channel, and pages of it, as tests compare them. */
import type { RunPage } from '../../server/log/log-reader.ts';
import type { OrderedStore } from '../../server/log/ordered-store.ts';
import type { RunSlice } from '../../server/log/segment.ts';
import { channelRunRange, decodeRun, type StoredRun } from '../../server/log/store-keys.ts';
import { decodeValue } from '../../shared/msgpack.ts';
import { RunReader } from '../../shared/record-run.ts';
import type { LogRecord, Offset, RecordMeta } from '../../shared/terms.ts';

export interface PositionedRecord extends LogRecord {
  readonly offset: Offset;
}

/** The records of slices that lie behind each other. Throws where their counts or positions are not right. */
export function recordsIn(slices: readonly RunSlice[]): PositionedRecord[] {
  const records: PositionedRecord[] = [];
  for (const { bytes, start, end, firstOffset, count } of slices) {
    let offset = firstOffset;
    for (const reader = new RunReader(bytes, start, end); reader.next(); offset++) {
      const { timeMs, key, meta, payload } = reader;
      const decoded = meta && (decodeValue(meta, { timestamps: false }) as RecordMeta);
      records.push({ offset, timeMs, key, meta: decoded, payload: Buffer.from(payload) });
    }
    if (offset !== firstOffset + count) {
      throw new Error(`a slice from ${firstOffset} says ${count} records and holds ${offset - firstOffset}`);
    }
  }
  records.forEach(({ offset }, i) => {
    if (offset !== records[0]!.offset + i) throw new Error(`record ${offset} does not follow the one before`);
  });
  return records;
}

/** The records of a page, which keeps what it says of itself. */
export function recordsOf(page: RunPage): PositionedRecord[] {
  const records = recordsIn(page.slices);
  const bytes = page.slices.reduce((sum, { start, end }) => sum + end - start, 0);
  if (
    records.length !== page.count ||
    bytes !== page.bytes ||
    records[0]?.offset !== page.firstOffset ||
    page.prevOffset !== page.firstOffset - 1
  ) {
    throw new Error(`a page says other than it holds: ${JSON.stringify({ ...page, slices: undefined })}`);
  }
  return records;
}

/** The runs of a channel as they lie in the store. Throws where one is not what its header says, or two overlap. */
export async function storedRuns(store: OrderedStore, number: number): Promise<StoredRun[]> {
  const entries = await store.read(channelRunRange(number));
  const runs = entries.map(({ key, value }) => decodeRun(key, value));
  runs.forEach((run, i) => {
    const { bytes, start, firstOffset, count, bytesBefore } = run;
    recordsIn([{ bytes, start, end: bytes.length, firstOffset, count }]);
    const before = runs[i - 1];
    if (!before) return;
    if (before.epoch > run.epoch || before.firstOffset + before.count !== firstOffset) {
      throw new Error(
        `run ${run.epoch}-${firstOffset} does not follow ${before.epoch}-${before.firstOffset} of ${before.count}`,
      );
    }
    if (before.bytesBefore + before.bytes.length - before.start !== bytesBefore) {
      throw new Error(`run ${run.epoch}-${firstOffset} says ${bytesBefore} bytes lie before it`);
    }
  });
  return runs;
}

/** First offset and count of each stored run. */
export async function storedExtents(store: OrderedStore, number: number): Promise<[Offset, number][]> {
  return (await storedRuns(store, number)).map(({ firstOffset, count }) => [firstOffset, count]);
}
