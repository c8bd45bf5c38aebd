/** What pages load, bundled in memory: the SDK as it is shipped, and the tests' page scripts beside it. */
import { fileURLToPath } from 'node:url';
import { build, type Plugin } from 'esbuild';
import { bundleClient, bundleStores } from '../../client/bundle/bundler.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

const BUNDLES = { 'client.js': bundleClient, 'stores.js': bundleStores };
type SdkFile = keyof typeof BUNDLES;

const bundled = new Map<SdkFile, Promise<string>>();

/** The file that the hub serves as /client.js or /stores.js. */
export function sdkBundle(name: SdkFile = 'client.js'): Promise<string> {
  const sdk = bundled.get(name) ?? bundleSdk(name);
  bundled.set(name, sdk);
  return sdk;
}

async function bundleSdk(file: SdkFile): Promise<string> {
  const { files } = await BUNDLES[file](ROOT);
  const { contents } = files.find(({ name }) => name === file)!;
  return new TextDecoder().decode(contents);
}

/** A script of test/browser/pages, which imports the SDK from the server, as pages of users do. */
export async function pageScript(name: string): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL(`pages/${name}.ts`, import.meta.url))],
    bundle: true,
    write: false,
    format: 'esm',
    target: 'es2022',
    platform: 'browser',
    jsx: 'automatic',
    define: { 'process.env.NODE_ENV': '"development"' },
    plugins: [sdkFromServer],
    logLevel: 'silent',
  });
  return outputFiles[0]!.text;
}

/** Page scripts name client/index.ts and client/stores.ts, for their types. */
const sdkFromServer: Plugin = {
  name: 'sdk-from-server',
  setup({ onResolve }) {
    onResolve({ filter: /\/client\/index\.ts$/ }, () => ({ path: '/client.js', external: true }));
    onResolve({ filter: /\/client\/stores\.ts$/ }, () => ({ path: '/stores.js', external: true }));
  },
};
