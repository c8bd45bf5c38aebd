import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadDevelopmentSecret } from '../../../server/auth/development-secret.ts';

let folder: string;
let path: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ringcast-secret-'));
  path = join(folder, 'development-secret');
});

afterEach(() => rm(folder, { recursive: true, force: true }));

describe('the development secret', () => {
  it('is 32 bytes that stay the same from then on', async () => {
    const secret = await loadDevelopmentSecret(folder);
    expect(secret).toHaveLength(32);
    expect(new Set(secret).size).toBeGreaterThan(8);
    expect(await loadDevelopmentSecret(folder)).toEqual(secret);
  });

  it('differs from folder to folder, and the folder is made where it is missing', async () => {
    const secrets = [
      await loadDevelopmentSecret(join(folder, 'a', 'b')),
      await loadDevelopmentSecret(join(folder, 'c')),
    ];
    expect(secrets[0]).not.toEqual(secrets[1]);
  });

  it.skipIf(process.platform === 'win32')('can be read and written by its owner alone', async () => {
    const umask = process.umask(0);
    try {
      await loadDevelopmentSecret(folder);
    } finally {
      process.umask(umask);
    }
    expect((await stat(path)).mode & 0o777).toBe(0o600);
  });

  it('lies in its file as base64url, with nothing left beside it', async () => {
    const secret = await loadDevelopmentSecret(folder);
    expect((await readFile(path, 'utf8')).trim()).toBe(Buffer.from(secret).toString('base64url'));
    expect(await readdir(folder)).toEqual(['development-secret']);
  });

  it('is one and the same for all who start at once', async () => {
    for (let round = 0; round < 20; round++) {
      const roundFolder = join(folder, `${round}`);
      const secrets = await Promise.all(Array.from({ length: 20 }, () => loadDevelopmentSecret(roundFolder)));
      for (const secret of secrets) expect(secret).toEqual(secrets[0]);
      expect(await readdir(roundFolder)).toEqual(['development-secret']);
    }
  });

  it('written by hand is taken with or without white space around', async () => {
    await writeFile(path, `  ${'A'.repeat(43)}\r\n`);
    expect(await loadDevelopmentSecret(folder)).toEqual(new Uint8Array(32));
  });

  it.each(['', 'short', 'A'.repeat(42), 'A'.repeat(44), `${'A'.repeat(42)}+`])(
    'that is malformed (%j) is refused, named and left as it is',
    async (text) => {
      await writeFile(path, text);
      await expect(loadDevelopmentSecret(folder)).rejects.toThrow(`${path} does not hold 32 bytes`);
      expect(await readFile(path, 'utf8')).toBe(text);
    },
  );

  it('that cannot be read is refused with its path and the system’s code', async () => {
    await mkdir(path);
    await expect(loadDevelopmentSecret(folder)).rejects.toThrow(`cannot use ${path} (EISDIR)`);
  });

  it('that cannot be written is refused with its path and the system’s code', async () => {
    const file = join(folder, 'file');
    await writeFile(file, '');
    await expect(loadDevelopmentSecret(file)).rejects.toThrow(
      /cannot use .*file.development-secret \(ENOTDIR\)/,
    );
  });
});
