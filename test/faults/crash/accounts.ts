/**
 * What the crash test writes down while it runs: every publish with what became of it, everything that each reader was
 * handed, and at the end the logs as they are. Plain data, so that it can come from other processes. What it must fulfil
 * is decided in audit-log.ts and audit-reader.ts.
 */
import type { Cursor, DropPolicy, Gap } from '../../../shared/terms.ts';

/** One record as its publisher knows it. */
export interface Published {
  /** In every record's meta; unique over the whole run. */
  readonly id: string;
  readonly publisher: string;
  readonly channel: string;
  /** Counts the publisher's records to the channel, from 1. */
  readonly counter: number;
  readonly ack: 'memory' | 'disk';
  /** Names the publishMany that it is part of. */
  readonly group: string | null;
  /** `pending` · `acked` · the code that it was refused with. */
  outcome: string;
  /** As the acknowledgement says; null for a publish that the hub had taken before. */
  cursor: Cursor | null;
}

export interface LoggedRecord extends Cursor {
  readonly id: string;
  readonly key: string | null;
  /** It deletes its key. */
  readonly isTombstone: boolean;
  /** Its payload is what its publisher sent. */
  readonly intact: boolean;
}

export interface HandedRecord extends LoggedRecord {
  /** It came as part of the state of its channel, not from the log. */
  readonly inState: boolean;
}

export type Handed = HandedRecord | { readonly gap: Gap };

export interface ReaderAccount {
  readonly name: string;
  readonly channel: string;
  readonly policy: DropPolicy;
  readonly durable: boolean;
  /** Before the first record that it asked for; of one that began with the state, what that was complete to. */
  begin: Cursor | null;
  readonly handed: Handed[];
  /** Why it ended by itself; null while it runs. */
  failure: string | null;
}

/** A channel's records in order, as read back at the end. */
export interface ChannelAccount {
  readonly channel: string;
  readonly records: readonly LoggedRecord[];
}

export const FINDING_KINDS = [
  /** Acknowledged from the disk and not in the log. */
  'lost',
  /** In the log twice, or handed to a reader twice. */
  'duplicates',
  /** A reader went past records that no gap announced. */
  'unannouncedHoles',
  /** A gap that says another count than is missing, covers what it must not, or does not join. */
  'wrongGaps',
  /** Records of a publisher, or of a reader, in another order than they were published in. */
  'misordered',
  /** A publishMany that was kept in part. */
  'split',
  /** Another record, or another payload, than there must be at a position. */
  'mistaken',
  /** Withdrawn from a reader that asked for durable records. */
  'withdrawnDurable',
  /** Publishes refused, or never answered. */
  'refused',
  /** Readers that ended by themselves or never came to the head. */
  'strandedReaders',
] as const;
export type FindingKind = (typeof FINDING_KINDS)[number];

export interface Finding {
  readonly kind: FindingKind;
  readonly text: string;
}
