/**
 * The last step of `npm run build`: writes dist/browser (the SDK and its stores, a file each) and dist/dashboard (the page that the hub
 * serves). Run as `node dist/client/bundle/bundle.js`; the work is bundler.ts's.
 */
import { existsSync } from 'node:fs';
import { copyFile, mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { type Bundle, bundleClient, bundleDashboard, bundleStores } from './bundler.ts';

/** Seen from where this file runs, in dist/client/bundle. */
const ROOT = fileURLToPath(new URL('../../..', import.meta.url));

/** So that an import of the one file has the types of the many. */
const TYPES = { client: 'index', stores: 'stores' };

async function emptied(folder: string): Promise<string> {
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  return folder;
}

async function write(bundle: Bundle, folder: string): Promise<void> {
  for (const { name, contents } of bundle.files) {
    await writeFile(join(folder, name), contents);
    if (!/\.(js|css)$/.test(name)) continue;
    console.log(
      `${name.padEnd(14)}${kib(contents.length)} KiB, ${kib(gzipSync(contents).length)} KiB gzipped`,
    );
  }
}

function kib(bytes: number): string {
  return (bytes / 1024).toFixed(1).padStart(6);
}

const browserFolder = await emptied(join(ROOT, 'dist/browser'));
await write(await bundleClient(ROOT), browserFolder);
await write(await bundleStores(ROOT), browserFolder);
for (const [name, source] of Object.entries(TYPES)) {
  await writeFile(join(browserFolder, `${name}.d.ts`), `export * from '../client/${source}.js';\n`);
}

if (existsSync(join(ROOT, 'client/dashboard/main.tsx'))) {
  const dashboardFolder = await emptied(join(ROOT, 'dist/dashboard'));
  await write(await bundleDashboard(ROOT), dashboardFolder);
  await copyFile(join(ROOT, 'client/dashboard/index.html'), join(dashboardFolder, 'index.html'));
}
