/**
 * The built command line as processes, each with a deadline, and gone when the test is. Needs `npm run build`.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';
import { until } from './until.ts';

const ENTRY = fileURLToPath(new URL('../../dist/server/cli.js', import.meta.url));
const DEADLINE_MS = 15_000;

export interface Ended {
  /** The exit code, or the signal that ended it. */
  readonly code: number | string;
  readonly stdout: string;
  readonly stderr: string;
}

export class CliProcess {
  readonly child: ChildProcess;
  stdout = '';
  stderr = '';
  readonly ended: Promise<Ended>;

  constructor(args: readonly string[], cwd: string) {
    if (!existsSync(ENTRY)) throw new Error('run `npm run build` before these tests');
    const { RINGCAST_URL: _url, RINGCAST_TOKEN: _token, RINGCAST_DEBUG: _debug, ...env } = process.env;
    this.child = spawn(process.execPath, [ENTRY, ...args], { cwd, env, stdio: 'pipe' });
    this.child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.stdout += text;
    });
    this.child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.stderr += text;
    });
    this.ended = new Promise((resolve) => {
      this.child.on('close', (code, signal) =>
        resolve({ code: code ?? signal ?? 'unknown', stdout: this.stdout, stderr: this.stderr }),
      );
    });
  }

  get lines(): string[] {
    return this.stdout.split('\n').slice(0, -1);
  }

  signal(name: NodeJS.Signals): void {
    this.child.kill(name);
  }

  async untilLines(count: number): Promise<string[]> {
    await until(() => this.lines.length >= count, {
      what: `${count} lines on standard output`,
      timeoutMs: DEADLINE_MS,
      have: () => ({ stdout: this.stdout, stderr: this.stderr }),
    });
    return this.lines;
  }
}

/** A folder's `ringcast`: commands run there. */
export class CliFolder {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  /** Starts a command that goes on by itself; it is killed at the end of the test, should it still run. */
  start(...args: readonly string[]): CliProcess {
    const started = new CliProcess(args, this.path);
    onTestFinished(async () => {
      started.signal('SIGKILL');
      await started.ended;
    });
    return started;
  }

  /** Runs a command to its end; killed at the deadline. */
  async run(args: readonly string[], input?: string): Promise<Ended> {
    const started = this.start(...args);
    started.child.stdin?.on('error', () => {}).end(input ?? '');
    const deadline = setTimeout(() => started.signal('SIGKILL'), DEADLINE_MS);
    const ended = await started.ended;
    clearTimeout(deadline);
    return ended;
  }

  /** Starts a hub on any free port and resolves once it listens. */
  async serve(...args: readonly string[]): Promise<{ readonly hub: CliProcess; readonly url: string }> {
    const hub = this.start('serve', ...(args.includes('--port') ? [] : ['--port', '0']), ...args);
    const file = await until(
      async () => {
        const text = await readFile(join(this.path, '.ringcast/hub.json'), 'utf8');
        const found = JSON.parse(text) as { url: string; pid: number };
        if (found.pid !== hub.child.pid) throw new Error('that of an earlier hub');
        return found;
      },
      { what: 'hub.json of the hub', timeoutMs: DEADLINE_MS, have: () => hub.stderr + hub.stdout },
    );
    return { hub, url: file.url };
  }
}
