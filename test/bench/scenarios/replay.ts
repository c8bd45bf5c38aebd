/** g: how fast one reader is given what a channel holds, beside a bare loop that sends the same pages. */
import { recordRun, recordPayload } from '../marker-record.ts';
import { Child, type MeasuredProcess, withProcesses } from '../processes/child.ts';
import type { PageOrder } from '../processes/page-loop.ts';
import type { ReplayOrder } from '../processes/replay-sink.ts';
import type { BenchRun, Figures, Scenario } from '../scenario.ts';
import { HubRun } from './hub-run.ts';
import { pause, share } from './saturation.ts';

const PAYLOAD_BYTES = 100;
const PAGE_BYTES = 64 * 1024;
const WARM_UP_MS = 1500;
const RING_BYTES = 1024 * 1024 * 1024;

/** 3 million records of 100 B: 342 MB as the log holds them. */
export const REPLAYED = {
  channel: 'bench',
  records: 3_000_000,
  payload: recordPayload(PAYLOAD_BYTES),
  bytes: 3_000_000 * recordRun(PAYLOAD_BYTES, 1).length,
} as const;

export const replayFromRing: Scenario = {
  letter: 'g',
  what: 'replay of 3 million records of 100 B to 1 reader, from memory',
  compares: { figure: 'bytesPerSecond', better: 'more' },
  servers: ['ringcast-ring', 'loop-memory'],
  measure: measureReplay,
};

/** The files are in the page cache of the system: what is compared is the hub, not the disk. */
export const replayFromStore: Scenario = {
  letter: 'g-store',
  what: 'replay of 3 million records of 100 B to 1 reader, from RocksDB after a restart',
  compares: { figure: 'bytesPerSecond', better: 'more' },
  servers: ['ringcast-store', 'loop-rocksdb'],
  measure: measureReplay,
};

/** A hub that holds {@link REPLAYED}: in memory, or after a restart in its store only. */
export async function startFilledHub(place: 'ring' | 'store'): Promise<HubRun> {
  const hub = await HubRun.start({
    memory: { ringBytes: RING_BYTES },
    channels: [{ pattern: REPLAYED.channel, ring: { maxBytes: RING_BYTES } }],
  });
  try {
    await hub.fill(REPLAYED.channel, REPLAYED.payload, REPLAYED.records);
    if (place === 'store') await hub.restart();
    return hub;
  } catch (error) {
    await hub.end();
    throw error;
  }
}

function measureReplay(server: string, run: BenchRun): Promise<Figures> {
  return withProcesses(async (keep) => {
    run.progress('filling');
    const { measured, url, token } = await start(server);
    keep(measured);
    const sink = keep(Child.start('./replay-sink.js', 1));
    const { channel, records, bytes } = REPLAYED;
    const order: ReplayOrder = { url, token, channel, records, bytes };
    await sink.ask('check', order);
    sink.ask('flood', false).catch(() => {});
    return await measureBytes(measured, sink, run);
  });
}

async function start(server: string): Promise<{ measured: MeasuredProcess; url: string; token: string | null }> {
  if (server.startsWith('ringcast-')) {
    const hub = await startFilledHub(server === 'ringcast-ring' ? 'ring' : 'store');
    return { measured: hub, ...hub.address };
  }
  const recordBytes = REPLAYED.bytes / REPLAYED.records;
  const perPage = Math.floor(PAGE_BYTES / recordBytes);
  const order: PageOrder = {
    kind: server === 'loop-memory' ? 'memory' : 'rocksdb',
    page: recordRun(PAYLOAD_BYTES, perPage),
    pages: Math.ceil(REPLAYED.records / perPage),
  };
  const loop = Child.start('./page-loop.js', 0);
  const { url } = await loop.ask<{ url: string }>('start', order);
  return { measured: loop, url, token: null };
}

async function measureBytes(server: MeasuredProcess, sink: Child, run: BenchRun): Promise<Figures> {
  await pause(WARM_UP_MS);
  const before = await sample(server, sink);
  await pause(run.seconds * 1000);
  const after = await sample(server, sink);
  const seconds = (after.timeMs - before.timeMs) / 1000;
  const cpuSeconds = (after.cpuMs - before.cpuMs) / 1000;
  const bytes = after.bytes - before.bytes;
  const sinkShare = (after.sinkCpuMs - before.sinkCpuMs) / 1000 / seconds;
  run.progress(
    `${after.replays - before.replays} replays; the server used ${share(cpuSeconds / seconds)} of a core, the reader ${share(sinkShare)}`,
  );
  return {
    bytesPerSecond: bytes / seconds,
    bytesPerCpuSecond: bytes / cpuSeconds,
    cpuShare: cpuSeconds / seconds,
    rssBytes: after.rssBytes,
  };
}

async function sample(server: MeasuredProcess, sink: Child) {
  const [{ cpuMs, rssBytes }, { cpuMs: sinkCpuMs }, count] = await Promise.all([
    server.usage(),
    sink.usage(),
    sink.ask<{ bytes: number; replays: number; timeMs: number }>('count'),
  ]);
  return { cpuMs, rssBytes, sinkCpuMs, ...count };
}
