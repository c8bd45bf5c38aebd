/** What the hub is to reach, as data, and whether a run reached it. Ratios hold within one run; pure. */
import { figuresOf, type Results } from './results.ts';
import type { Figures } from './scenario.ts';

export interface Goal {
  readonly letter: string;
  readonly figure: keyof Figures;
  readonly ours: string;
  /** Ours ÷ its figure is compared; null: ours itself. */
  readonly against: string | null;
  readonly atLeast?: number;
  readonly atMost?: number;
}

export interface GoalOutcome {
  readonly goal: Goal;
  /** Why it was not measured in `missing`. */
  readonly verdict: 'reached' | 'missed' | 'not measured';
  readonly value?: number;
  readonly missing?: string;
}

type Bound = { readonly atLeast: number } | { readonly atMost: number };

function goals(
  letter: string,
  figure: keyof Figures,
  against: Readonly<Record<string, Bound>>,
  ours = 'ringcast',
): Goal[] {
  return Object.entries(against).map(([name, bound]) => ({ letter, figure, ours, against: name, ...bound }));
}

function absolute(letter: string, figure: keyof Figures, bound: Bound, ours = 'ringcast'): Goal {
  return { letter, figure, ours, against: null, ...bound };
}

const least = (atLeast: number): Bound => ({ atLeast });
const most = (atMost: number): Bound => ({ atMost });

/** As near to bare uWebSockets.js as noise lets one tell, and below everyone else. */
const LATENCY_BOUNDS: Readonly<Record<string, Bound>> = {
  uws: most(1.1),
  ...Object.fromEntries(
    ['ws', 'socketio', 'nats', 'nats-ws', 'redis', 'mosquitto-ws'].map((name) => [name, most(1)]),
  ),
};

export const GOALS: readonly Goal[] = [
  ...goals('a', 'deliveriesPerCpuSecond', {
    floor: least(0.9),
    uws: least(3.5),
    nats: least(2.5),
    redis: least(2.5),
    socketio: least(100),
  }),
  ...goals('b', 'deliveriesPerCpuSecond', {
    floor: least(0.85),
    uws: least(14),
    nats: least(6),
    redis: least(4),
  }),
  ...goals('c', 'deliveriesPerCpuSecond', { 'uws-batched': least(1.2) }),
  ...goals('d', 'p50Us', LATENCY_BOUNDS),
  ...goals('d', 'p99Us', LATENCY_BOUNDS),
  ...goals('e', 'p50Us', LATENCY_BOUNDS),
  ...goals('e', 'p99Us', LATENCY_BOUNDS),
  ...goals('f', 'recordsPerSecond', { nats: least(1.5), redis: least(2) }),
  ...goals('g', 'bytesPerSecond', { 'loop-memory': least(0.5) }, 'ringcast-ring'),
  ...goals('g-store', 'bytesPerSecond', { 'loop-rocksdb': least(0.5) }, 'ringcast-store'),
  ...goals('h', 'p99Us', { 'ringcast-quiet': most(2) }),
  absolute('i', 'bytesPerConnection', most(3072)),
  ...goals('j', 'recordsPerCpuSecond', { 'ringcast-1': least(0.5) }, 'ringcast-10000'),
  ...goals('j', 'recordsPerCpuSecond', { 'ringcast-1': least(0.3) }, 'ringcast-100000'),
  absolute('k', 'recordsPerSecond', least(1_000_000)),
  ...goals('k', 'recordsPerSecond', { nats: least(2), socketio: least(10) }),
  ...goals('l', 'cpuShare', { uws: most(0.15), nats: most(0.15) }, 'ringcast-10ms'),
  absolute('l', 'p99Us', most(15_000), 'ringcast-10ms'),
];

/** Of the goals whose servers ran; where one was absent or failed, that is said. */
export function evaluateGoals(results: Results, all: readonly Goal[] = GOALS): GoalOutcome[] {
  const hasRun = ({ letter, ours, against }: Goal) => {
    const servers = results[letter]?.servers ?? {};
    return ours in servers && (against === null || against in servers);
  };
  return all.filter(hasRun).map((goal) => evaluate(goal, results));
}

function evaluate(goal: Goal, results: Results): GoalOutcome {
  const { servers } = results[goal.letter]!;
  let value = 1;
  for (const [name, power] of [
    [goal.ours, 1],
    [goal.against, -1],
  ] as const) {
    if (name === null) continue;
    const outcome = servers[name]!;
    const figure = figuresOf(outcome)?.[goal.figure];
    if (figure === undefined) {
      const why = 'absent' in outcome ? 'is absent' : 'failed' in outcome ? 'failed' : 'gave no such figure';
      return { goal, verdict: 'not measured', missing: `${name} ${why}` };
    }
    value *= figure ** power;
  }
  const isReached = value >= (goal.atLeast ?? -Infinity) && value <= (goal.atMost ?? Infinity);
  return { goal, verdict: isReached ? 'reached' : 'missed', value };
}
