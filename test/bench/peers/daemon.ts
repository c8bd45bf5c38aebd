/**
 * Servers that are installed beside us: started with a folder of their own under the system's temp folder and a free port
 * of the loopback, ended by their process id, the folder removed.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { type AddressInfo, connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { CAN_PIN, endOf, killLate, SERVER_CORE, usageOf, watch } from '../children.ts';
import { AbsentPeer } from '../scenario.ts';
import type { Peer } from './peer.ts';

/** Distributions put servers there, out of the PATH of those who are not root. */
const FURTHER_FOLDERS = ['/usr/local/sbin', '/usr/sbin'];
const START_MS = 10_000;
const RETRY_MS = 20;

export interface DaemonPlan {
  readonly command: string;
  /** 'ws' or 'tcp'. */
  readonly scheme: string;
  /** Its configuration file, by the port and folder that it is given, and a port that it may need besides; null: none. */
  config(port: number, folder: string, sparePort: number): string | null;
  /** Its arguments; `configFile` is where the configuration was written. */
  args(port: number, folder: string, configFile: string): readonly string[];
}

/** Where `command` lies; undefined where it is not installed. */
export function pathOf(command: string): string | undefined {
  return [...(process.env.PATH ?? '').split(delimiter), ...FURTHER_FOLDERS]
    .map((folder) => join(folder, command))
    .find((path) => existsSync(path));
}

/** What `command` says of its version; undefined where it is not installed. */
export function versionOf(command: string, flag: string): string | undefined {
  const path = pathOf(command);
  if (!path) return undefined;
  const { stdout, stderr } = spawnSync(path, [flag], { encoding: 'utf8' });
  return /v?(?:ersion |=|: )?v?(\d+\.\d+\.\d+)/.exec(`${stdout}${stderr}`)?.[1];
}

export async function startDaemon(plan: DaemonPlan): Promise<Peer> {
  const path = pathOf(plan.command);
  if (!path) throw new AbsentPeer(`install ${plan.command}`);
  if (!usageOf(process.pid))
    throw new AbsentPeer('its CPU is read from /proc, which this system does not have');
  const folder = await mkdtemp(join(tmpdir(), `bench-${plan.command}-`));
  const [port, sparePort] = await Promise.all([freePort(), freePort()]);
  const configFile = join(folder, 'bench.conf');
  const config = plan.config(port, folder, sparePort);
  if (config !== null) await writeFile(configFile, config);
  const command = [...(CAN_PIN ? ['taskset', '-c', String(SERVER_CORE)] : []), path];
  const [program, ...args] = [...command, ...plan.args(port, folder, configFile)];
  // taskset becomes the daemon, under the same id; Go counts the cores that it is left with.
  const child = spawn(program!, args, { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] });
  watch(child, folder);
  const stop = () => terminate(child);
  try {
    await accepting(child, port);
  } catch (cause) {
    await stop();
    throw cause;
  }
  const usage = async () => {
    const seen = usageOf(child.pid!);
    if (!seen) throw endOf(child, child.exitCode ?? child.signalCode);
    return seen;
  };
  return { url: `${plan.scheme}://127.0.0.1:${port}/`, token: '', usage, stop };
}

async function terminate(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  await killLate(child, gone);
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}

/** Until it takes connections. */
async function accepting(child: ChildProcess, port: number): Promise<void> {
  const deadlineMs = performance.now() + START_MS;
  for (;;) {
    if (child.exitCode !== null || child.signalCode !== null) throw endOf(child, child.exitCode);
    if (await tryConnect(port)) return;
    if (performance.now() > deadlineMs) throw endOf(child, 'nothing on its port');
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
  }
}

function tryConnect(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port });
    const settle = (isOpen: boolean) => {
      socket.destroy();
      resolve(isOpen);
    };
    socket.once('connect', () => settle(true));
    socket.once('error', () => settle(false));
  });
}
