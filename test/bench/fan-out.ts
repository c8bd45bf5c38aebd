/** Measures what a server takes to pass messages on: the scenarios that have publishers and subscribers only. */
import { end, LOAD_CORE, message, start } from './children.ts';
import type { LoadOrder, LoadResult } from './load.ts';
import { startPeer } from './peers/index.ts';
import type { Peer } from './peers/peer.ts';
import type { BenchRun, Figures } from './scenario.ts';

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

export async function measureFanOut(server: string, plan: FanOutPlan, run: BenchRun): Promise<Figures> {
  const peer = await startPeer(server);
  const load = start('./load.js', LOAD_CORE);
  const order: LoadOrder = {
    ...plan,
    server,
    url: peer.url,
    token: peer.token,
    payloadBytes: PAYLOAD_BYTES,
    warmUpMs: WARM_UP_MS,
    measureMs: run.seconds * 1000,
    burst: run.burst,
    window: run.window,
  };
  try {
    run.progress('connecting');
    load.send(order);
    return await figuresOf(peer, plan, run, () => message(load));
  } finally {
    await end(load);
    await peer.stop();
  }
}

async function figuresOf(
  peer: Peer,
  plan: FanOutPlan,
  run: BenchRun,
  fromLoad: () => Promise<unknown>,
): Promise<Figures> {
  await fromLoad();
  const before = await peer.usage();
  run.progress('measuring');
  const { deliveries, elapsedMs, latenciesUs, cpuMs } = (await fromLoad()) as LoadResult;
  const after = await peer.usage();
  const cpuSeconds = (after.cpuMs - before.cpuMs) / 1000;
  const seconds = elapsedMs / 1000;
  const [p50Us, p90Us, p99Us, p999Us] = latenciesUs;
  return {
    deliveriesPerCpuSecond: deliveries / cpuSeconds,
    deliveriesPerSecond: deliveries / seconds,
    cpuShare: cpuSeconds / seconds,
    ...(p50Us !== undefined && { p50Us, p90Us: p90Us!, p99Us: p99Us!, p999Us: p999Us! }),
    rssBytes: after.rssBytes,
    // A paced load turns without rest: its share would say nothing.
    ...(plan.ratePerSecond === null && { loadCpuShare: cpuMs / elapsedMs }),
  };
}
