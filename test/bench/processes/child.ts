/**
 * A process of a bench, as its parent sees it: forked onto a core, asked by name, ended. The other side is answering.ts.
 * Called by scenarios; outside programs are daemons/daemon.ts's.
 */
import { type ChildProcess, fork, spawnSync } from 'node:child_process';
import { LastWords } from './last-words.ts';
import { type Usage, usageOf } from './proc-usage.ts';

/** What is measured, whoever runs it. */
export interface MeasuredProcess {
  usage(): Promise<Usage>;
  end(): Promise<void>;
}

interface Answer {
  readonly id: number;
  readonly value?: unknown;
  readonly error?: string;
}

interface Asked {
  resolve(value: never): void;
  reject(error: Error): void;
}

/** Where there is no taskset, processes run where the system puts them. */
export const canPin = spawnSync('taskset', ['-V']).status === 0;
/** A hub writes what it holds before it ends. */
const END_MS = 15_000;

export class Child implements MeasuredProcess {
  readonly #process: ChildProcess;
  readonly #ended: Promise<void>;
  readonly #asked = new Map<number, Asked>();
  #lastId = 0;
  #isEnding = false;
  /** Why it cannot answer any more. */
  #fault: Error | undefined;

  /** @param script from this folder, with the ending .js */
  static start(script: string, core: 0 | 1): Child {
    const child = fork(new URL(script, import.meta.url), {
      execArgv: [],
      serialization: 'advanced',
      stdio: ['ignore', 'inherit', 'pipe', 'ipc'],
    });
    // All its threads: the workers of libuv come later and inherit it.
    if (canPin) spawnSync('taskset', ['-a', '-p', '-c', String(core), String(child.pid)]);
    return new Child(child, script);
  }

  private constructor(child: ChildProcess, script: string) {
    this.#process = child;
    const lastWords = new LastWords(child);
    child.on('message', (answer: Answer) => this.#take(answer));
    this.#ended = new Promise((resolve) =>
      // Not 'close', which does not come where the parent has disconnected.
      child.once('exit', async (code, signal) => {
        this.#fault = await lastWords.error(script, code ?? signal);
        if (!this.#isEnding && this.#asked.size === 0) process.stderr.write(`${this.#fault.message}\n`);
        for (const { reject } of this.#asked.values()) reject(this.#fault);
        this.#asked.clear();
        resolve();
      }),
    );
  }

  async ask<Result = void>(question: string, argument?: unknown): Promise<Result> {
    // One that is about to be closed says why before long, and better than the channel does.
    if (!this.#process.connected) await this.#ended;
    if (this.#fault) throw this.#fault;
    return await new Promise<Result>((resolve, reject) => {
      const id = ++this.#lastId;
      this.#asked.set(id, { resolve, reject });
      // An error of sending is the end of the process, which rejects.
      this.#process.send({ id, question, argument }, () => {});
    });
  }

  /** From /proc where there is one: a process in a long turn of its event loop would answer late. */
  async usage(): Promise<Usage> {
    return usageOf(this.#process.pid!) ?? (await this.ask<Usage>('usage'));
  }

  async end(): Promise<void> {
    this.#isEnding = true;
    if (this.#process.connected) this.#process.disconnect();
    const patience = setTimeout(() => this.#process.kill('SIGKILL'), END_MS);
    await this.#ended;
    clearTimeout(patience);
  }

  #take({ id, value, error }: Answer): void {
    const asked = this.#asked.get(id);
    this.#asked.delete(id);
    if (error !== undefined) asked?.reject(new Error(error));
    else asked?.resolve(value as never);
  }
}

/** Has a process ended when the run is over. */
export type Keep = <P extends MeasuredProcess>(process: P) => P;

/** Ends them all, whatever becomes of `run`. */
export async function withProcesses<Result>(run: (keep: Keep) => Promise<Result>): Promise<Result> {
  const kept: MeasuredProcess[] = [];
  try {
    return await run((process) => {
      kept.push(process);
      return process;
    });
  } finally {
    // The load first: a server that loses its clients stops sooner than clients that lose their server.
    for (const process of kept.reverse()) await process.end();
  }
}
