/**
 * `npm run bench [-- --scenario a,d --seconds 5 --burst 32 --window 8 --json FILE]`: measures the hub beside others in one
 * run. Each server is a process of its own on core 0, the load another on core 1 (where `taskset` exists).
 *
 * How many publishes come at once decides what native topics can do: they gather a tick's messages per subscriber, but
 * drain at 32, inside the handler, where nothing can be corked. `--burst 30 --window 1` is kind to them.
 */
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { message, start, usage } from './children.ts';
import type { LoadOrder, LoadResult } from './load.ts';

interface Scenario {
  readonly what: string;
  readonly subscribers: number;
  readonly ratePerSecond: number | null;
}

const SCENARIOS: Readonly<Record<string, Scenario>> = {
  a: { what: '1 channel × 100 subscribers × 100 B, saturated', subscribers: 100, ratePerSecond: null },
  b: { what: '1 channel × 1,000 subscribers × 100 B, saturated', subscribers: 1000, ratePerSecond: null },
  d: { what: '1 → 1 at 1,000 records/s, latency', subscribers: 1, ratePerSecond: 1000 },
  e: { what: '1 → 1,000 at 100 records/s, latency', subscribers: 1000, ratePerSecond: 100 },
};
const SERVERS = ['uws', 'floor', 'ringcast'];
const PAYLOAD_BYTES = 100;
const WARM_UP_MS = 1500;

interface Figures {
  readonly deliveriesPerCpuSecond: number;
  readonly deliveriesPerSecond: number;
  readonly p50Us?: number;
  readonly p90Us?: number;
  readonly p99Us?: number;
  readonly p999Us?: number;
  readonly rssBytes: number;
}

const { values } = parseArgs({
  options: {
    scenario: { type: 'string', default: 'a,d' },
    seconds: { type: 'string', default: '5' },
    burst: { type: 'string', default: '32' },
    window: { type: 'string', default: '8' },
    json: { type: 'string' },
  },
});

const results: Record<
  string,
  { what: string; servers: Record<string, Figures>; ratios: Record<string, number> }
> = {};
for (const letter of values.scenario.split(',')) {
  const scenario = SCENARIOS[letter];
  if (!scenario) throw new Error(`no scenario ${letter}: choose from ${Object.keys(SCENARIOS).join(', ')}`);
  const servers: Record<string, Figures> = {};
  for (const server of SERVERS) {
    process.stderr.write(`${letter}: ${scenario.what}: ${server} …\n`);
    servers[server] = await measure(server, scenario, Number(values.seconds) * 1000);
  }
  const ours = servers.ringcast!;
  const ratios = Object.fromEntries(
    Object.entries(servers).map(([name, { deliveriesPerCpuSecond: theirs }]) => [
      name,
      ours.deliveriesPerCpuSecond / theirs,
    ]),
  );
  results[letter] = { what: scenario.what, servers, ratios };
  report(letter);
}
if (values.json) writeFileSync(values.json, `${JSON.stringify(results, null, 2)}\n`);
process.exit(0);

async function measure(server: string, scenario: Scenario, measureMs: number): Promise<Figures> {
  const serving = start(`./servers/${server}.js`, 0);
  const { url, token } = (await message(serving)) as { url: string; token: string };
  const load = start('./load.js', 1);
  const { subscribers, ratePerSecond } = scenario;
  const order: LoadOrder = {
    server,
    url,
    token,
    subscribers,
    ratePerSecond,
    measureMs,
    payloadBytes: PAYLOAD_BYTES,
    warmUpMs: WARM_UP_MS,
    burst: Number(values.burst),
    window: Number(values.window),
  };
  load.send(order);
  await message(load);
  const before = await usage(serving);
  const result = (await message(load)) as LoadResult;
  const after = await usage(serving);
  load.disconnect();
  serving.disconnect();
  await new Promise((resolve) => serving.once('exit', resolve));
  const cpuSeconds = (after.cpuMs - before.cpuMs) / 1000;
  const [p50Us, p90Us, p99Us, p999Us] = result.latenciesUs;
  return {
    deliveriesPerCpuSecond: result.deliveries / cpuSeconds,
    deliveriesPerSecond: result.deliveries / (result.elapsedMs / 1000),
    ...(p50Us !== undefined && { p50Us, p90Us, p99Us, p999Us }),
    rssBytes: after.rssBytes,
  } as Figures;
}

function report(letter: string): void {
  const { what, servers, ratios } = results[letter]!;
  console.log(`\n${letter}: ${what}`);
  console.table(
    Object.fromEntries(
      Object.entries(servers).map(([name, figures]) => [
        name,
        {
          'M deliveries / CPU s': round(figures.deliveriesPerCpuSecond / 1e6),
          'M deliveries / s': round(figures.deliveriesPerSecond / 1e6),
          'ours to it': round(ratios[name]!),
          'p50 µs': round(figures.p50Us),
          'p99 µs': round(figures.p99Us),
          'p99.9 µs': round(figures.p999Us),
          'RSS MiB': round(figures.rssBytes / 2 ** 20),
        },
      ]),
    ),
  );
}

function round(value: number | undefined): number | string {
  if (value === undefined) return '';
  return value >= 100 ? Math.round(value) : Math.round(value * 100) / 100;
}
