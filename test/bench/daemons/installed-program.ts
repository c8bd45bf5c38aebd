/** Where a program from outside lies, and what it says of its version. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Distributions put servers there, out of the PATH of those who are not root. */
const FURTHER_FOLDERS = ['/usr/local/sbin', '/usr/sbin'];

/** Undefined where `program` is not installed. */
export function pathOf(program: string): string | undefined {
  return [...(process.env.PATH ?? '').split(delimiter), ...FURTHER_FOLDERS]
    .map((folder) => join(folder, program))
    .find((path) => existsSync(path));
}

/** Null where `program` is not installed. */
export function versionOf(program: string, flag: string): string | null {
  const path = pathOf(program);
  if (!path) return null;
  const { stdout, stderr } = spawnSync(path, [flag], { encoding: 'utf8' });
  return /(\d+\.\d+\.\d+)/.exec(`${stdout}${stderr}`)?.[1] ?? 'unknown';
}
