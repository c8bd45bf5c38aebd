/**
 * The secret of a hub that was given none: made once per data folder, so that tokens outlive a restart.
 * Not its job: deciding that development mode is allowed (configuration), signing (sign-token.ts).
 * Called when the hub starts in development mode and by the command that makes tokens for it.
 */

import { randomBytes } from 'node:crypto';
import { link, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

const FILE_NAME = 'development-secret';
const SECRET_BYTES = 32;
/** 32 bytes in base64url, without padding. */
const SECRET_FORM = /^[A-Za-z0-9_-]{43}$/;

/**
 * Reads `<dataDir>/development-secret`, making folder and file (mode 0600) where there is none. Gives 32 bytes.
 * Throws Error naming the file and the remedy when it cannot be read, written or understood.
 */
export async function loadDevelopmentSecret(dataDir: string): Promise<Uint8Array> {
  const path = join(dataDir, FILE_NAME);
  try {
    const text = (await readIfPresent(path)) ?? (await createSecret(dataDir, path));
    return decodeSecret(text, path);
  } catch (cause) {
    if (!isSystemError(cause)) throw cause;
    const message = `cannot use ${path} (${cause.code}): give its owner, this process, read and write access to the folder, or configure a secret`;
    throw new Error(message, { cause });
  }
}

async function readIfPresent(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (isSystemError(error) && error.code === 'ENOENT') return undefined;
    throw error;
  }
}

/**
 * Written aside and linked into place: the file is never seen half written, and of two processes that start at
 * once the first wins and the other reads that one's secret.
 */
async function createSecret(dataDir: string, path: string): Promise<string> {
  await mkdir(dataDir, { recursive: true });
  const asidePath = `${path}.${randomBytes(6).toString('hex')}.tmp`;
  try {
    const text = `${randomBytes(SECRET_BYTES).toString('base64url')}\n`;
    await writeFile(asidePath, text, { mode: 0o600, flag: 'wx', flush: true });
    await placeUnlessPresent(asidePath, path);
  } finally {
    await rm(asidePath, { force: true });
  }
  return await readFile(path, 'utf8');
}

async function placeUnlessPresent(asidePath: string, path: string): Promise<void> {
  try {
    await link(asidePath, path);
  } catch (error) {
    if (isSystemError(error) && error.code === 'EEXIST') return;
    // Some file systems have no hard links. A rename is as atomic, only the last process wins.
    await rename(asidePath, path);
  }
}

function decodeSecret(text: string, path: string): Uint8Array {
  const trimmed = text.trim();
  if (!SECRET_FORM.test(trimmed)) {
    throw new Error(
      `${path} does not hold ${SECRET_BYTES} bytes in base64url: delete it to have another made (tokens signed with the old one end)`,
    );
  }
  return new Uint8Array(Buffer.from(trimmed, 'base64url'));
}

function isSystemError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && 'syscall' in error && 'code' in error;
}
