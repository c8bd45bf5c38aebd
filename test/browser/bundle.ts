/** What pages load, bundled in memory: the SDK as it is shipped, and the tests' page scripts beside it. */
import { fileURLToPath } from 'node:url';
import { build, type Plugin } from 'esbuild';
import { bundleClient } from '../../client/bundle/bundler.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

let sdk: Promise<string> | undefined;

/** The file that the hub serves as /client.js. */
export function sdkBundle(): Promise<string> {
  sdk ??= bundleSdk();
  return sdk;
}

async function bundleSdk(): Promise<string> {
  const { files } = await bundleClient(ROOT);
  const { contents } = files.find(({ name }) => name === 'client.js')!;
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

/** Page scripts name client/index.ts, for its types. */
const sdkFromServer: Plugin = {
  name: 'sdk-from-server',
  setup({ onResolve }) {
    onResolve({ filter: /\/client\/index\.ts$/ }, () => ({ path: '/client.js', external: true }));
  },
};
