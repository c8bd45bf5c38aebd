/** The record of `$sys.hub`: what the hub did between two readings. Pure. */
import type { HubFigures, Percentiles } from '../../shared/figures.ts';
import type { Reading } from '../ops/metrics.ts';
import { percentilesOfBuckets } from './percentiles.ts';

/** Counted from the start of the hub. */
export type HubCounters = Pick<
  Reading,
  | 'publishedRecords'
  | 'publishedBytes'
  | 'deliveredRecords'
  | 'deliveredBytes'
  | 'replayedRecords'
  | 'replayedBytes'
  | 'gaps'
  | 'droppedRecords'
  | 'conflatedRecords'
> & {
  readonly pushCounts: ArrayLike<number>;
  readonly cpuMicroseconds: number;
};

/** As of now. */
export type HubGauges = Pick<
  HubFigures,
  | 'server'
  | 'epoch'
  | 'uptimeMs'
  | 'connections'
  | 'subscriptions'
  | 'lagging'
  | 'channels'
  | 'unpersistedMs'
  | 'unpersistedRecords'
  | 'unpersistedBytes'
  | 'storeFailing'
  | 'rssBytes'
  | 'heapBytes'
  | 'ringBytes'
  | 'bufferedBytes'
  | 'storedBytes'
>;

export function hubFiguresOf(
  before: HubCounters,
  after: HubCounters,
  intervalMs: number,
  gauges: HubGauges,
  eventLoopDelayMs: Percentiles,
  pushBoundsMs: readonly number[],
): HubFigures {
  const rate = (count: (counters: HubCounters) => number) =>
    Math.round(((count(after) - count(before)) * 1000) / intervalMs);
  return {
    intervalMs: Math.round(intervalMs),
    ...gauges,
    publishedPerSecond: rate((counters) => counters.publishedRecords),
    publishedBytesPerSecond: rate((counters) => counters.publishedBytes),
    deliveredPerSecond: rate((counters) => counters.deliveredRecords + counters.replayedRecords),
    deliveredBytesPerSecond: rate((counters) => counters.deliveredBytes + counters.replayedBytes),
    replayedPerSecond: rate((counters) => counters.replayedRecords),
    gapsPerSecond: rate((counters) => counters.gaps),
    droppedPerSecond: rate((counters) => counters.droppedRecords),
    conflatedPerSecond: rate((counters) => counters.conflatedRecords),
    eventLoopDelayMs,
    pushMs: percentilesOfBuckets(pushBoundsMs, before.pushCounts, after.pushCounts),
    cpu: Math.round((after.cpuMicroseconds - before.cpuMicroseconds) / intervalMs) / 1000,
  };
}
