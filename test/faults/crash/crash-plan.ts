/** Who publishes what in the crash test, who reads it how, and how its hub is set up. Called by the crash test only. */
import type { FromOption } from '../../../client/exports.ts';
import type { HubConfigInput } from '../../../server/config.ts';
import type { Random } from '../../support/random.ts';
import type { PublisherPlan } from './load-publisher.ts';
import type { ReaderPlan } from './load-reader.ts';

export const CHANNELS = ['log.a', 'log.b', 'keyed.c', 'state.d', 'chain.e'] as const;

const MIB = 1_048_576;

/** The smallest memory there is, so that whoever is behind is fed from the disk. */
export const HUB_CONFIG: HubConfigInput = {
  memory: { ringBytes: MIB, unpersistedBytes: MIB },
  channels: [{ pattern: 'state.>', state: { maxKeys: 1000 } }],
  log: { level: 'warn', pretty: false },
};

export const PUBLISHERS: readonly PublisherPlan[] = [
  { name: 'disk', channels: ['log.a'], ack: 'disk' },
  { name: 'memory', channels: ['log.a', 'log.b'], ack: 'memory' },
  { name: 'mixed', channels: ['log.b'], ack: 'mixed' },
  { name: 'many', channels: ['log.a', 'log.b', 'keyed.c'], ack: 'disk', whole: true },
  { name: 'many-memory', channels: ['log.b', 'state.d'], ack: 'memory', whole: true, keys: 20 },
  { name: 'keyed', channels: ['keyed.c', 'state.d'], ack: 'mixed', keys: 40 },
  { name: 'chain', channels: ['chain.e'], ack: 'disk', chained: true },
];

const SLOW_WORK_MS = 12;

export const READERS: readonly ReaderPlan[] = [
  { name: 'replay', channel: 'log.a' },
  { name: 'replay', channel: 'log.b' },
  { name: 'replay', channel: 'keyed.c' },
  { name: 'replay', channel: 'chain.e' },
  { name: 'slow replay', channel: 'log.a', workMs: SLOW_WORK_MS },
  { name: 'durable', channel: 'log.a', durable: true },
  { name: 'durable', channel: 'log.b', durable: true },
  { name: 'slow durable', channel: 'keyed.c', durable: true, workMs: SLOW_WORK_MS },
  { name: 'drop-oldest', channel: 'log.a', policy: 'drop-oldest', maxLagRecords: 40, workMs: SLOW_WORK_MS },
  {
    name: 'durable drop-oldest',
    channel: 'log.b',
    policy: 'drop-oldest',
    maxLagRecords: 40,
    durable: true,
    workMs: SLOW_WORK_MS,
  },
  { name: 'conflate', channel: 'keyed.c', policy: 'conflate', workMs: SLOW_WORK_MS },
  { name: 'conflate', channel: 'state.d', policy: 'conflate', workMs: SLOW_WORK_MS },
  { name: 'disconnect', channel: 'log.b', policy: 'disconnect', maxLagRecords: 200, workMs: SLOW_WORK_MS },
  { name: 'state', channel: 'state.d', from: 'state' },
];

/** Those in a process of their own, which is frozen at times. */
export const REMOTE_PUBLISHERS: readonly PublisherPlan[] = [
  { name: 'remote', channels: ['log.b', 'keyed.c'], ack: 'mixed' },
  { name: 'remote-many', channels: ['log.a', 'state.d'], ack: 'disk', whole: true, keys: 20 },
];

export const REMOTE_READERS: readonly ReaderPlan[] = [
  { name: 'remote', channel: 'log.a' },
  { name: 'remote durable', channel: 'log.b', durable: true },
  { name: 'remote state', channel: 'state.d', from: 'state' },
  { name: 'remote drop-oldest', channel: 'keyed.c', policy: 'drop-oldest', maxLagRecords: 100 },
];

/** One that comes later, into what is there by then. */
export function lateReader(round: number, random: Random): ReaderPlan {
  const name = `late ${round}`;
  if (random.chance(0.3)) {
    const isSlow = random.chance(0.5);
    return { name: `${name} state`, channel: 'state.d', from: 'state', ...(isSlow && { workMs: 5 }) };
  }
  const from: FromOption = random.pick(['earliest', 'latest', { last: 1 + random.below(100) }]);
  return { name, channel: random.pick(CHANNELS), from, durable: random.chance(0.3) };
}
