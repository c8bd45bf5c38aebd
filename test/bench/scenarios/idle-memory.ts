/**
 * i: what one more idle connection with one subscription costs in memory. 1,000 connections are open first; by how much
 * the server's resident memory (RSS) grows from there, once all others are open and it grows no more, is divided by their
 * number. What a process grows once, such as a garbage collector's young space or the code that it compiles, belongs to no
 * connection; it is the same with few as with many, and would be divided among however many were measured.
 * No garbage collection is forced: what a server leaves lying about is its cost. The kernel's part is not in it, for any
 * server.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { Child, type Keep, type MeasuredProcess, withProcesses } from '../processes/child.ts';
import type { IdleOrder } from '../processes/idle-clients.ts';
import { AbsentPeer, type BenchRun, type Figures, type Scenario } from '../scenario.ts';
import { type StartedServer, startServer } from '../started-server.ts';
import { pause } from './saturation.ts';

/** Open before the others, and not counted. */
const FIRST_CONNECTIONS = 1000;
const CLIENTS_PER_PROCESS = 10_000;
/** Beside its connections: files of the store, libraries, pipes. */
const SPARE_FILES = 300;
const WARM_UP_MS = 5000;
const SETTLE_STEP_MS = 500;
const SETTLE_STEPS = 12;

export const idleMemory = idleScenario('i', 10_000);
export const idleMemoryOfMany = idleScenario('i50', 50_000);

function idleScenario(letter: string, count: number): Scenario {
  return {
    letter,
    what: `${count.toLocaleString('en')} idle connections with 1 subscription beside 1,000, memory of the server`,
    compares: { figure: 'bytesPerConnection', better: 'less' },
    servers: ['ringcast', 'uws', 'ws', 'socketio', 'nats', 'nats-ws', 'redis'],
    measure: (server, run) => measureIdle(server, count, run),
  };
}

async function measureIdle(name: string, count: number, run: BenchRun): Promise<Figures> {
  const total = FIRST_CONNECTIONS + count;
  raiseFileLimit(total + SPARE_FILES);
  return await withProcesses(async (keep) => {
    const server = await startServer(name, total + SPARE_FILES);
    const measured = keep(server.process);
    const clients = new IdleClients(name, server, keep);
    await clients.open(FIRST_CONNECTIONS);
    // What a server does every few seconds, it has done by then.
    await pause(WARM_UP_MS);
    const before = await settled(measured);
    await clients.open(count);
    const after = await settled(measured);
    const open = await clients.count();
    if (open !== total) throw new Error(`${name} keeps ${open} of ${total} connections`);
    run.progress(`${open} open, RSS ${mib(before)} → ${mib(after)} MiB`);
    return { bytesPerConnection: (after - before) / count, rssBytes: after };
  });
}

/** In as many processes as it takes: each has ports for so many. */
class IdleClients {
  readonly #processes: Child[] = [];
  readonly #order: Pick<IdleOrder, 'server' | 'port' | 'token'>;
  readonly #keep: Keep;

  constructor(server: string, { url, token }: StartedServer, keep: Keep) {
    this.#order = { server, port: Number(new URL(url).port), token };
    this.#keep = keep;
  }

  /** So many more. */
  async open(count: number): Promise<void> {
    const shares = Array.from({ length: Math.ceil(count / CLIENTS_PER_PROCESS) }, (_, i) =>
      Math.min(CLIENTS_PER_PROCESS, count - i * CLIENTS_PER_PROCESS),
    );
    await Promise.all(
      shares.map((share) => {
        const client = this.#keep(Child.start('./idle-clients.js', 1));
        this.#processes.push(client);
        const localAddress = `127.0.0.${this.#processes.length + 1}`;
        return client.ask('open', { ...this.#order, count: share, localAddress } satisfies IdleOrder);
      }),
    );
  }

  async count(): Promise<number> {
    const counts = await Promise.all(this.#processes.map((client) => client.ask<number>('count')));
    return counts.reduce((sum, each) => sum + each, 0);
  }
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
