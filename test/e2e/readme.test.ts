import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../server/config.ts';
import { VERSION } from '../../server/version.ts';
import { startHub } from '../support/start-hub.ts';
import { tempFolder } from '../support/temp-folder.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const README = readFileSync(join(ROOT, 'README.md'), 'utf8');
const run = promisify(execFile);

/** The first JavaScript block of README that holds `text`. */
function example(text: string): string {
  const blocks = [...README.matchAll(/```js\n([\s\S]*?)```/g)].map(([, code]) => code!);
  const found = blocks.find((code) => code.includes(text));
  if (!found) throw new Error(`README has no example with ${text}`);
  return found;
}

/** Runs code as a program that has installed this package: inside it, `ringcast` is its own name. */
async function runExample(
  name: string,
  code: string,
  env: Record<string, string>,
  cwd: string,
): Promise<string> {
  const folder = join(ROOT, 'dist', 'readme');
  mkdirSync(folder, { recursive: true });
  const file = join(folder, `${name}.mjs`);
  writeFileSync(file, code);
  const { stdout } = await run(process.execPath, [file], {
    env: { ...process.env, ...env },
    cwd,
    timeout: 15_000,
  });
  return stdout;
}

describe('README', () => {
  it('has an SDK example that publishes, subscribes and reads history', async () => {
    const hub = await startHub({ config: { store: 'rocksdb' } });
    const env = { RINGCAST_URL: hub.url, RINGCAST_TOKEN: await hub.token() };
    const output = await runExample('sdk', example('RINGCAST_URL'), env, await tempFolder());
    expect(output).toMatch(/^\d+-1 order-1 \{ id: 1, qty: 5 \}\n1 of history\n$/);
  });

  it('has an example of a hub inside another program', async () => {
    const output = await runExample(
      'embedded',
      example("createHub, parseConfig } from 'ringcast'"),
      {},
      await tempFolder(),
    );
    expect(output).toMatch(/^ws:\/\/127\.0\.0\.1:\d+ eyJ/);
  });

  it('has a token claim and a configuration that the hub accepts', () => {
    const yaml = [...README.matchAll(/```yaml\n([\s\S]*?)```/g)].map(([, text]) => text!);
    expect(yaml).toHaveLength(1);
    expect(() =>
      parseConfig({ host: '0.0.0.0', auth: { jwksUrl: 'https://login.example/.well-known/jwks.json' } }),
    ).not.toThrow();
  });

  it('names every setting with its default', () => {
    const names = new Set([...README.matchAll(/`([a-zA-Z[\].]+)`/g)].map(([, name]) => name!));
    const config = parseConfig({});
    for (const [section, value] of Object.entries(config)) {
      if (section === 'channels') continue;
      const isSection = value !== null && typeof value === 'object';
      const settings = isSection ? Object.keys(value).map((name) => `${section}.${name}`) : [section];
      for (const setting of settings) expect(names.has(setting), `${setting} in README`).toBe(true);
    }
  });

  it('names files that are there', () => {
    const table = README.slice(
      README.indexOf('## How the pieces fit'),
      README.indexOf('## What it stands on'),
    );
    let folder = '';
    for (const [, path] of table.matchAll(/`([\w/.-]+\.(?:ts|md)|[\w/]+\/)`/g)) {
      const full = path!.includes('/') ? path! : join(folder, path!);
      if (path!.includes('/')) folder = path!.slice(0, path!.lastIndexOf('/'));
      expect(existsSync(join(ROOT, full)), full).toBe(true);
    }
  });
});

describe('the version', () => {
  it('is that of package.json', () => {
    expect(VERSION).toBe(JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')).version);
  });
});
