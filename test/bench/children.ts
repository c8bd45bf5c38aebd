/** The processes of a bench: started on a core each, asked for their figures. */
import { type ChildProcess, fork, spawnSync } from 'node:child_process';

export function start(script: string, core: number): ChildProcess {
  const path = new URL(script, import.meta.url);
  const pinned = spawnSync('taskset', ['-V']).status === 0;
  const child = fork(path, { execArgv: [] });
  if (pinned) spawnSync('taskset', ['-a', '-p', '-c', String(core), String(child.pid)]);
  return child;
}

export function message(child: ChildProcess): Promise<unknown> {
  return new Promise((resolve, reject) => {
    child.once('message', resolve);
    child.once('exit', (code) => reject(new Error(`a process of the bench ended with ${code}`)));
  });
}

export async function usage(child: ChildProcess): Promise<{ cpuMs: number; rssBytes: number }> {
  child.send('usage');
  return (await message(child)) as { cpuMs: number; rssBytes: number };
}

/** One clock for all processes, ms with fraction. */
export function now(): number {
  return performance.timeOrigin + performance.now();
}
