/**
 * `npm run bench:slow-readers [-- --stalled 1000 --healthy 1000 --megabytes 1024 --seconds 60 --json FILE]`: what readers
 * that do not read cost those that do. Publishes so much at an even rate to 100 channels, twice: to the healthy readers
 * alone, and beside as many stalled ones. Tells the healthy ones' latency in both, the hub's memory for each stalled one,
 * and, once they are woken, whether each was given everything or an exact gap.
 *
 * The hub is a process of its own on core 0, the load here on core 1 (where `taskset` exists).
 */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { now } from './clock.ts';
import { HubRun } from './hub-run.ts';
import { StalledReader } from './stalled-reader.ts';
import { RECORDS_PER_FRAME, SteadyPublisher } from './steady-publisher.ts';
import { openHealthy } from './steady-reader.ts';

const CHANNELS = 100;
const PAYLOAD_BYTES = 1000;
const { values } = parseArgs({
  options: {
    stalled: { type: 'string', default: '1000' },
    healthy: { type: 'string', default: '1000' },
    megabytes: { type: 'string', default: '1024' },
    seconds: { type: 'string', default: '60' },
    json: { type: 'string' },
  },
});
const [stalledCount, healthyCount, megabytes, seconds] = [
  values.stalled,
  values.healthy,
  values.megabytes,
  values.seconds,
].map(Number) as [number, number, number, number];
for (const [name, value] of Object.entries({ stalledCount, healthyCount, megabytes, seconds })) {
  if (Number.isInteger(value) && value > 0) continue;
  console.error(`${name} must be a whole number from 1 on: --stalled, --healthy, --megabytes, --seconds`);
  process.exit(2);
}
const framesPerChannel = Math.ceil((megabytes * 2 ** 20) / PAYLOAD_BYTES / CHANNELS / RECORDS_PER_FRAME);
const perChannel = framesPerChannel * RECORDS_PER_FRAME;
spawnSync('taskset', ['-a', '-p', '-c', '1', String(process.pid)]);

interface Run {
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** How late the publisher was at most, held back by its credit. */
  readonly mostLateMs: number;
  readonly hubCpuSeconds: number;
  readonly rssBytes: number;
  readonly bufferedBytes: number;
  readonly deliveries: number;
  readonly complete: number;
  readonly gapped: number;
  readonly wrong: readonly string[];
}

async function run(stalledReaders: number): Promise<Run> {
  const hub = await HubRun.start();
  const { url, token } = hub.address;
  const channels = Array.from({ length: CHANNELS }, (_, i) => `bench.${i}`);
  const channelOf = (i: number) => channels[i % CHANNELS]!;
  const latenciesMs: number[] = [];
  let deliveries = 0;
  for (let i = 0; i < healthyCount; i++) {
    await openHealthy(url, token, channelOf(i), (timeMs) => {
      deliveries++;
      // The first seconds warm up; one in ten is enough to tell.
      if (deliveries % 10 === 0) latenciesMs.push(now() - timeMs);
    });
  }
  const stalled: StalledReader[] = [];
  for (let i = 0; i < stalledReaders; i++) stalled.push(await StalledReader.open(url, token, channelOf(i)));
  const publisher = await SteadyPublisher.open(url, token, PAYLOAD_BYTES, channels);
  const before = await hub.usage();
  const head = await publisher.publish(perChannel, seconds, (part) =>
    process.stderr.write(`\r${stalledReaders} stalled: ${Math.round(part * 100)} % `),
  );
  await quiet(() => deliveries);
  const after = await hub.usage();
  const { rssBytes } = after;
  const bufferedBytes = await metric(url, 'ringcast_buffered_bytes');
  process.stderr.write(`\r${stalledReaders} stalled: published; waking …  `);
  const ends = await Promise.all(stalled.map((reader) => reader.wake(head, 300_000)));
  process.stderr.write('\n');
  await hub.end();
  latenciesMs.sort((a, b) => a - b);
  const at = (p: number) => latenciesMs[Math.floor(p * latenciesMs.length)] ?? Number.NaN;
  return {
    p50Ms: at(0.5),
    p99Ms: at(0.99),
    mostLateMs: publisher.mostLateMs,
    hubCpuSeconds: (after.cpuMs - before.cpuMs) / 1000,
    rssBytes,
    bufferedBytes,
    deliveries,
    complete: ends.filter((end) => end === 'complete').length,
    gapped: ends.filter((end) => end === 'gaps').length,
    wrong: ends.filter((end) => end !== 'complete' && end !== 'gaps'),
  };
}

/** Until nothing more comes for half a second. */
async function quiet(count: () => number): Promise<void> {
  for (let before = -1; before !== count(); ) {
    before = count();
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}

async function metric(url: string, name: string): Promise<number> {
  const text = await (await fetch(`${url.replace('ws:', 'http:')}/metrics`)).text();
  return Number(
    text
      .split('\n')
      .find((line) => line.startsWith(`${name} `))
      ?.slice(name.length + 1),
  );
}

const without = await run(0);
const beside = await run(stalledCount);
const figures = {
  publishedRecords: perChannel * CHANNELS,
  expectedDeliveries: perChannel * healthyCount,
  without,
  beside,
  p99Ratio: beside.p99Ms / without.p99Ms,
  kibPerStalledReader: (beside.rssBytes - without.rssBytes) / stalledCount / 1024,
  bufferedKibPerStalledReader: beside.bufferedBytes / stalledCount / 1024,
};
console.log(JSON.stringify(figures, null, 2));
if (values.json) writeFileSync(values.json, `${JSON.stringify(figures, null, 2)}\n`);
process.exit(beside.wrong.length === 0 ? 0 : 1);
