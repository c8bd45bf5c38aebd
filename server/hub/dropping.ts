/**
 * How far the policy `drop-oldest` has a reader skip: where the limits end, found in the log, and the gap up to there.
 * Sends nothing; feeder does.
 */
import type { Gap, Offset } from '../../shared/terms.ts';
import { after } from '../log/log-bounds.ts';
import type { LogReader } from '../log/log-reader.ts';
import { dropThrough } from './drop-policy.ts';
import type { Subscription } from './subscription.ts';

/** The last record to leave out, and run bytes of the channel up to its end; 0 where no limit counts them. */
export interface DropTarget {
  readonly offset: Offset;
  readonly endBytes: number;
}

/** A promise where the ring does not reach back so far; it may reject with `store-failed`. */
export function findDropTarget(
  logReader: LogReader,
  { terms, feed, channel: { log } }: Subscription,
): DropTarget | Promise<DropTarget> {
  if (terms.maxLagBytes === Number.POSITIVE_INFINITY) {
    return { offset: dropThrough(terms, feed.pushedOffset, 0), endBytes: 0 };
  }
  const fits = logReader.offsetAtBytes(log, feed.pushedBytes - terms.maxLagBytes);
  return then(fits, (fitsBytes) => {
    const offset = dropThrough(terms, feed.pushedOffset, fitsBytes);
    return then(logReader.bytesThrough(log, offset), (endBytes) => ({ offset, endBytes }));
  });
}

/**
 * The next gap on the way to the target, and run bytes of the channel up to its end. Undefined where something else is
 * to be told first (an epoch that ends, what retention took), or nothing can be left out: the newest record stays.
 */
export function decideDrop(
  { feed, cursor }: Subscription,
  target: DropTarget,
): { readonly gap: Gap; readonly endBytes: number } | undefined {
  const next = after(feed.bounds, cursor);
  if (next.kind !== 'records' || target.offset < next.firstOffset) return undefined;
  const offset = Math.min(target.offset, next.lastOffset);
  const endBytes = offset === target.offset ? target.endBytes : 0;
  const count = offset - cursor.offset;
  return { gap: { after: cursor, upTo: { epoch: next.epoch, offset }, count, reason: 'dropped' }, endBytes };
}

function then<T, U>(value: T | Promise<T>, next: (value: T) => U | Promise<U>): U | Promise<U> {
  return value instanceof Promise ? value.then(next) : next(value);
}
