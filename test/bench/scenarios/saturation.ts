/** Measures a load that runs at full speed: how much it does in a while, and what that costs the server. */
import type { Child, MeasuredProcess } from '../processes/child.ts';
import type { Usage } from '../processes/proc-usage.ts';
import type { BenchRun } from '../scenario.ts';

const WARM_UP_MS = 1500;

export interface Pace {
  /** Of what the load counts. */
  readonly perSecond: number;
  readonly perCpuSecond: number;
  /** CPU seconds per second. */
  readonly cpuShare: number;
  readonly rssBytes: number;
}

/** `load` is flooding already; its answer to `count` has a member named `counted`. */
export async function measureSaturated(
  server: MeasuredProcess,
  load: Child,
  counted: 'records' | 'bytes',
  run: BenchRun,
): Promise<Pace> {
  await pause(WARM_UP_MS);
  const before = await sample(server, load);
  await pause(run.seconds * 1000);
  const after = await sample(server, load);
  const perSecond =
    ((after.load[counted]! - before.load[counted]!) / (after.load.timeMs - before.load.timeMs)) * 1000;
  const cpuShare = cpuShareOf(before.server, after.server);
  const loadShare = cpuShareOf(before.load, after.load);
  run.progress(`the server used ${percent(cpuShare)} of a core, the load ${percent(loadShare)}`);
  return { perSecond, perCpuSecond: perSecond / cpuShare, cpuShare, rssBytes: after.server.rssBytes };
}

type Count = Usage & { readonly records?: number; readonly bytes?: number };

/** Each has its own time: one that is busy answers late. */
async function sample(server: MeasuredProcess, load: Child): Promise<{ server: Usage; load: Count }> {
  const [usage, count] = await Promise.all([server.usage(), load.ask<Count>('count')]);
  return { server: usage, load: count };
}

export function cpuShareOf(before: Usage, after: Usage): number {
  return (after.cpuMs - before.cpuMs) / (after.timeMs - before.timeMs);
}

export function percent(part: number): string {
  return `${Math.round(part * 100)} %`;
}

export function pause(delayMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, delayMs));
}
