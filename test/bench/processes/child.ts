/**
 * A process of a bench, as its parent sees it: forked onto a core, asked one thing at a time, ended. The other side is
 * answering.ts. Called by scenarios; outside programs are daemons/daemon.ts's.
 */
import { type ChildProcess, fork, spawnSync } from 'node:child_process';

export interface Usage {
  readonly cpuMs: number;
  /** When that was. */
  readonly timeMs: number;
  readonly rssBytes: number;
}

/** What is measured, whoever runs it. */
export interface MeasuredProcess {
  readonly pid: number;
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

export const canPin = spawnSync('taskset', ['-V']).status === 0;

export class Child implements MeasuredProcess {
  readonly #process: ChildProcess;
  readonly #ended: Promise<void>;
  readonly #asked = new Map<number, Asked>();
  #lastId = 0;
  #isEnding = false;

  /** @param script beside this file, with the ending .js */
  static start(script: string, core: 0 | 1): Child {
    const child = fork(new URL(script, import.meta.url), { execArgv: [], serialization: 'advanced' });
    // All its threads: the workers of libuv come later and inherit it.
    if (canPin) spawnSync('taskset', ['-a', '-p', '-c', String(core), String(child.pid)]);
    return new Child(child, script);
  }

  private constructor(child: ChildProcess, script: string) {
    this.#process = child;
    child.on('message', (answer: Answer) => this.#take(answer));
    this.#ended = new Promise((resolve) =>
      child.once('exit', (code, signal) => {
        const error = new Error(`${script} ended with ${code ?? signal}`);
        for (const { reject } of this.#asked.values()) reject(error);
        this.#asked.clear();
        if (!this.#isEnding) process.stderr.write(`${error.message}\n`);
        resolve();
      }),
    );
  }

  get pid(): number {
    return this.#process.pid!;
  }

  ask<Result = void>(question: string, argument?: unknown): Promise<Result> {
    return new Promise<Result>((resolve, reject) => {
      const id = ++this.#lastId;
      this.#asked.set(id, { resolve, reject });
      this.#process.send({ id, question, argument }, (error) => error && reject(error));
    });
  }

  usage(): Promise<Usage> {
    return this.ask<Usage>('usage');
  }

  async end(): Promise<void> {
    this.#isEnding = true;
    if (this.#process.connected) this.#process.disconnect();
    await this.#ended;
  }

  #take({ id, value, error }: Answer): void {
    const asked = this.#asked.get(id);
    this.#asked.delete(id);
    if (error !== undefined) asked?.reject(new Error(error));
    else asked?.resolve(value as never);
  }
}

/** Ends them all, whatever becomes of `run`. */
export async function withProcesses<Result>(
  run: (keep: <P extends MeasuredProcess>(process: P) => P) => Promise<Result>,
): Promise<Result> {
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
