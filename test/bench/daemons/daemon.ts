/**
 * A program from outside, such as nats-server, on core 0: started with a folder and a port of its own, measured through
 * /proc, ended by its id with its folder removed, also when the bench fails or is interrupted. Which program and which
 * settings: the other files of this folder.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { now } from '../children.ts';
import { canPin, type MeasuredProcess, type Usage } from '../processes/child.ts';
import { AbsentPeer } from '../scenario.ts';

const START_MS = 10_000;
/** Of utime and stime: USER_HZ, 100 on every Linux that Node runs on. */
const TICK_MS = 10;

const running = new Set<Daemon>();

export class Daemon implements MeasuredProcess {
  readonly #process: ChildProcess;
  readonly #folder: string;
  readonly #ended: Promise<void>;

  /** `argumentsFor` gets an empty folder. Waits until something listens on `port`. Throws AbsentPeer. */
  static async start(
    program: string,
    argumentsFor: (folder: string) => readonly string[],
    port: number,
  ): Promise<Daemon> {
    if (spawnSync(program, ['--version']).error)
      throw new AbsentPeer(`install ${program}: it is not on the PATH`);
    if (process.platform !== 'linux')
      throw new AbsentPeer(`${program} is measured through /proc, on Linux only`);
    const folder = mkdtempSync(join(tmpdir(), 'ringcast-bench-'));
    const daemon = new Daemon(program, argumentsFor(folder), folder);
    await daemon.#listening(program, port);
    return daemon;
  }

  private constructor(program: string, args: readonly string[], folder: string) {
    const [command, ...rest] = canPin ? ['taskset', '-c', '0', program, ...args] : [program, ...args];
    this.#folder = folder;
    this.#process = spawn(command!, rest, { cwd: folder, stdio: 'ignore' });
    this.#ended = new Promise((resolve) => this.#process.once('exit', () => resolve()));
    if (running.size === 0) watch();
    running.add(this);
  }

  /** taskset becomes the program: the id stays. */
  get pid(): number {
    return this.#process.pid!;
  }

  async usage(): Promise<Usage> {
    return {
      timeMs: now(),
      cpuMs: cpuMsOf(readFileSync(`/proc/${this.pid}/stat`, 'latin1')),
      rssBytes: rssBytesOf(readFileSync(`/proc/${this.pid}/status`, 'latin1')),
    };
  }

  async end(): Promise<void> {
    this.#process.kill('SIGTERM');
    const patience = setTimeout(() => this.#process.kill('SIGKILL'), 3000);
    await this.#ended;
    clearTimeout(patience);
    this.drop();
  }

  /** At once, for when nothing can be awaited. */
  drop(): void {
    running.delete(this);
    this.#process.kill('SIGKILL');
    rmSync(this.#folder, { recursive: true, force: true, maxRetries: 3 });
  }

  async #listening(program: string, port: number): Promise<void> {
    const endMs = Date.now() + START_MS;
    while (!(await listensOn(port))) {
      if (this.#process.exitCode === null && Date.now() < endMs) continue;
      this.drop();
      throw new Error(`${program} does not listen on ${port}: it ended with ${this.#process.exitCode}`);
    }
  }
}

/** All of the process's threads, from /proc/<pid>/stat. */
export function cpuMsOf(stat: string): number {
  // The name, in parentheses, may hold spaces and parentheses.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
}

/** From /proc/<pid>/status. */
export function rssBytesOf(status: string): number {
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024;
}

export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}

function listensOn(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => setTimeout(() => resolve(false), 20));
  });
}

let isWatching = false;

function watch(): void {
  if (isWatching) return;
  isWatching = true;
  process.on('exit', () => {
    for (const daemon of [...running]) daemon.drop();
  });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.once(signal, () => process.exit(130));
}
