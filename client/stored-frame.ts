/** Publish frames as outbox stores keep them, and back. Called by the outbox and its keeper. */
import type { FailedPublish } from '../shared/errors.ts';
import { formatCursor, parseCursor, type RecordMeta } from '../shared/terms.ts';
import { readValue } from '../shared/value-reader.ts';
import type { StoredEntry } from './outbox-store.ts';
import type { OutboxEntry, Pending } from './publish-queue.ts';
import type { WrittenRecord } from './record-writer.ts';

/** What becomes of a stored publish whose promise is gone. */
export type RejectStored = (channel: string, record: WrittenRecord, error: unknown) => void;

/** In bytes of its own: a store that clones a view would clone all that lies around it. */
export function storedEntry(
  { channel, pending, expectedCursor }: OutboxEntry,
  sequence: number,
): StoredEntry {
  const bytes = new Uint8Array(pending.reduce((sum, { start, end }) => sum + end - start, 0));
  let at = 0;
  const ends = pending.map(({ chunk, start, end }) => {
    bytes.set(chunk.subarray(start, end), at);
    at += end - start;
    return at;
  });
  const cursor = expectedCursor ? formatCursor(expectedCursor) : null;
  return { channel, sequence, expectedCursor: cursor, bytes, ends };
}

export function restoredEntry(stored: StoredEntry, reject: RejectStored): OutboxEntry {
  const { channel, expectedCursor, bytes: chunk, ends } = stored;
  const pending = ends.map((end, index): Pending => {
    const start = ends[index - 1] ?? 0;
    const record: Pending = {
      chunk,
      start,
      end,
      // Checked when it was published.
      key: null,
      payloadBytes: 0,
      bytes: end - start,
      resolve: () => {},
      reject: (error) => reject(channel, record, error),
    };
    return record;
  });
  const cursor = expectedCursor === null ? null : parseCursor(expectedCursor);
  return { channel, pending, ...(cursor && { expectedCursor: cursor }) };
}

/** What was published, for people and programs that have to decide what is to become of it. */
export function publishOf(channel: string, { chunk, start, end }: WrittenRecord): FailedPublish {
  const record = readValue(chunk, start, end, false);
  const [key, meta, payload] = record as [string | null, RecordMeta | null, Uint8Array];
  return { channel, key, meta, data: readValue(payload, 0, payload.length, true) };
}
