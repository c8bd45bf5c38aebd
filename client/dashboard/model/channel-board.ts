/**
 * What `$sys.channels` says now, and how each channel's rate went lately, for the sparklines. Bounded: channels that are
 * no longer told of are forgotten. Fed by the hub link, read by the tables.
 */
import type { ChannelFigures, ChannelsFigures } from '../../../shared/figures.ts';
import { parseCursor } from '../../../shared/terms.ts';

/** Two minutes of one record in two seconds. */
export const RATE_POINTS = 60;

export class ChannelBoard {
  #latest: ChannelsFigures | null = null;
  #rates = new Map<string, number[]>();

  get latest(): ChannelsFigures | null {
    return this.#latest;
  }

  take(figures: ChannelsFigures): void {
    this.#latest = figures;
    const rates = new Map<string, number[]>();
    for (const { channel, publishedPerSecond } of figures.channels) {
      const known = this.#rates.get(channel) ?? [];
      known.push(publishedPerSecond);
      if (known.length > RATE_POINTS) known.shift();
      rates.set(channel, known);
    }
    this.#rates = rates;
  }

  /** Oldest first, at most {@link RATE_POINTS}. */
  rates(channel: string): readonly number[] {
    return this.#rates.get(channel) ?? [];
  }

  find(channel: string): ChannelFigures | undefined {
    return this.#latest?.channels.find((one) => one.channel === channel);
  }
}

/** Records that are taken and not on the disk yet; null across a crash, where offsets say nothing of how many. */
export function unpersistedRecords({ head, durable }: ChannelFigures): number | null {
  const newest = parseCursor(head);
  const synced = parseCursor(durable);
  return newest && synced && newest.epoch === synced.epoch
    ? Math.max(0, newest.offset - synced.offset)
    : null;
}
