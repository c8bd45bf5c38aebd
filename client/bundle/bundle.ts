/**
 * The last step of `npm run build`: writes dist/browser (the SDK as one file) and dist/dashboard (the page that the hub
 * serves). Run as `node dist/client/bundle/bundle.js`; the work is bundler.ts's.
 */
import { existsSync } from 'node:fs';
import { copyFile, mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { type Bundle, bundleClient, bundleDashboard } from './bundler.ts';

/** Seen from where this file runs, in dist/client/bundle. */
const ROOT = fileURLToPath(new URL('../../..', import.meta.url));

/** So that an import of the one file has the types of the many. */
const CLIENT_TYPES = "export * from '../client/index.js';\n";

async function write(bundle: Bundle, folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
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

const browserFolder = join(ROOT, 'dist/browser');
await write(await bundleClient(ROOT), browserFolder);
await writeFile(join(browserFolder, 'client.d.ts'), CLIENT_TYPES);

if (existsSync(join(ROOT, 'client/dashboard/main.tsx'))) {
  const dashboardFolder = join(ROOT, 'dist/dashboard');
  await write(await bundleDashboard(ROOT), dashboardFolder);
  await copyFile(join(ROOT, 'client/dashboard/index.html'), join(dashboardFolder, 'index.html'));
}
