/**
 * `hub.json` in the data folder of a running hub: where it listens, for the other commands on this machine.
 *
 *     { "url": "ws://127.0.0.1:7400", "pid": 4711 }
 *
 * A hub that was killed leaves it behind, so whoever reads it also looks for the process.
 */
import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

export interface HubFile {
  readonly url: string;
  readonly pid: number;
}

const pathIn = (dataFolder: string) => join(dataFolder, 'hub.json');

export async function writeHubFile(dataFolder: string, hub: HubFile): Promise<void> {
  const path = pathIn(dataFolder);
  // Renamed into place: never seen half written.
  const asidePath = `${path}.${hub.pid}.tmp`;
  await writeFile(asidePath, `${JSON.stringify(hub)}\n`);
  await rename(asidePath, path);
}

/** Removes the file unless another hub has written its own meanwhile. */
export async function removeHubFile(dataFolder: string, pid: number): Promise<void> {
  const found = await parseHubFile(dataFolder);
  if (found?.pid === pid) await rm(pathIn(dataFolder), { force: true });
}

/** The hub that runs with this data folder; undefined when none seems to. */
export async function readHubFile(dataFolder: string): Promise<HubFile | undefined> {
  const hub = await parseHubFile(dataFolder);
  return hub && isRunning(hub.pid) ? hub : undefined;
}

async function parseHubFile(dataFolder: string): Promise<HubFile | undefined> {
  try {
    const { url, pid } = JSON.parse(await readFile(pathIn(dataFolder), 'utf8')) as Partial<HubFile>;
    return typeof url === 'string' && Number.isSafeInteger(pid) && pid! > 0 ? { url, pid: pid! } : undefined;
  } catch {
    return undefined;
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: it runs, as somebody else.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
