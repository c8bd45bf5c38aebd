/**
 * Whether the installed uWebSockets.js has a binary for this Node. Looked up, not tried: loading a binary that is not
 * there ends in a stack trace and a text that helps nobody.
 */
import { existsSync } from 'node:fs';
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
