/**
 * Idempotent producers as pure decisions: whether an entry is new, was taken before, or cannot be told. What a channel
 * remembers of its producers is the log's (producer-table); the verb publish calls this.
 *
 * I19: entries are taken in the order of their sequences. I18: no entry of a producer that the channel remembers is taken twice, and of one that it has forgotten it is said so.
 * `out-of-sequence` says that the entry was not taken, also not when it was sent before; `producer-unknown`, that nobody
 * knows.
 */
import { RingcastError } from '../../shared/errors.ts';
import type { PublishEntry } from '../../shared/frames.ts';
import { ChannelError } from './channel-error.ts';

export type SequenceVerdict = 'accept' | 'duplicate' | 'out-of-sequence' | 'producer-unknown';

/**
 * @param last the producer's last sequence that was taken in the channel; undefined where it is not remembered
 * @param mayBeForgotten whether it may have been taken from a producer that was then forgotten
 */
export function judgeSequence(
  { sequence, first }: Pick<PublishEntry, 'sequence' | 'first'>,
  last: number | undefined,
  mayBeForgotten: boolean,
): SequenceVerdict {
  if (last === undefined) {
    if (mayBeForgotten) return 'producer-unknown';
    return first ? 'accept' : 'out-of-sequence';
  }
  if (sequence! <= last) return 'duplicate';
  return sequence === last + 1 || first ? 'accept' : 'out-of-sequence';
}

/** What a channel's log remembers, as far as this needs it. */
export interface ProducerMemory {
  lastSequence(producer: string): number | undefined;
  mayHaveForgotten(sinceMs: number | undefined): boolean;
}

/**
 * The verdict on a whole frame: it is taken whole, was taken whole, or is refused. Entries without a sequence are always
 * new. Throws `out-of-sequence` and `producer-unknown`.
 */
export function judgeEntries(
  producer: string,
  entries: readonly PublishEntry[],
  memories: readonly ProducerMemory[],
  firstSentMs: number | undefined,
): 'accept' | 'duplicate' {
  const lasts = new Map<ProducerMemory, number>();
  let duplicates = 0;
  entries.forEach((entry, i) => {
    if (entry.sequence === undefined) return;
    const memory = memories[i]!;
    const last = lasts.get(memory) ?? memory.lastSequence(producer);
    const verdict = judgeSequence(entry, last, memory.mayHaveForgotten(firstSentMs));
    if (verdict === 'out-of-sequence') throw outOfSequence(entry, last);
    if (verdict === 'producer-unknown') throw producerUnknown(entry);
    if (verdict === 'duplicate') duplicates++;
    else lasts.set(memory, entry.sequence);
  });
  if (duplicates === 0) return 'accept';
  if (duplicates === entries.length) return 'duplicate';
  throw new RingcastError(
    'out-of-sequence',
    'some entries of this publish were taken before and some were not: send again what was sent, in the same frames',
  );
}

function outOfSequence({ channel, sequence }: PublishEntry, last: number | undefined): ChannelError {
  const before =
    last === undefined ? 'is not the first one taken' : `does not follow ${last}, the last one taken`;
  const text = `sequence ${sequence} of ${channel} ${before}: send what lies before it, or flag it as first once all that is settled`;
  return new ChannelError('out-of-sequence', channel, text);
}

function producerUnknown({ channel }: PublishEntry): ChannelError {
  const text = `${channel} has forgotten this producer: nobody knows whether this publish was taken when it was sent before; look for it, or take the risk and publish it as a new one`;
  return new ChannelError('producer-unknown', channel, text);
}
