/**
 * The drop policies as pure decisions: given how far a reader lags and what it chose, what is to become of it. They are
 * asked only about readers that are not live (I21). Effects are the feeder's (gaps, sparse batches) and the connection's
 * (its end).
 */
import type { Offset } from '../../shared/terms.ts';
import type { SubscriptionTerms } from './subscription-terms.ts';

/** What was pushed since the subscription began and lies beyond its cursor: history that was asked for is no lag. */
export interface Lag {
  readonly records: number;
  readonly bytes: number;
}

/** `within` the limits, or it has none · `drop` the oldest until it is · `disconnect` the reader, to resume later. */
export type LagVerdict = 'within' | 'drop' | 'disconnect';

export function judgeLag(
  { policy, maxLagRecords, maxLagBytes }: SubscriptionTerms,
  { records, bytes }: Lag,
): LagVerdict {
  if (records <= maxLagRecords && bytes <= maxLagBytes) return 'within';
  // The newest record stays, whatever its size: then there is nothing to drop.
  if (policy === 'drop-oldest') return records > 1 ? 'drop' : 'within';
  return policy === 'disconnect' ? 'disconnect' : 'within';
}

/**
 * The last record to drop, so that no more than the limits remain; the newest record stays, whatever its size.
 *
 * @param fitsBytes the first record from which on the rest fits `maxLagBytes`
 */
export function dropThrough(
  { maxLagRecords }: SubscriptionTerms,
  headOffset: Offset,
  fitsBytes: Offset,
): Offset {
  const byRecords = maxLagRecords < headOffset ? headOffset - maxLagRecords : 0;
  return Math.min(headOffset - 1, Math.max(byRecords, fitsBytes - 1));
}
