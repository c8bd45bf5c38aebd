/**
 * Takes publishes as a hub does, for fake-hub: sequences of producers, conditions, whole frames, and crashes that take
 * back what was not synced. As plain as it can be: it keeps everything that it ever took.
 */
import type { WireErrorCode } from '../../shared/errors.ts';
import type { Publish, PublishEntry } from '../../shared/frames.ts';
import { compareCursors, formatCursor } from '../../shared/terms.ts';
import type { FakeLog } from './fake-log.ts';

interface TakenEntry {
  readonly channel: string;
  readonly producerId: string | null;
  readonly sequence: number | undefined;
  readonly count: number;
}

export type Taken =
  | { readonly firstOffsets: readonly (number | null)[]; readonly epoch: number }
  | { readonly code: WireErrorCode; readonly details: Record<string, unknown> };

type Verdict = 'duplicate' | 'new' | WireErrorCode;

export class FakePublishes {
  readonly #log: (channel: string) => FakeLog;
  /** Frame by frame, in the order of the hub. */
  #frames: TakenEntry[][] = [];
  /** How many of `#frames` no crash takes back. */
  #synced = 0;
  readonly #forgottenMs = new Map<string, number>();

  constructor(log: (channel: string) => FakeLog) {
    this.#log = log;
  }

  take(frame: Publish, producerId: string | null): Taken {
    const verdicts = frame.entries.map((entry) => this.#judge(entry, frame, producerId));
    const { channel } = frame.entries[0]!;
    const refusal = verdicts.find((verdict) => verdict !== 'duplicate' && verdict !== 'new');
    if (refusal) return { code: refusal as WireErrorCode, details: { channel } };
    if (new Set(verdicts).size > 1) return { code: 'out-of-sequence', details: { channel } };
    const { epoch } = this.#log(channel).head;
    if (verdicts[0] === 'duplicate') return { epoch, firstOffsets: frame.entries.map(() => null) };
    const conflict = frame.entries.find((entry) => this.#conflicts(entry));
    if (conflict) {
      const head = formatCursor(this.#log(conflict.channel).head);
      return { code: 'conflict', details: { channel: conflict.channel, head } };
    }
    const firstOffsets = frame.entries.map(({ channel, records }) => {
      const log = this.#log(channel);
      return records.map((record) => log.append(record).offset)[0]!;
    });
    this.#frames.push(
      frame.entries.map(({ channel, records, sequence }) => ({
        channel,
        producerId,
        sequence,
        count: records.length,
      })),
    );
    return { epoch, firstOffsets };
  }

  sync(): void {
    this.#synced = this.#frames.length;
  }

  /** An unclean stop that takes back the newest `lost` frames of those not synced, and begins a new epoch everywhere. */
  crash(lost: number, channels: Iterable<string>): void {
    const kept = Math.max(this.#synced, this.#frames.length - lost);
    const gone = new Map<string, number>();
    for (const { channel, count } of this.#frames.splice(kept).flat()) {
      gone.set(channel, (gone.get(channel) ?? 0) + count);
    }
    for (const channel of channels) this.#log(channel).crash(gone.get(channel) ?? 0);
    this.sync();
  }

  /** Drops what is known of producers in the channel. */
  forget(channel: string, nowMs: number): void {
    this.#forgottenMs.set(channel, nowMs);
    this.#frames = this.#frames.map((frame) =>
      frame.map((entry) => (entry.channel === channel ? { ...entry, producerId: null } : entry)),
    );
  }

  #judge(entry: PublishEntry, { firstSentMs }: Publish, producerId: string | null): Verdict {
    const { channel, sequence, first } = entry;
    if (sequence === undefined) return 'new';
    if (producerId === null) return 'bad-request';
    const last = this.#lastSequence(channel, producerId);
    if (last === 0) {
      const forgottenMs = this.#forgottenMs.get(channel);
      const isSafe = firstSentMs === undefined || forgottenMs === undefined || forgottenMs < firstSentMs;
      return first && isSafe ? 'new' : 'producer-unknown';
    }
    if (sequence <= last) return 'duplicate';
    return sequence === last + 1 || first ? 'new' : 'out-of-sequence';
  }

  #lastSequence(channel: string, producerId: string): number {
    const mine = this.#frames
      .flat()
      .filter((entry) => entry.channel === channel && entry.producerId === producerId);
    return mine.at(-1)?.sequence ?? 0;
  }

  #conflicts({ channel, expectedCursor }: PublishEntry): boolean {
    if (!expectedCursor) return false;
    const log = this.#log(channel);
    const newest = log.entries.at(-1);
    if (!newest) return expectedCursor.offset !== 0;
    return expectedCursor.offset !== newest.offset || compareCursors(expectedCursor, newest) < 0;
  }
}
