/**
 * A program from outside, such as nats-server, on core 0: started with a folder and a port of its own, measured through
 * /proc, ended by its id with its folder removed, also when the bench fails or is interrupted. Which program and which
 * settings: the other files of this folder.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { type AddressInfo, connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { canPin, type MeasuredProcess } from '../processes/child.ts';
import { LastWords } from '../processes/last-words.ts';
import { type Usage, usageOf } from '../processes/proc-usage.ts';
import { AbsentPeer } from '../scenario.ts';
import { pathOf } from './installed-program.ts';

const START_MS = 10_000;
const RETRY_MS = 20;
const END_MS = 3000;

const running = new Set<Daemon>();

export class Daemon implements MeasuredProcess {
  readonly #program: string;
  readonly #process: ChildProcess;
  readonly #folder: string;
  readonly #lastWords: LastWords;
  readonly #ended: Promise<void>;

  /** `argumentsFor` gets an empty folder. Waits until something listens on `port`. Throws AbsentPeer. */
  static async start(
    program: string,
    argumentsFor: (folder: string) => readonly string[],
    port: number,
  ): Promise<Daemon> {
    const path = pathOf(program);
    if (!path) throw new AbsentPeer(`install ${program}`);
    if (!usageOf(process.pid))
      throw new AbsentPeer('its CPU is read from /proc, which this system does not have');
    const folder = mkdtempSync(join(tmpdir(), 'ringcast-bench-'));
    const daemon = new Daemon(program, [path, ...argumentsFor(folder)], folder);
    await daemon.#listening(port);
    return daemon;
  }

  private constructor(program: string, command: readonly string[], folder: string) {
    // taskset becomes the program, under the same id; Go counts the cores that it is left with.
    const [file, ...args] = [...(canPin ? ['taskset', '-c', '0'] : []), ...command];
    this.#program = program;
    this.#folder = folder;
    this.#process = spawn(file!, args, { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] });
    this.#lastWords = new LastWords(this.#process);
    this.#ended = new Promise((resolve) => this.#process.once('close', () => resolve()));
    watchTheBench();
    running.add(this);
  }

  async usage(): Promise<Usage> {
    const usage = usageOf(this.#process.pid!);
    if (!usage || this.#hasEnded) throw await this.#fault();
    return usage;
  }

  async end(): Promise<void> {
    this.#process.kill('SIGTERM');
    const patience = setTimeout(() => this.#process.kill('SIGKILL'), END_MS);
    await this.#ended;
    clearTimeout(patience);
    this.drop();
  }

  /** At once, for when nothing can be awaited. */
  drop(): void {
    running.delete(this);
    this.#process.kill('SIGKILL');
    // Again, where it has yet written a moment ago.
    rmSync(this.#folder, { recursive: true, force: true, maxRetries: 5 });
  }

  get #hasEnded(): boolean {
    return this.#process.exitCode !== null || this.#process.signalCode !== null;
  }

  async #fault(): Promise<Error> {
    await this.#ended;
    return await this.#lastWords.error(this.#program, this.#process.exitCode ?? this.#process.signalCode);
  }

  async #listening(port: number): Promise<void> {
    const endMs = performance.now() + START_MS;
    while (!(await listensOn(port))) {
      if (!this.#hasEnded && performance.now() < endMs) continue;
      this.drop();
      throw await this.#fault();
    }
  }
}

export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
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
    socket.once('error', () => setTimeout(() => resolve(false), RETRY_MS));
  });
}

let isWatching = false;

/** However it ends, daemons end with it. */
function watchTheBench(): void {
  if (isWatching) return;
  isWatching = true;
  process.on('exit', () => {
    for (const daemon of [...running]) daemon.drop();
  });
  for (const [signal, code] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const)
    process.once(signal, () => process.exit(code));
}
