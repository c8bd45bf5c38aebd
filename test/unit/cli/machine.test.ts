import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { describeFailure } from '../../../server/cli/failure.ts';
import { MachineFigures } from '../../../server/cli/machine-figures.ts';
import { machineName } from '../../../server/cli/machine-name.ts';
import { brokenRocksdb, missingBinary, type Runtime } from '../../../server/cli/native-binary.ts';
import { formatBytes, formatTable } from '../../../server/cli/table.ts';
import { isChannelName } from '../../../shared/channel-name.ts';
import { RingcastError } from '../../../shared/errors.ts';

describe('machineName', () => {
  it.each([
    ['web-1', 'web-1'],
    ['web-1.eu.example.com', 'web-1'],
    ["Anna's MacBook Pro.local", 'Anna-s-MacBook-Pro'],
    ['Büro', 'B-ro'],
    ['日本', 'machine'],
    ['', 'machine'],
    ['x'.repeat(300), 'x'.repeat(63)],
  ])('%s becomes the token %s', (host, token) => {
    expect(machineName(host)).toBe(token);
    expect(isChannelName(`host.${token}.cpu`)).toBe(true);
  });
});

describe('MachineFigures', () => {
  it('tells CPU, memory and load of this machine within their ranges', async () => {
    const figures = await new MachineFigures().read();
    const find = (name: string, key: string) =>
      figures.find((figure) => figure.name === name && figure.key === key)?.data;
    expect(find('cpu', 'total')?.percent).toBeGreaterThanOrEqual(0);
    expect(find('cpu', 'total')?.percent).toBeLessThanOrEqual(100);
    expect(figures.filter(({ key }) => key.startsWith('core-'))).toHaveLength(
      Number(find('cpu', 'total')?.cores),
    );
    expect(find('load', 'load')?.oneMinute).toBeGreaterThanOrEqual(0);
    if (process.platform !== 'linux') return;
    const { totalBytes, availableBytes } = find('memory', 'memory') as Record<string, number>;
    expect(totalBytes).toBeGreaterThan(availableBytes!);
    expect(availableBytes).toBeGreaterThan(0);
  });
});

describe('brokenRocksdb', () => {
  it('says nothing where the binding can be loaded, as here', () => {
    expect(brokenRocksdb()).toBeUndefined();
  });

  it('names the command that builds it where loading ends the process', () => {
    expect(brokenRocksdb(() => false)).toMatch(
      /npm rebuild rocksdb --build-from-source.*or start with --memory/,
    );
  });
});

describe('missingBinary', () => {
  let packageFolder = '';
  beforeAll(async () => {
    packageFolder = await mkdtemp(join(tmpdir(), 'ringcast-uws-'));
    await mkdir(join(packageFolder, 'bin'));
    await writeFile(join(packageFolder, 'bin/uws_linux_x64_127.node'), '');
    await writeFile(join(packageFolder, 'uws_linux_x64_137.node'), '');
  });
  afterAll(() => rm(packageFolder, { recursive: true, force: true }));

  const on = (changes: Partial<Runtime>) =>
    missingBinary({ node: '22.1.0', abi: '127', platform: 'linux', arch: 'x64', packageFolder, ...changes });

  it('is silent where the binary is there, in either place that packages keep it', () => {
    expect(on({})).toBeUndefined();
    expect(on({ node: '24.1.0', abi: '137' })).toBeUndefined();
  });

  it('names the official build where it is not', () => {
    for (const changes of [
      { node: '25.0.0', abi: '141' },
      { platform: 'freebsd' },
      { packageFolder: undefined },
    ]) {
      const message = on(changes);
      expect(message).toContain('npm install uWebSockets.js@uNetworking/uWebSockets.js#v20.52.0');
      expect(message).not.toContain('\n');
    }
    expect(on({ node: '25.0.0', abi: '141' })).toContain('no binary for Node 25.0.0 (ABI 141, linux-x64)');
  });
});

describe('describeFailure', () => {
  it.each([
    ['forbidden', 4],
    ['token-expired', 4],
    ['connection-lost', 3],
    ['shutting-down', 3],
    ['store-failed', 1],
    ['record-too-large', 1],
  ] as const)('%s ends with exit code %i, and is named', (code, exitCode) => {
    const failure = describeFailure(new RingcastError(code, 'what happened'));
    expect(failure).toEqual({ exitCode, message: `what happened (${code})` });
  });

  it('a plain error is shown as it is; another kind says how to see more', () => {
    expect(describeFailure(new Error('port 7400 is in use'))).toEqual({
      exitCode: 1,
      message: 'port 7400 is in use',
    });
    expect(describeFailure(new TypeError('oops'))).toEqual({
      exitCode: 1,
      message: 'oops (RINGCAST_DEBUG=1 shows where)',
    });
  });
});

describe('tables', () => {
  it('have columns as wide as they need, numbers to the right', () => {
    const columns = [
      { title: 'name', text: (row: [string, number]) => row[0] },
      { title: 'n', align: 'right' as const, text: (row: [string, number]) => String(row[1]) },
    ];
    expect(
      formatTable(columns, [
        ['a', 1],
        ['longer', 234],
      ]),
    ).toBe('name      n\na         1\nlonger  234');
  });

  it.each([
    [0, '0 B'],
    [1023, '1023 B'],
    [1024, '1.0 KiB'],
    [16 * 1024 * 1024, '16.0 MiB'],
    [1.5 * 1024 ** 5, '1536.0 TiB'],
  ])('%i bytes are %s', (bytes, text) => {
    expect(formatBytes(bytes)).toBe(text);
  });
});
