/** The channels of the random walk: what each keeps in the ring, on disk, and by key. */
import type { ChannelLimits } from '../../server/log/log-set.ts';
import { NO_LIMITS } from './open-logs.ts';

const KIB = 1024;

export const WALK_LIMITS: Record<string, ChannelLimits> = {
  plain: { ring: NO_LIMITS, retention: NO_LIMITS },
  short: { ring: { ...NO_LIMITS, maxRecords: 3 }, retention: { ...NO_LIMITS, maxRecords: 9 } },
  small: { ring: { ...NO_LIMITS, maxBytes: 4 * KIB }, retention: { ...NO_LIMITS, maxBytes: 30 * KIB } },
  young: { ring: { ...NO_LIMITS, maxAgeMs: 400 }, retention: { ...NO_LIMITS, maxAgeMs: 4000 } },
  keyed: {
    ring: { ...NO_LIMITS, maxRecords: 3 },
    retention: { ...NO_LIMITS, maxRecords: 9 },
    state: { maxKeys: 6 },
  },
  /** Keeps a state in some runs, and in others none. */
  switched: {
    ring: { ...NO_LIMITS, maxRecords: 1 },
    retention: { ...NO_LIMITS, maxRecords: 2 },
    state: { maxKeys: 1000 },
  },
};
