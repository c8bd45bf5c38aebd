/** Measures what a server takes to pass messages on: the scenarios that have publishers and subscribers only. */
import { Child, withProcesses } from './processes/child.ts';
import type { LoadOrder, LoadResult } from './processes/load.ts';
import type { BenchRun, Figures } from './scenario.ts';
import { startServer } from './started-server.ts';

export interface FanOutPlan {
  readonly channels: number;
  /** Each of all channels. */
  readonly subscribers: number;
  /** null: saturated. */
  readonly ratePerSecond: number | null;
}

export const PAYLOAD_BYTES = 100;
/** Compilers have settled and batches have found their size by then. */
const WARM_UP_MS = 2000;
/** Beside subscribers: the publisher, and room. */
const SPARE_CLIENTS = 100;

export function measureFanOut(server: string, plan: FanOutPlan, run: BenchRun): Promise<Figures> {
  return withProcesses(async (keep) => {
    const { process, url, token } = await startServer(server, plan.subscribers + SPARE_CLIENTS);
    keep(process);
    const load = keep(Child.start('./load.js', 1));
    run.progress('connecting');
    const { burst, window } = run;
    const payloadBytes = PAYLOAD_BYTES;
    const order: LoadOrder = {
      ...plan,
      server,
      url,
      token,
      payloadBytes,
      warmUpMs: WARM_UP_MS,
      burst,
      window,
    };
    await load.ask('flow', order);
    run.progress('measuring');
    const [before, { deliveries, elapsedMs, latencies, cpuMs }] = await Promise.all([
      process.usage(),
      load.ask<LoadResult>('measure', run.seconds * 1000),
    ]);
    const after = await process.usage();
    const cpuSeconds = (after.cpuMs - before.cpuMs) / 1000;
    const seconds = elapsedMs / 1000;
    return {
      deliveriesPerCpuSecond: deliveries / cpuSeconds,
      deliveriesPerSecond: deliveries / seconds,
      cpuShare: cpuSeconds / seconds,
      ...latencies,
      rssBytes: after.rssBytes,
      // A paced load turns without rest: its share would say nothing.
      ...(plan.ratePerSecond === null && { loadCpuShare: cpuMs / elapsedMs }),
    };
  });
}
