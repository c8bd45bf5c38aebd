/** Publishers and subscribers: how much fits into a second of the server's CPU, and how long a message takes. */
import { type FanOutPlan, measureFanOut, PAYLOAD_BYTES } from '../fan-out.ts';
import type { Scenario } from '../scenario.ts';

const OTHERS = ['ws', 'socketio', 'nats', 'nats-ws', 'redis', 'mosquitto-ws'];
const EVERYONE = ['ringcast', 'floor', 'uws', ...OTHERS];
/** Beside native topics as they come, how they do when someone batches for them. */
const ALL_SATURATED = ['ringcast', 'floor', 'uws-batched', 'uws', ...OTHERS];

function fanOut(plan: FanOutPlan, scenario: Omit<Scenario, 'measure'>): Scenario {
  return { ...scenario, measure: (server, run) => measureFanOut(server, plan, run) };
}

const MOST_PER_CPU = { figure: 'deliveriesPerCpuSecond', better: 'more' } as const;
const LEAST_P99 = { figure: 'p99Us', better: 'less' } as const;
const LEAST_CPU = { figure: 'cpuShare', better: 'less' } as const;
const OFFERED = ['ringcast-10ms', 'ringcast', 'floor', 'uws', 'nats'];

export const FAN_OUT: readonly Scenario[] = [
  fanOut(
    { channels: 1, subscribers: 100, ratePerSecond: null },
    {
      letter: 'a',
      what: `1 channel × 100 subscribers × ${PAYLOAD_BYTES} B, saturated`,
      compares: MOST_PER_CPU,
      servers: ALL_SATURATED,
    },
  ),
  fanOut(
    { channels: 1, subscribers: 1000, ratePerSecond: null },
    {
      letter: 'b',
      what: `1 channel × 1,000 subscribers × ${PAYLOAD_BYTES} B, saturated`,
      compares: MOST_PER_CPU,
      servers: ALL_SATURATED,
    },
  ),
  fanOut(
    { channels: 100, subscribers: 1000, ratePerSecond: null },
    {
      letter: 'c',
      what: `100 channels × 1,000 subscribers of all × ${PAYLOAD_BYTES} B, published in turn, saturated`,
      compares: MOST_PER_CPU,
      servers: ['ringcast', 'floor', 'uws-batched'],
    },
  ),
  fanOut(
    { channels: 1, subscribers: 1, ratePerSecond: 1000 },
    { letter: 'd', what: '1 → 1 at 1,000 records/s, latency', compares: LEAST_P99, servers: EVERYONE },
  ),
  fanOut(
    { channels: 1, subscribers: 1000, ratePerSecond: 100 },
    { letter: 'e', what: '1 → 1,000 at 100 records/s, latency', compares: LEAST_P99, servers: EVERYONE },
  ),
];

export const OFFERED_LOAD: readonly Scenario[] = [
  fanOut(
    { channels: 1, subscribers: 100, ratePerSecond: 2000 },
    {
      letter: 'l',
      what: '2,000 records/s × 100 subscribers, share of a core',
      compares: LEAST_CPU,
      servers: OFFERED,
    },
  ),
  fanOut(
    { channels: 1, subscribers: 100, ratePerSecond: 20_000 },
    {
      letter: 'l20',
      what: '20,000 records/s × 100 subscribers, share of a core',
      compares: LEAST_CPU,
      servers: OFFERED,
    },
  ),
];
