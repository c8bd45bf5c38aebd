/**
 * The only importer of esbuild: the SDK, its stores and the dashboard, each as one module that a browser loads as it is. Called by
 * bundle.ts and by the test that holds the SDK to its size. Development only, not in the package.
 */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type BuildOptions, build, type Plugin } from 'esbuild';

/** A file to be written, or to be looked at. */
export interface BundledFile {
  /** Below the folder of the bundle, such as `client.js.map`. */
  readonly name: string;
  readonly contents: Uint8Array;
}

export interface Bundle {
  readonly files: readonly BundledFile[];
  /** What the module still imports when it runs. */
  readonly externalImports: readonly string[];
  readonly exports: readonly string[];
  /** How many minified bytes of the module each source file takes, by its path below `root`. */
  readonly sourceBytes: Readonly<Record<string, number>>;
}

const SETTINGS = {
  bundle: true,
  format: 'esm',
  platform: 'browser',
  target: 'es2022',
  minify: true,
  sourcemap: true,
  sourcesContent: true,
  metafile: true,
  write: false,
  legalComments: 'none',
  // A module is always read as UTF-8, and so is a style sheet whose page says so.
  charset: 'utf8',
  logLevel: 'warning',
} as const satisfies BuildOptions;

const NOTICE = '/*! Ringcast | MIT License */';

/** `client.js` and its map, of client/index.ts. @param root the folder that holds package.json. */
export function bundleClient(root: string): Promise<Bundle> {
  return bundleModule(root, 'client', {
    entryPoints: { client: 'client/index.ts' },
  });
}

/**
 * `stores.js` and its map, of client/stores.ts, to be put beside `client.js`: what it needs of that it imports, so that a
 * page has one RingcastError.
 */
export function bundleStores(root: string): Promise<Bundle> {
  return bundleModule(root, 'stores', {
    entryPoints: { stores: 'client/stores.ts' },
    plugins: [ERRORS_OF_CLIENT],
  });
}

const ERRORS_OF_CLIENT: Plugin = {
  name: 'errors-of-client',
  setup({ onResolve }) {
    onResolve({ filter: /\/shared\/errors\.ts$/ }, () => ({ path: './client.js', external: true }));
  },
};

/** `dashboard.js`, what it imports as CSS in `dashboard.css`, and their maps, of client/dashboard/main.tsx. */
export function bundleDashboard(root: string): Promise<Bundle> {
  return bundleModule(root, 'dashboard', {
    entryPoints: { dashboard: 'client/dashboard/main.tsx' },
    jsx: 'automatic',
    define: { 'process.env.NODE_ENV': '"production"' },
  });
}

type Entry = Pick<BuildOptions, 'entryPoints' | 'jsx' | 'define' | 'plugins'>;

async function bundleModule(root: string, name: string, entry: Entry): Promise<Bundle> {
  const { outputFiles, metafile } = await build({
    ...SETTINGS,
    ...entry,
    absWorkingDir: root,
    outdir: `dist/${name}`,
    banner: { js: NOTICE, css: NOTICE },
  });
  const output = metafile.outputs[`dist/${name}/${name}.js`]!;
  const licences = await licencesOf(root, Object.keys(metafile.inputs));
  return {
    files: [
      ...outputFiles.map(({ path, contents }) => ({ name: path.slice(path.lastIndexOf('/') + 1), contents })),
      ...(licences ? [{ name: `${name}.licences.txt`, contents: new TextEncoder().encode(licences) }] : []),
    ],
    externalImports: output.imports.filter((one) => one.external).map((one) => one.path),
    exports: output.exports,
    sourceBytes: Object.fromEntries(
      Object.entries(output.inputs).map(([file, { bytesInOutput }]) => [file, bytesInOutput]),
    ),
  };
}

/** What the licences of the packages that went in ask to be kept with them: their own text. */
async function licencesOf(root: string, inputs: readonly string[]): Promise<string> {
  const packages = inputs.flatMap((file) => /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(file)?.[1] ?? []);
  const texts = [...new Set(packages)].sort().map(async (folder) => {
    const name = folder.slice(folder.lastIndexOf('node_modules/') + 'node_modules/'.length);
    const file = (await readdir(join(root, folder))).find((entry) => /^licen[cs]e/i.test(entry));
    if (!file) throw new Error(`${name} has no licence that could be kept with the bundle`);
    return `${name}\n\n${await readFile(join(root, folder, file), 'utf8')}`;
  });
  return (await Promise.all(texts)).join('\n\n');
}
