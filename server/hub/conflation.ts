/**
 * What conflation makes of a page of the log: the records that have no later one of their key, and what is missing
 * before each (I21). Pure over bytes; feeder frames the result. Records without a key always stay.
 */
import type { Missing } from '../../shared/frames.ts';
import { RunReader } from '../../shared/record-run.ts';
import type { Offset } from '../../shared/terms.ts';
import type { RunPage } from '../log/log-reader.ts';

export interface ConflatedPage {
  readonly offsets: readonly Offset[];
  /** The records that stay, one behind the other. */
  readonly run: Uint8Array;
  readonly missing: readonly Missing[];
  /** Left out before the last that stays. */
  readonly missingCount: number;
  /** Run bytes of the page up to the last that stays. */
  readonly bytes: number;
}

/** What is left out behind the last that stays is told with what comes after it. */
export function conflatePage(
  page: RunPage,
  isSuperseded: (key: string, offset: Offset) => boolean,
): ConflatedPage {
  const offsets: Offset[] = [];
  const parts: Uint8Array[] = [];
  const missing: Missing[] = [];
  let missingCount = 0;
  let sinceKept = 0;
  let passedBytes = 0;
  let keptBytes = 0;
  for (const { bytes, start, end, firstOffset } of page.slices) {
    let offset = firstOffset;
    for (const reader = new RunReader(bytes, start, end); reader.next(); offset++) {
      passedBytes += reader.end - reader.start;
      const { key } = reader;
      if (key !== null && isSuperseded(key, offset)) {
        sinceKept++;
        continue;
      }
      if (sinceKept > 0) missing.push({ index: offsets.length, count: sinceKept, reason: 'conflated' });
      missingCount += sinceKept;
      sinceKept = 0;
      offsets.push(offset);
      parts.push(bytes.subarray(reader.start, reader.end));
      keptBytes = passedBytes;
    }
  }
  return { offsets, run: Buffer.concat(parts), missing, missingCount, bytes: keptBytes };
}
