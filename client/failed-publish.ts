/** Tells the application of a publish whose promise is gone with the page that made it. Called by the outbox's keeper. */
import type { FailedPublish } from '../shared/errors.ts';
import type { RecordMeta } from '../shared/terms.ts';
import { readValue } from '../shared/value-reader.ts';
import type { WrittenRecord } from './record-writer.ts';

/** What was published, for people and programs that have to decide what is to become of it. */
export function publishOf(channel: string, { chunk, start, end }: WrittenRecord): FailedPublish {
  const record = readValue(chunk, start, end, false);
  const [key, meta, payload] = record as [string | null, RecordMeta | null, Uint8Array];
  return { channel, key, meta, data: readValue(payload, 0, payload.length, true) };
}
