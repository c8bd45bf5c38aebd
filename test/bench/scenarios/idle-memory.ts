/**
 * i: what an idle connection with one subscription costs in memory: how much the server's resident memory (RSS) has
 * grown once all are open and it grows no more, over the RSS before the first, divided by their number. No garbage
 * collection is forced: what a server leaves lying about is its cost. The kernel's part is not in it, for any server.
 */

import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { startNats } from '../daemons/nats.ts';
import { startRedis } from '../daemons/redis.ts';
import { Child, type MeasuredProcess, withProcesses } from '../processes/child.ts';
import type { IdleOrder } from '../processes/idle-clients.ts';
import { AbsentPeer, type BenchRun, type Figures, type Scenario } from '../scenario.ts';
import { HubRun } from './hub-run.ts';
import { pause } from './saturation.ts';

const CLIENTS_PER_PROCESS = 10_000;
/** Beside its connections: files of the store, libraries, pipes. */
const SPARE_FILES = 300;
const SETTLE_STEP_MS = 500;
const SETTLE_STEPS = 12;

export const idleMemory = idleScenario('i', 10_000);
export const idleMemoryOfMany = idleScenario('i50', 50_000);

function idleScenario(letter: string, count: number): Scenario {
  return {
    letter,
    what: `${count.toLocaleString('en')} idle connections with 1 subscription, memory of the server`,
    compares: { figure: 'bytesPerConnection', better: 'less' },
    servers: ['ringcast', 'uws', 'ws', 'socketio', 'nats', 'nats-ws', 'redis'],
    measure: (server, run) => measureIdle(server, count, run),
  };
}

async function measureIdle(server: string, count: number, run: BenchRun): Promise<Figures> {
  raiseFileLimit(count + SPARE_FILES);
  return await withProcesses(async (keep) => {
    const { measured, port, token } = await start(server, count);
    keep(measured);
    const before = await settled(measured);
    const clients = Array.from({ length: Math.ceil(count / CLIENTS_PER_PROCESS) }, () =>
      keep(Child.start('./idle-clients.js', 1)),
    );
    const startMs = Date.now();
    await Promise.all(
      clients.map((client, i) => {
        const share = Math.min(CLIENTS_PER_PROCESS, count - i * CLIENTS_PER_PROCESS);
        const order: IdleOrder = { server, port, token, count: share, localAddress: `127.0.0.${i + 2}` };
        return client.ask('open', order);
      }),
    );
    const after = await settled(measured);
    const counts = await Promise.all(clients.map((client) => client.ask<number>('count')));
    const open = counts.reduce((sum, each) => sum + each, 0);
    if (open !== count) throw new Error(`${server} keeps ${open} of ${count} connections`);
    const seconds = (Date.now() - startMs) / 1000;
    run.progress(
      `${open} open and settled after ${seconds.toFixed(1)} s, RSS ${mib(before)} → ${mib(after)} MiB`,
    );
    return { bytesPerConnection: (after - before) / count, rssBytes: after };
  });
}

/** RSS once it changes by less than 1 % in a second, or after 6 s. */
async function settled(server: MeasuredProcess): Promise<number> {
  const seen: number[] = [];
  for (let step = 0; step < SETTLE_STEPS; step++) {
    seen.push((await server.usage()).rssBytes);
    const [earlier, , last] = seen.slice(-3);
    if (last !== undefined && Math.abs(last - earlier!) < earlier! / 100) break;
    await pause(SETTLE_STEP_MS);
  }
  return seen.at(-1)!;
}

async function start(
  server: string,
  count: number,
): Promise<{ measured: MeasuredProcess; port: number; token: string }> {
  if (server === 'ringcast') {
    const hub = await HubRun.start();
    return { measured: hub, port: Number(new URL(hub.address.url).port), token: hub.address.token };
  }
  if (server === 'redis') {
    const { daemon, port } = await startRedis({ maxClients: count + 100 });
    return { measured: daemon, port, token: '' };
  }
  if (server.startsWith('nats')) {
    const { daemon, port, webSocketPort } = await startNats({ webSocket: server === 'nats-ws' });
    return { measured: daemon, port: server === 'nats-ws' ? webSocketPort : port, token: '' };
  }
  const measured = Child.start('./idle-server.js', 0);
  return { measured, port: await measured.ask<number>('start', server), token: '' };
}

/** Processes that are started from now on may open so many files. */
function raiseFileLimit(files: number): void {
  if (fileLimit() >= files) return;
  spawnSync('prlimit', ['--pid', String(process.pid), `--nofile=${files}:${files}`]);
  const limit = fileLimit();
  if (limit < files) {
    throw new AbsentPeer(
      `it needs ${files} open files in one process, and ${limit} are allowed: ulimit -n ${files}`,
    );
  }
}

/** Infinity where it is not known. */
function fileLimit(): number {
  if (process.platform !== 'linux') return Number.POSITIVE_INFINITY;
  const limits = readFileSync('/proc/self/limits', 'latin1');
  return Number(/^Max open files\s+(\d+)/m.exec(limits)?.[1] ?? Number.POSITIVE_INFINITY);
}

function mib(bytes: number): number {
  return Math.round(bytes / 2 ** 20);
}
