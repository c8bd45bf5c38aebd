/**
 * Whether the native packages have binaries that this Node can load, so that a start ends in one clear sentence.
 *
 * uWebSockets.js is looked up, not tried: loading a binary that is not there ends in a stack trace and a text that
 * helps nobody.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export interface Runtime {
  readonly node: string;
  /** `process.versions.modules`: the ABI that binaries are built for. */
  readonly abi: string;
  readonly platform: string;
  readonly arch: string;
  /** Where the package's entry lies; undefined when it is not installed. */
  readonly packageFolder: string | undefined;
}

/** The official build is not in the npm registry. */
const OFFICIAL_BUILD = 'uWebSockets.js@uNetworking/uWebSockets.js#v20.52.0';

/** What to tell the user; undefined when the binary is there. */
export function missingBinary(runtime = thisRuntime()): string | undefined {
  const { node, abi, platform, arch, packageFolder } = runtime;
  const file = `uws_${platform}_${arch}_${abi}.node`;
  // Packages keep them beside their entry, or in bin/.
  if (
    packageFolder !== undefined &&
    [file, join('bin', file)].some((path) => existsSync(join(packageFolder, path)))
  ) {
    return undefined;
  }
  return `the installed uWebSockets.js has no binary for Node ${node} (ABI ${abi}, ${platform}-${arch}): use Node 20 or 22, or install the official build with \`npm install ${OFFICIAL_BUILD}\` (or a newer release)`;
}

function thisRuntime(): Runtime {
  const { versions, platform, arch } = process;
  return {
    node: versions.node,
    abi: versions.modules,
    platform,
    arch,
    packageFolder: folderOf('uWebSockets.js'),
  };
}

function folderOf(packageName: string): string | undefined {
  try {
    return dirname(fileURLToPath(import.meta.resolve(packageName)));
  } catch {
    return undefined;
  }
}

/**
 * Whether the RocksDB binding can be loaded, tried in a process of its own: where its binary does not fit this Node it
 * does not throw, it ends the process (its prebuilt one for Linux meets symbols of the C++ library that newer builds of
 * Node export). What to tell the user; undefined when it works.
 */
export function brokenRocksdb(load: (entry: string) => boolean = canLoad): string | undefined {
  let entry: string;
  try {
    entry = createRequire(import.meta.url).resolve('rocksdb');
  } catch {
    return 'the package rocksdb is not installed: run `npm install`, or start with --memory';
  }
  if (load(entry)) return undefined;
  return `the binary of the package rocksdb cannot be loaded by Node ${process.versions.node}: build it for this Node with \`npm rebuild rocksdb --build-from-source\` (a C++ compiler, make and python3 are needed, and some minutes), or start with --memory`;
}

function canLoad(entry: string): boolean {
  const { status } = spawnSync(process.execPath, ['-e', `require(${JSON.stringify(entry)})`], {
    stdio: 'ignore',
  });
  return status === 0;
}
