/** What pages load, bundled in memory: the SDK by itself, and the tests' page scripts beside it. The tests' only use of esbuild. */
import { fileURLToPath } from 'node:url';
import { build, type Plugin } from 'esbuild';

const ROOT = new URL('../../', import.meta.url);
const SDK_ENTRY = fileURLToPath(new URL('client/index.ts', ROOT));

const settings = {
  bundle: true,
  write: false,
  format: 'esm',
  target: 'es2022',
  platform: 'browser',
  logLevel: 'silent',
} as const;

let sdk: Promise<string> | undefined;

/** The file that the hub serves as /client.js. */
export function sdkBundle(): Promise<string> {
  sdk ??= bundled({ entryPoints: [SDK_ENTRY], minify: true });
  return sdk;
}

/** A script of test/browser/pages, which imports the SDK from the server, as pages of users do. */
export function pageScript(name: string): Promise<string> {
  const entry = fileURLToPath(new URL(`pages/${name}.ts`, import.meta.url));
  return bundled({ entryPoints: [entry], plugins: [sdkFromServer] });
}

async function bundled(options: {
  entryPoints: string[];
  minify?: true;
  plugins?: Plugin[];
}): Promise<string> {
  const { outputFiles } = await build({ ...settings, ...options });
  return outputFiles[0]!.text;
}

/** Page scripts name client/index.ts, for its types. */
const sdkFromServer: Plugin = {
  name: 'sdk-from-server',
  setup({ onResolve }) {
    onResolve({ filter: /\/client\/index\.ts$/ }, () => ({ path: '/client.js', external: true }));
  },
};
