/**
 * `ringcast serve`: runs a hub until it is told to stop.
 */
import { access, constants, mkdir } from 'node:fs/promises';
import { resolve } from 'node:path';
import { RingcastError } from '../../shared/errors.ts';
import { type HubConfig, loadConfig } from '../config.ts';
import type { Hub } from '../create-hub.ts';
import { createLogger, type Logger } from '../ops/logging.ts';
import { CliError, EXIT, type ExitCode } from './failure.ts';
import { findDataFolder } from './find-hub.ts';
import { readHubFile, removeHubFile, writeHubFile } from './hub-file.ts';
import { aborted, interruptSignal } from './interrupt.ts';
import { machineName } from './machine-name.ts';
import { brokenRocksdb, missingBinary } from './native-binary.ts';
import { hasColours, note } from './output.ts';

export interface ServeOptions {
  readonly host?: string;
  readonly port?: number;
  readonly data?: string;
  readonly config?: string;
  readonly memory?: true;
}

export async function serve(options: ServeOptions): Promise<ExitCode> {
  const missing = missingBinary();
  if (missing !== undefined) throw new CliError(EXIT.failure, missing);
  const config = await loadConfig({
    file: options.config,
    overrides: {
      host: options.host,
      port: options.port,
      dataFolder: options.data,
      store: options.memory && 'memory',
    },
  });
  const dataFolder = resolve(config.dataFolder);
  const broken = config.store === 'rocksdb' ? brokenRocksdb() : undefined;
  if (broken !== undefined) throw new CliError(EXIT.failure, broken);
  await makeFolder(dataFolder);
  const log = createLogger({ ...config.log, colour: hasColours(process.stdout) });
  const stop = interruptSignal({
    exitCode: EXIT.failure,
    onSecond: () =>
      note('ringcast: stopped before everything was written; the next start begins a new epoch'),
  });
  const hub = await start({ ...config, dataFolder }, log);
  await writeHubFile(dataFolder, { url: nearUrl(hub.url), pid: process.pid });
  await announce(hub, { ...config, dataFolder }, log);
  await aborted(stop);
  log.info('stopping');
  try {
    await hub.stop();
  } finally {
    await removeHubFile(dataFolder, process.pid);
  }
  log.info('stopped');
  return EXIT.ok;
}

async function makeFolder(dataFolder: string): Promise<void> {
  try {
    await mkdir(dataFolder, { recursive: true });
    await access(dataFolder, constants.W_OK);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new CliError(
      EXIT.failure,
      `cannot write to the data folder ${dataFolder} (${code}): give this user access to it, or choose another with --data`,
      error,
    );
  }
}

async function start(config: HubConfig, log: Logger): Promise<Hub> {
  // Loaded here, so that a missing binary is told as what it is.
  const { createHub } = await import('../create-hub.ts');
  try {
    return await createHub(config, { log });
  } catch (error) {
    if (!(error instanceof RingcastError && error.code === 'store-failed')) throw error;
    const other = await readHubFile(config.dataFolder);
    if (!other) throw error;
    throw new CliError(
      EXIT.failure,
      `the data folder ${config.dataFolder} is in use by the hub at ${other.url} (process ${other.pid}): stop it, or choose another folder with --data and another port with --port`,
      error,
    );
  }
}

/** How this machine itself reaches a hub that listens on all its addresses. */
function nearUrl(url: string): string {
  return url.replace('//0.0.0.0:', '//127.0.0.1:').replace('//[::]:', '//[::1]:');
}

/**
 * Of the dashboard. In development mode with the token, in the fragment: that is sent to no server, and the page takes it
 * out of the address at once.
 */
function pageUrl({ url, developmentToken }: Hub): string {
  const page = `${nearUrl(url).replace(/^ws:/, 'http:')}/`;
  return developmentToken === null ? page : `${page}#token=${developmentToken}`;
}

/** For people in words, for machines as one line of the log. */
async function announce(hub: Hub, config: HubConfig, log: Logger): Promise<void> {
  const { dataFolder, store } = config;
  const { url, developmentToken } = hub;
  const page = pageUrl(hub);
  if (!config.log.pretty) {
    const development = developmentToken !== null && { developmentToken };
    log.info({ url, dashboard: page, dataFolder, store, ...development }, 'listening');
    return;
  }
  const kept =
    store === 'memory'
      ? 'records are in memory only, and gone when it stops'
      : `records are kept in ${dataFolder}`;
  const listens = `Ringcast listens on ${url}; ${kept}.`;
  if (developmentToken === null) {
    const how = 'It asks for a token with the admin grant: npx ringcast token --admin --config <file>';
    process.stdout.write(`Dashboard: ${page}\n${how}\n${listens}\n`);
    return;
  }
  // Commands find the hub by themselves only in or below the folder that holds .ringcast.
  const where = (await findDataFolder()) === dataFolder ? '' : ` --data '${dataFolder}'`;
  process.stdout.write(
    [
      'Dashboard:',
      '',
      page,
      '',
      listens,
      'Development mode: no auth is configured, so only this machine can connect. What follows #token= in the link is a',
      'token for everything, and lives a day.',
      '',
      'Try it, each in a terminal of its own:',
      `  npx ringcast feed${where}`,
      `  npx ringcast sub 'host.${machineName()}.cpu' --last 20${where}`,
      '',
      '',
    ].join('\n'),
  );
}
