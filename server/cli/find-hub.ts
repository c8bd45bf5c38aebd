/**
 * Which hub a command talks to, and with what token: the options, else RINGCAST_URL and RINGCAST_TOKEN, else the hub
 * in development mode whose data folder is `.ringcast` here or in a parent folder.
 */
import { access, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { systemClock } from '../../shared/clock.ts';
import { loadDevelopmentSecret } from '../auth/development-secret.ts';
import { signToken } from '../auth/sign-token.ts';
import { CliError, EXIT } from './failure.ts';
import { readHubFile } from './hub-file.ts';

export interface HubOptions {
  readonly url?: string;
  readonly token?: string;
  readonly data?: string;
}

export interface HubAddress {
  readonly url: string;
  /** As given; in development mode a function that makes a new one each time. */
  readonly token: string | (() => Promise<string>);
}

/** How long a token for a command lives; the client asks for another in time. */
const COMMAND_TOKEN_TTL_MS = 60 * 60 * 1000;

/** Throws CliError that says what is missing. */
export async function findHub(
  options: HubOptions,
  env: NodeJS.ProcessEnv = process.env,
): Promise<HubAddress> {
  const dataFolder = await findDataFolder(options.data);
  const url = options.url ?? env.RINGCAST_URL;
  const token = options.token ?? env.RINGCAST_TOKEN;
  const found = url === undefined ? await runningHub(dataFolder) : url;
  if (token !== undefined) return { url: found, token };
  const mayUseSecret = url === undefined || isThisMachine(url);
  if (mayUseSecret && dataFolder !== undefined && (await hasDevelopmentSecret(dataFolder))) {
    return { url: found, token: () => signDevelopmentToken(dataFolder) };
  }
  throw new CliError(
    EXIT.refused,
    `no token for ${found}: give one with --token or RINGCAST_TOKEN (\`ringcast token --config <file>\` makes one where the hub's secret is known)`,
  );
}

/** `.ringcast` in the current folder or the nearest parent; the folder given, if any. */
export async function findDataFolder(given?: string, from = process.cwd()): Promise<string | undefined> {
  if (given !== undefined) return resolve(given);
  for (let folder = from; ; folder = dirname(folder)) {
    const candidate = join(folder, '.ringcast');
    if (await isFolder(candidate)) return candidate;
    if (folder === dirname(folder)) return undefined;
  }
}

export async function isFolder(path: string): Promise<boolean> {
  return await stat(path).then(
    (stats) => stats.isDirectory(),
    () => false,
  );
}

/** The file that development-secret.ts makes; asked for here so as not to make one. */
export async function hasDevelopmentSecret(dataFolder: string): Promise<boolean> {
  return await access(join(dataFolder, 'development-secret')).then(
    () => true,
    () => false,
  );
}

async function runningHub(dataFolder: string | undefined): Promise<string> {
  const hub = dataFolder === undefined ? undefined : await readHubFile(dataFolder);
  if (hub) return hub.url;
  const where =
    dataFolder === undefined ? 'no hub was found' : `no hub runs with the data folder ${dataFolder}`;
  throw new CliError(
    EXIT.unreachable,
    `${where}: start one with \`ringcast serve\`, or say where it is with --url and --token (RINGCAST_URL, RINGCAST_TOKEN)`,
  );
}

/** A token for everything is not sent to other machines. */
function isThisMachine(url: string): boolean {
  return URL.canParse(url) && ['localhost', '127.0.0.1', '[::1]'].includes(new URL(url).hostname);
}

async function signDevelopmentToken(dataFolder: string): Promise<string> {
  const secret = await loadDevelopmentSecret(dataFolder);
  return await signToken(
    { secret, subscribe: ['>'], publish: ['>'], admin: true, subject: 'cli', ttlMs: COMMAND_TOKEN_TTL_MS },
    systemClock,
  );
}
