/** g: how fast one reader is given what a channel holds, beside a bare loop that sends the same pages. */

import { HubRun } from '../hub-run.ts';
import { recordPayload, recordRun } from '../marker-record.ts';
import { Child, type MeasuredProcess, withProcesses } from '../processes/child.ts';
import type { PageOrder } from '../processes/page-loop.ts';
import type { ReplayOrder } from '../processes/replay-sink.ts';
import type { BenchRun, Figures, Scenario } from '../scenario.ts';
import { measureSaturated } from './saturation.ts';

const PAYLOAD_BYTES = 100;
const PAGE_BYTES = 64 * 1024;
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
    const { perSecond, perCpuSecond, ...rest } = await measureSaturated(measured, sink, 'bytes', run);
    return { bytesPerSecond: perSecond, bytesPerCpuSecond: perCpuSecond, ...rest };
  });
}

async function start(
  server: string,
): Promise<{ measured: MeasuredProcess; url: string; token: string | null }> {
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
