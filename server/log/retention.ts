/**
 * Removes what a channel no longer has to keep: whole values, oldest first, by records, bytes and age. A value goes
 * only when what remains, and is synced, still satisfies the limits, so a channel keeps at least its limit, even over a
 * crash, and up to a run more.
 * log-set calls it for channels in turn; the deletions travel with the next write of write-behind.
 */
import type { Clock } from '../../shared/clock.ts';
import type { Offset } from '../../shared/terms.ts';
import type { ChannelLog, RunExtent } from './channel-log.ts';
import { epochAt } from './log-bounds.ts';
import type { Segment } from './segment.ts';
import type { SegmentStore } from './segment-store.ts';
import { runKey, type StoredRun } from './store-keys.ts';
import type { WriteBehind } from './write-behind.ts';

/** How much is read at once where something may go; the first look reads one value. */
const LOOK_BYTES = 1024 * 1024;

export class Retention {
  readonly #store: SegmentStore;
  readonly #writeBehind: WriteBehind;
  readonly #clock: Clock;

  constructor(store: SegmentStore, writeBehind: WriteBehind, clock: Clock) {
    this.#store = store;
    this.#writeBehind = writeBehind;
    this.#clock = clock;
  }

  /** Trims `log` as far as its limits allow now. Rejects with `store-failed`. */
  async apply(log: ChannelLog): Promise<void> {
    for (let lookBytes = 1; this.#mayHaveExpired(log); lookBytes = LOOK_BYTES) {
      const stored = log.oldestOffset < log.ringFirstOffset;
      const trimmed = stored ? await this.#trimStored(log, lookBytes) : this.#trimRing(log);
      if (!trimmed) return;
    }
  }

  /** Whether `log` has outgrown its limits; age aside, which passes without anything being appended. */
  isOutgrown(log: ChannelLog): boolean {
    return log.oldestOffset <= log.durableOffset && isOversize(log, log.oldestRun ?? shortestExtent(log));
  }

  /** A look that costs nothing, before any is read. */
  #mayHaveExpired(log: ChannelLog): boolean {
    if (log.oldestOffset > log.durableOffset) return false;
    return this.#isExpired(log, log.oldestRun ?? shortestExtent(log));
  }

  #isExpired(log: ChannelLog, run: RunExtent): boolean {
    const { maxAgeMs } = log.retention;
    return isOversize(log, run) || (maxAgeMs !== null && this.#clock.nowMs() - run.lastTimeMs > maxAgeMs);
  }

  async #trimStored(log: ChannelLog, lookBytes: number): Promise<boolean> {
    const epoch = epochAt(log, log.oldestOffset);
    // Only what had left the ring before the read. What leaves it meanwhile was read in parts, and is one value by now,
    // under the key of the first of them.
    const { ringFirstOffset } = log;
    const runs = await this.#store.runsFrom(log.number, epoch, log.oldestOffset, lookBytes);
    // Its state may be made from these records just now.
    if (log.contents === 'loading') return false;
    const stored = runs.filter((run) => run.firstOffset >= log.oldestOffset && endOf(run) < ringFirstOffset);
    const expired: StoredRun[] = [];
    for (const run of stored) {
      if (!this.#isExpired(log, extentOfRun(run))) break;
      expired.push(run);
    }
    const last = expired.at(-1);
    if (!last) {
      log.oldestRun = stored[0] && extentOfRun(stored[0]);
      return false;
    }
    const keys = expired.map((run) => runKey(log.number, run.epoch, run.firstOffset));
    log.trimTo(endOf(last) + 1, last.bytesBefore + last.bytes.length - last.start);
    this.#writeBehind.addTrim({ log, keys });
    return expired.length === stored.length;
  }

  /** Trims the oldest segment of the ring: whole, as its parts on disk may yet become one value. */
  #trimRing(log: ChannelLog): boolean {
    const segment = log.segments[0];
    if (!segment?.isWritten || segment.suspects || !this.#isExpired(log, extentOf(segment))) return false;
    log.seal(segment);
    const keys = segment.parts.map((part) => runKey(log.number, segment.epoch, part));
    log.trimTo(segment.lastOffset + 1, segment.bytesBefore + segment.lengthBytes);
    log.dropOldestSegment();
    this.#writeBehind.addTrim({ log, keys });
    return true;
  }
}

/** Whether what remains without `run`, the oldest, still satisfies the limits by records or bytes. */
function isOversize(log: ChannelLog, run: RunExtent): boolean {
  const { maxRecords, maxBytes } = log.retention;
  return (
    (maxRecords !== null && log.durableOffset - run.lastOffset >= maxRecords) ||
    (maxBytes !== null && log.durableBytes - run.endBytes >= maxBytes)
  );
}

function endOf(run: StoredRun): Offset {
  return run.firstOffset + run.count - 1;
}

function extentOfRun(run: StoredRun): RunExtent {
  const endBytes = run.bytesBefore + run.bytes.length - run.start;
  return { lastOffset: endOf(run), endBytes, lastTimeMs: run.lastTimeMs };
}

/** What the oldest run is at least, where nobody has looked: one record, as old as can be. */
function shortestExtent({ oldestOffset, oldestBytes }: ChannelLog): RunExtent {
  return { lastOffset: oldestOffset, endBytes: oldestBytes + 1, lastTimeMs: 0 };
}

function extentOf(segment: Segment): RunExtent {
  return {
    lastOffset: segment.lastOffset,
    endBytes: segment.bytesBefore + segment.lengthBytes,
    lastTimeMs: segment.lastTimeMs,
  };
}
