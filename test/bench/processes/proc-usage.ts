/** What a process has used, as the kernel tells it in /proc: of all its threads, and without asking the process. Linux only. */
import { readFileSync } from 'node:fs';
import { now } from '../clock.ts';

export interface Usage {
  readonly cpuMs: number;
  /** When that was. */
  readonly timeMs: number;
  readonly rssBytes: number;
}

/** Of utime and stime: USER_HZ, 100 on every Linux that Node runs on. */
const TICK_MS = 10;

/** Undefined where there is no /proc, or no such process. */
export function usageOf(pid: number): Usage | undefined {
  try {
    return {
      timeMs: now(),
      cpuMs: cpuMsOf(readFileSync(`/proc/${pid}/stat`, 'latin1')),
      rssBytes: rssBytesOf(readFileSync(`/proc/${pid}/status`, 'latin1')),
    };
  } catch {
    return undefined;
  }
}

/** From /proc/<pid>/stat. */
export function cpuMsOf(stat: string): number {
  // The name, in parentheses, may hold spaces and parentheses.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
}

/** From /proc/<pid>/status. */
export function rssBytesOf(status: string): number {
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024;
}
