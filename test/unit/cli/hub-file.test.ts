import { mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadDevelopmentSecret } from '../../../server/auth/development-secret.ts';
import { createTokenVerifier } from '../../../server/auth/verify-token.ts';
import { findDataFolder, findHub } from '../../../server/cli/find-hub.ts';
import { readHubFile, removeHubFile, writeHubFile } from '../../../server/cli/hub-file.ts';
import { systemClock } from '../../../shared/clock.ts';

let folder = '';
beforeEach(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), 'ringcast-cli-')));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const hub = { url: 'ws://127.0.0.1:7400', pid: process.pid };
/** No system gives a process this id. */
const NO_PID = 2 ** 31 - 1;

describe('hub.json', () => {
  it('is found while its hub runs', async () => {
    expect(await readHubFile(folder)).toBeUndefined();
    await writeHubFile(folder, hub);
    expect(await readHubFile(folder)).toEqual(hub);
    await removeHubFile(folder, hub.pid);
    expect(await readHubFile(folder)).toBeUndefined();
  });

  it('that a killed hub left behind does not count', async () => {
    await writeHubFile(folder, { ...hub, pid: NO_PID });
    expect(await readHubFile(folder)).toBeUndefined();
  });

  it('of a later hub is not removed', async () => {
    await writeHubFile(folder, hub);
    await removeHubFile(folder, NO_PID);
    expect(await readHubFile(folder)).toEqual(hub);
  });

  it.each(['', '{', '[]', 'null', '{"url": 1, "pid": 1}', '{"url": "ws://x", "pid": -1}'])(
    '%j does not count',
    async (text) => {
      await writeFile(join(folder, 'hub.json'), text);
      expect(await readHubFile(folder)).toBeUndefined();
    },
  );
});

describe('findHub', () => {
  it('options come before the environment', async () => {
    const env = { RINGCAST_URL: 'ws://env', RINGCAST_TOKEN: 'env' };
    expect(await findHub({ url: 'ws://option', token: 'option' }, env)).toEqual({
      url: 'ws://option',
      token: 'option',
    });
    expect(await findHub({}, env)).toEqual({ url: 'ws://env', token: 'env' });
  });

  it('else it is the hub of the data folder, with a token signed for everything', async () => {
    const secret = await loadDevelopmentSecret(folder);
    await writeHubFile(folder, hub);
    const { url, token } = await findHub({ data: folder }, {});
    expect(url).toBe(hub.url);
    const text = typeof token === 'string' ? token : await token();
    const verifier = createTokenVerifier({ keys: { kind: 'secret', secret } }, { clock: systemClock });
    const { grants } = await verifier.verify(text);
    expect([grants.admin, grants.maySubscribe('a.b'), grants.mayPublish('a.b')]).toEqual([true, true, true]);
  });

  it('says how to start a hub when none runs', async () => {
    await expect(findHub({ data: folder }, {})).rejects.toMatchObject({
      exitCode: 3,
      message: expect.stringContaining('start one with `ringcast serve`') as string,
    });
  });

  it('the development token is not sent to another machine', async () => {
    await loadDevelopmentSecret(folder);
    const refusal = { exitCode: 4, message: expect.stringContaining('--token') as string };
    await expect(findHub({ data: folder, url: 'ws://hub.example' }, {})).rejects.toMatchObject(refusal);
    expect((await findHub({ data: folder, url: 'ws://localhost:1' }, {})).url).toBe('ws://localhost:1');
  });

  it('makes no secret where there is none', async () => {
    await writeHubFile(folder, hub);
    await expect(findHub({ data: folder }, {})).rejects.toMatchObject({ exitCode: 4 });
    await expect(findHub({ data: folder }, {})).rejects.toMatchObject({ exitCode: 4 });
  });
});

describe('findDataFolder', () => {
  it('takes the nearest .ringcast, here or above', async () => {
    await mkdir(join(folder, '.ringcast'));
    await mkdir(join(folder, 'a/b/.ringcast'), { recursive: true });
    expect(await findDataFolder(undefined, folder)).toBe(join(folder, '.ringcast'));
    expect(await findDataFolder(undefined, join(folder, 'a'))).toBe(join(folder, '.ringcast'));
    expect(await findDataFolder(undefined, join(folder, 'a/b'))).toBe(join(folder, 'a/b/.ringcast'));
  });

  it('takes the one given, whether or not it is there', async () => {
    expect(await findDataFolder(join(folder, 'data'), folder)).toBe(join(folder, 'data'));
  });

  it('does not take a file for it', async () => {
    await mkdir(join(folder, 'a'));
    await writeFile(join(folder, 'a/.ringcast'), '');
    await mkdir(join(folder, '.ringcast'));
    expect(await findDataFolder(undefined, join(folder, 'a'))).toBe(join(folder, '.ringcast'));
  });
});
