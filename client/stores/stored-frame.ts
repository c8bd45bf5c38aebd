/** Publish frames as outbox stores keep them, and back. Called by the outbox's keeper. */
import { formatCursor, parseCursor } from '../../shared/terms.ts';
import type { NumberedEntry, NumberedFrame, RestoredFrame } from '../outbox.ts';
import type { Pending } from '../publish-queue.ts';
import type { WrittenRecord } from '../record-writer.ts';
import type { StoredEntry, StoredFrame } from './outbox-store.ts';

/** What becomes of a stored publish whose promise is gone. */
export type RejectStored = (channel: string, record: WrittenRecord, error: unknown) => void;

export function storedFrame({ order, ack, firstSentMs, entries }: NumberedFrame): StoredFrame {
  return {
    order,
    ack: ack as StoredFrame['ack'],
    sentMs: firstSentMs,
    entries: entries.map(storedEntry),
  };
}

export function restoredFrame(stored: StoredFrame, reject: RejectStored): RestoredFrame {
  return { ...stored, entries: stored.entries.map((entry) => restoredEntry(entry, reject)) };
}

/** In bytes of its own: a store that clones a view would clone all that lies around it. */
function storedEntry({ channel, pending, expectedCursor, sequence }: NumberedEntry): StoredEntry {
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

function restoredEntry(stored: StoredEntry, reject: RejectStored): NumberedEntry {
  const { channel, sequence, expectedCursor, bytes: chunk, ends } = stored;
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
  return { channel, sequence, pending, ...(cursor && { expectedCursor: cursor }) };
}
