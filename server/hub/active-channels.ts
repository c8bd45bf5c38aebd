/**
 * Which channels grew since somebody last asked, and where they stood then: for the hub's figures. Told of each feed that
 * fan-out pushes, once a tick, so that nobody has to look at all channels.
 */
import type { ChannelLog } from '../log/channel-log.ts';
import type { Feed } from './feed.ts';

/** Where a log stood before the interval. */
export interface Stand {
  readonly offset: number;
  readonly bytes: number;
}

/** Beyond so many in one interval the others are not noted: the busiest came early, as they come often. */
const MAX_CHANNELS = 4096;

export class ActiveChannels {
  #stands = new Map<ChannelLog, Stand>();

  /** `feed` is about to be pushed what it has grown by. */
  note({ log, delivery, pushedOffset, pushedBytes }: Feed): void {
    if (delivery !== 'memory' || this.#stands.size >= MAX_CHANNELS || this.#stands.has(log)) return;
    this.#stands.set(log, { offset: pushedOffset, bytes: pushedBytes });
  }

  /** Begins the next interval. */
  take(): ReadonlyMap<ChannelLog, Stand> {
    const taken = this.#stands;
    this.#stands = new Map();
    return taken;
  }
}
