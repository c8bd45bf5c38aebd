/**
 * How far an application is behind a channel, from positions and times that are known: where one is not, the lag is
 * unknown and never guessed. Pure. Asked by subscription.ts and lag-watch.ts.
 */
import { type Cursor, compareCursors } from '../shared/terms.ts';

export interface Lag {
  /** Between what the application has taken and the newest that is known, counted in offsets. */
  readonly records: number;
  /**
   * Age of the record that is taken next, by the hub's clock; while that one is still to come, the time since the
   * application had all. 0 when there is none.
   */
  readonly ms: number;
}

export const NO_LAG: Lag = Object.freeze({ records: 0, ms: 0 });

/** What is known of a subscription. */
export interface KnownPlace {
  /** Behind what the application has taken. */
  readonly taken: Cursor | null;
  /** The newest record that the client has heard of. */
  readonly newest: Cursor | null;
  /** When the next record to take was appended, where it is here; as all times the hub's Unix time, ms. */
  readonly nextTimeMs: number | undefined;
  /** When the record taken last was appended. */
  readonly takenTimeMs: number | undefined;
  /** When there was nothing to take last. */
  readonly liveMs: number | undefined;
  readonly hubTimeMs: number | undefined;
}

export function lagOf(known: KnownPlace): Lag | null {
  const { taken, newest, hubTimeMs } = known;
  if (!taken || !newest) return null;
  if (compareCursors(newest, taken) <= 0) return NO_LAG;
  // Offsets go on over epochs; after a loss they may be smaller, until its gap is taken.
  const records = newest.offset - taken.offset;
  const sinceMs = known.nextTimeMs ?? later(known.takenTimeMs, known.liveMs);
  if (records <= 0 || sinceMs === undefined || hubTimeMs === undefined) return null;
  return { records, ms: Math.max(0, Math.round(hubTimeMs - sinceMs)) };
}

/** What is to come was appended after both. */
function later(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined || b === undefined ? (a ?? b) : Math.max(a, b);
}

/** The most records and the longest time of all; null where one is unknown. */
export function largestOf(lags: Iterable<Lag | null>): Lag | null {
  let { records, ms } = NO_LAG;
  for (const lag of lags) {
    if (!lag) return null;
    records = Math.max(records, lag.records);
    ms = Math.max(ms, lag.ms);
  }
  return { records, ms };
}

/** Whether `lag` is to be told to whom `told` was told last: what is unknown only where there was a lag before. */
export function isNews(told: Lag | null, lag: Lag | null): boolean {
  if (!lag || !told) return lag ? true : Boolean(told?.records);
  return lag.records !== told.records || lag.ms !== told.ms;
}
