/**
 * `ringcast token`: signs a token with the secret of a hub.
 */
import { readFile } from 'node:fs/promises';
import { systemClock } from '../../shared/clock.ts';
import { loadDevelopmentSecret } from '../auth/development-secret.ts';
import { signToken } from '../auth/sign-token.ts';
import { type HubConfig, loadConfig } from '../config.ts';
import { CliError, EXIT, type ExitCode } from './failure.ts';
import { findDataFolder, isFolder } from './find-hub.ts';

export interface TokenOptions {
  readonly subscribe?: readonly string[];
  readonly publish?: readonly string[];
  readonly admin?: true;
  readonly subject?: string;
  /** Default one hour. */
  readonly ttl: number;
  readonly config?: string;
  readonly data?: string;
}

interface Signing {
  readonly secret: string | Uint8Array;
  readonly audience?: string | readonly string[] | undefined;
  readonly issuer?: string | undefined;
}

export async function token(options: TokenOptions): Promise<ExitCode> {
  const { subscribe, publish, admin, subject, ttl } = options;
  if (!subscribe && !publish && !admin) {
    throw new CliError(
      EXIT.usage,
      "the token would allow nothing: add --subscribe '<pattern>', --publish '<pattern>' or --admin",
    );
  }
  const signing = await findSigning(options);
  const text = await signToken({ ...signing, subscribe, publish, admin, subject, ttlMs: ttl }, systemClock);
  process.stdout.write(`${text}\n`);
  return EXIT.ok;
}

async function findSigning({ config: file, data }: TokenOptions): Promise<Signing> {
  if (file === undefined) return { secret: await developmentSecret(data) };
  const config = await loadConfig({ file, overrides: { dataFolder: data } });
  if (config.auth === null) return { secret: await developmentSecret(config.dataFolder) };
  return await configuredSecret(config.auth, file);
}

async function developmentSecret(given: string | undefined): Promise<Uint8Array> {
  const folder = await findDataFolder(given);
  if (folder !== undefined && (await isFolder(folder))) return await loadDevelopmentSecret(folder);
  throw new CliError(
    EXIT.failure,
    `no data folder ${folder ?? '.ringcast here or in a parent folder'}: start a hub with \`ringcast serve\`, or name its configuration with --config`,
  );
}

async function configuredSecret(auth: NonNullable<HubConfig['auth']>, file: string): Promise<Signing> {
  const { secret, secretFile, audience, issuer } = auth;
  const text = secret ?? (secretFile === undefined ? undefined : await readSecret(secretFile));
  if (text === undefined) {
    throw new CliError(
      EXIT.failure,
      `the hub of ${file} verifies tokens with public keys, so they are signed by whoever has the private key: get one there`,
    );
  }
  return { secret: text, audience, issuer: typeof issuer === 'string' ? issuer : issuer?.[0] };
}

async function readSecret(secretFile: string): Promise<string> {
  try {
    return (await readFile(secretFile, 'utf8')).trim();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new CliError(
      EXIT.failure,
      `cannot read the secret in ${secretFile} (${code}): run this as a user who may`,
      error,
    );
  }
}
