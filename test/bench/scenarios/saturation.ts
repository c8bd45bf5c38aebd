/** Measures a load that runs at full speed: how much it does in a while, and what that costs the server. */
import type { Child, MeasuredProcess } from '../processes/child.ts';
import type { BenchRun, Figures } from '../scenario.ts';

const WARM_UP_MS = 1500;

/** `load` answers `count`; it is flooding already. */
export async function measureSaturated(server: MeasuredProcess, load: Child, run: BenchRun): Promise<Figures> {
  await pause(WARM_UP_MS);
  const before = await sample(server, load);
  await pause(run.seconds * 1000);
  const after = await sample(server, load);
  const seconds = (after.timeMs - before.timeMs) / 1000;
  const cpuSeconds = (after.cpuMs - before.cpuMs) / 1000;
  const records = after.records - before.records;
  const loadShare = (after.loadCpuMs - before.loadCpuMs) / 1000 / seconds;
  run.progress(`the server used ${share(cpuSeconds / seconds)} of a core, the load ${share(loadShare)}`);
  return {
    recordsPerSecond: records / seconds,
    recordsPerCpuSecond: records / cpuSeconds,
    cpuShare: cpuSeconds / seconds,
    rssBytes: after.rssBytes,
  };
}

async function sample(server: MeasuredProcess, load: Child) {
  const [{ cpuMs, rssBytes }, { cpuMs: loadCpuMs }, count] = await Promise.all([
    server.usage(),
    load.usage(),
    load.ask<{ records: number; timeMs: number }>('count'),
  ]);
  return { cpuMs, rssBytes, loadCpuMs, ...count };
}

export function share(part: number): string {
  return `${Math.round(part * 100)} %`;
}

export function pause(delayMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, delayMs));
}
