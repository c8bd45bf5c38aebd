/** The record of `$sys.channels`: the busiest, and then those that were. */
import type { ChannelFigures, ChannelsFigures } from '../../shared/figures.ts';
import { formatCursor } from '../../shared/terms.ts';
import type { Stand } from '../hub/active-channels.ts';
import type { Channel } from '../hub/channel.ts';
import type { Hub } from '../hub/hub.ts';
import type { ChannelLog } from '../log/channel-log.ts';
import { cursorBefore } from '../log/log-bounds.ts';

export const MAX_LISTED_CHANNELS = 32;

const NEVER: Stand = { offset: 0, bytes: 0 };

/**
 * @param grown where those that grew in the interval stood before it
 * @param listed names listed last time, which fill what the busy ones leave free
 */
export function channelFiguresOf(
  hub: Hub,
  grown: ReadonlyMap<ChannelLog, Stand>,
  listed: readonly string[],
  intervalMs: number,
): ChannelsFigures {
  const busy = [...grown]
    .map(([log, stand]) => ({ log, stand, bytes: log.headBytes - stand.bytes }))
    .sort((a, b) => b.bytes - a.bytes)
    .slice(0, MAX_LISTED_CHANNELS);
  const names = new Set(busy.map(({ log }) => log.name));
  for (const name of listed) if (names.size < MAX_LISTED_CHANNELS) names.add(name);
  for (const { log } of hub.channels) {
    if (names.size >= MAX_LISTED_CHANNELS) break;
    names.add(log.name);
  }
  const channels: ChannelFigures[] = [];
  for (const name of names) {
    const channel = hub.inUse(name);
    if (channel) channels.push(figuresOf(channel, grown.get(channel.log), intervalMs));
  }
  return { intervalMs: Math.round(intervalMs), total: hub.channelCount, channels };
}

function figuresOf(
  { log, subscriptionCount, memory }: Channel,
  stand: Stand | undefined,
  intervalMs: number,
): ChannelFigures {
  const { offset, bytes } = stand ?? NEVER;
  const perSecond = (count: number) => (stand ? Math.round((count * 10_000) / intervalMs) / 10 : 0);
  return {
    channel: log.name,
    publishedPerSecond: perSecond(log.headOffset - offset),
    publishedBytesPerSecond: Math.round(perSecond(log.headBytes - bytes)),
    subscriptions: subscriptionCount,
    head: formatCursor(log.head),
    oldest: formatCursor(cursorBefore(memory.pullBounds, log.oldestOffset)),
    durable: formatCursor(log.durableCursor),
    storedBytes: log.headBytes - log.oldestBytes,
  };
}
