/**
 * The hub's frames of a subscription, as subscription-state and the readers see them. Called by the shared subscription.
 */
import type { Batch, GapFrame, SparseBatch, StateFrame } from '../shared/frames.ts';
import type { RunPlace, SparsePlace } from './position.ts';
import type { SubscriptionMachineEvent } from './subscription-state.ts';

export type BatchFrame = Batch | SparseBatch;

/** All that are charged to the subscription's credit. */
export type SubscriptionFrame = BatchFrame | StateFrame | GapFrame;

/** What the frame means to the subscription's machine. */
export function eventOf(frame: SubscriptionFrame): SubscriptionMachineEvent {
  switch (frame.op) {
    case 'batch':
      return { type: 'batch', run: frame };
    case 'sparse-batch':
      return { type: 'sparse-batch', place: frame };
    case 'state':
      return { type: 'state', place: frame, atEnd: frame.atEnd };
    case 'gap': {
      const { after, upTo, count, reason } = frame;
      return { type: 'gap', gap: { after, upTo, count, reason } };
    }
  }
}

/** Where the records lie that are left without the first `skip`; of a sparse batch none is left out here. */
export function placeOf(frame: BatchFrame, skip: number, count: number): RunPlace | SparsePlace {
  if (frame.op === 'sparse-batch') return frame;
  const { epoch, prevOffset, firstOffset } = frame;
  return { epoch, prevOffset, firstOffset: firstOffset + skip, count };
}
