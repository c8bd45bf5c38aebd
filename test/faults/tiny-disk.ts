/** A file system of a few MiB for one test, gone when the test is. Needs root on Linux; says so where it cannot be. */
import { spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';

export interface TinyDisk {
  readonly folder: string;
  /** Takes space that {@link freeSpace} gives back. */
  takeSpace(bytes: number): Promise<void>;
  freeSpace(): Promise<void>;
}

/** The disk, or why there can be none. Whatever uses it must be stopped by an `onTestFinished` registered later. */
export async function mountTinyDisk(mebibytes: number): Promise<TinyDisk | { readonly impossible: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'ringcast-disk-'));
  const mounted = run('mount', ['-t', 'tmpfs', '-o', `size=${mebibytes}m`, 'ringcast-test', folder]);
  if (mounted !== null) {
    await rm(folder, { recursive: true, force: true });
    return { impossible: `no tmpfs can be mounted here: ${mounted}` };
  }
  onTestFinished(async () => {
    if (run('umount', [folder]) !== null) run('umount', ['-l', folder]);
    await rm(folder, { recursive: true, force: true });
  });
  const filler = join(folder, 'filler');
  return {
    folder,
    takeSpace: (bytes) => writeFile(filler, Buffer.alloc(bytes)),
    freeSpace: () => rm(filler),
  };
}

/** What went wrong; null if nothing did. */
function run(command: string, args: readonly string[]): string | null {
  const { status, stderr, error } = spawnSync(command, args, { encoding: 'utf8', timeout: 10_000 });
  if (error) return error.message;
  return status === 0 ? null : stderr.trim() || `${command} ended with ${status}`;
}
