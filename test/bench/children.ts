/** The processes of a bench: started on a core each, asked for their figures, gone when the bench is, however it ends. */
import { type ChildProcess, fork, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export const SERVER_CORE = 0;
export const LOAD_CORE = 1;

export interface Usage {
  readonly cpuMs: number;
  readonly rssBytes: number;
}

/** Where there is none, processes run where the system puts them. */
export const CAN_PIN = spawnSync('taskset', ['-V']).status === 0;
const STDERR_KEPT = 2000;

/** By its folder. */
const running = new Map<ChildProcess, string>();
const lastWords = new WeakMap<ChildProcess, string>();

process.on('exit', () => {
  for (const child of running.keys()) child.kill('SIGKILL');
  for (const folder of running.values()) remove(folder);
});
for (const [signal, code] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const) {
  // Not those of a bench's own children: they have their own ends.
  if (!process.send) process.once(signal, () => process.exit(code));
}

/** Forks one of the bench's own programs, with a folder that goes when it does. */
export function start(script: string, core: number, args: readonly string[] = []): ChildProcess {
  const path = new URL(script, import.meta.url);
  const folder = mkdtempSync(join(tmpdir(), 'ringcast-bench-'));
  const child = fork(path, args, {
    env: { ...process.env, BENCH_FOLDER: folder },
    execArgv: [],
    stdio: ['ignore', 'inherit', 'pipe', 'ipc'],
  });
  if (CAN_PIN) spawnSync('taskset', ['-a', '-p', '-c', String(core), String(child.pid)]);
  watch(child, folder);
  return child;
}

/** Has it ended with the bench, keeps what it says last, and removes its folder when it is gone. */
export function watch(child: ChildProcess, folder: string): void {
  running.set(child, folder);
  child.once('exit', () => {
    running.delete(child);
    remove(folder);
  });
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    lastWords.set(child, `${lastWords.get(child) ?? ''}${text}`.slice(-STDERR_KEPT));
  });
}

/** Again, where a process that was killed a moment ago has yet written into it. */
function remove(folder: string): void {
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
}

/** Why a process that should not have ended did, as far as it said: an error without its stack, else its last words. */
export function endOf(child: ChildProcess, code: number | string | null): Error {
  const words = lastWords.get(child)?.trim() ?? '';
  const thrown = /^\w*Error\b[\s\S]*?(?=\n\s+at |$(?![\s\S]))/m.exec(words)?.[0];
  const said = thrown ?? words;
  return new Error(`a process of the bench ended with ${code}${said ? `: ${said}` : ''}`);
}

export function message(child: ChildProcess): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const settle = () => {
      child.off('message', onMessage);
      child.off('close', onClose);
    };
    const onMessage = (text: unknown) => {
      settle();
      resolve(text);
    };
    // 'close' rather than 'exit': by then it has said all.
    const onClose = (code: number | null, signal: string | null) => {
      settle();
      reject(endOf(child, code ?? signal));
    };
    child.once('message', onMessage);
    child.once('close', onClose);
  });
}

export async function usage(child: ChildProcess): Promise<Usage> {
  const seen = usageOf(child.pid!);
  if (seen) return seen;
  child.send('usage');
  return (await message(child)) as Usage;
}

const ticksPerSecond = Number(spawnSync('getconf', ['CLK_TCK']).stdout?.toString()) || 100;

/**
 * From /proc, undefined where that is missing. Preferred to asking: a server in a long turn of its event loop would
 * answer late, and its figures would be those of another time.
 */
export function usageOf(pid: number): Usage | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The name, in brackets, may hold anything. utime and stime are the fields 14 and 15 of all, 12 and 13 behind it.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const ticks = Number(fields[11]) + Number(fields[12]);
    const rss = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'));
    return { cpuMs: (ticks * 1000) / ticksPerSecond, rssBytes: Number(rss?.[1] ?? 0) * 1024 };
  } catch {
    return undefined;
  }
}

/** Ends one of the bench's own programs, which goes when nobody is at the other end. */
export async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once('exit', resolve));
  if (child.connected) child.disconnect();
  await killLate(child, gone);
}

const PATIENCE_MS = 5000;

export async function killLate(child: ChildProcess, gone: Promise<unknown>): Promise<void> {
  const timer = setTimeout(() => child.kill('SIGKILL'), PATIENCE_MS);
  await gone;
  clearTimeout(timer);
}

/** One clock for all processes, ms with fraction. */
export function now(): number {
  return performance.timeOrigin + performance.now();
}
