/**
 * Chromium from the package @sparticuz/chromium, unpacked once per version into the folder for temporary files: its
 * own folder, made whole under another name and then renamed, so that tests that start together, or were killed while
 * they unpacked, never run half a browser. Called by chromium.ts.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import sparticuz from '@sparticuz/chromium';

export interface InstalledChromium {
  readonly executable: string;
  /** What it needs in its environment, beside the test's own. */
  readonly env: Readonly<Record<string, string>>;
}

/** Some 2 s the first time. Rejects with what to do when this machine cannot run it. */
export async function installChromium(): Promise<InstalledChromium> {
  const folder = join(tmpdir(), `ringcast-chromium-${await packageVersion()}`);
  if (!existsSync(folder)) await unpackTo(folder);
  const executable = join(folder, 'chromium');
  const env = { FONTCONFIG_FILE: join(folder, 'fonts.conf') };
  const plain = tryVersion(executable, env);
  if (plain.ok) return { executable, env };
  // A machine without NSS: the package brings that, for the systems that it is made for.
  const withLibraries = { ...env, LD_LIBRARY_PATH: join(folder, 'al2023/lib') };
  if (tryVersion(executable, withLibraries).ok) return { executable, env: withLibraries };
  throw new Error(
    `Chromium of @sparticuz/chromium does not start on this machine (${process.platform} ${process.arch}; it is made ` +
      `for Linux on x64): ${plain.said}. If ${folder} is damaged, remove it and try again.`,
  );
}

/** The package's entry is two folders below its root, which it does not export. */
async function packageVersion(): Promise<string> {
  const entry = createRequire(import.meta.url).resolve('@sparticuz/chromium');
  const text = await readFile(join(dirname(entry), '../../package.json'), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}

async function unpackTo(folder: string): Promise<void> {
  const made = await mkdtemp(`${folder}-`);
  try {
    await unpackInto(made);
    await writeFile(join(made, 'fonts.conf'), fontsOf(folder));
    await rename(made, folder);
  } catch (error) {
    await rm(made, { recursive: true, force: true });
    // Another test was quicker.
    if (!existsSync(join(folder, 'chromium'))) throw error;
  }
}

/** The package unpacks into the folder for temporary files, and its libraries only where it believes to be in AWS. */
async function unpackInto(folder: string): Promise<void> {
  const { TMPDIR, AWS_EXECUTION_ENV } = process.env;
  Object.assign(process.env, { TMPDIR: folder, AWS_EXECUTION_ENV: 'AWS_Lambda_nodejs20.x' });
  try {
    await sparticuz.executablePath();
  } finally {
    setOrDelete('TMPDIR', TMPDIR);
    setOrDelete('AWS_EXECUTION_ENV', AWS_EXECUTION_ENV);
  }
}

function setOrDelete(name: string, value: string | undefined): void {
  if (value === undefined) delete process.env[name];
  else process.env[name] = value;
}

/** Pages look the same on machines without fonts. */
function fontsOf(folder: string): string {
  return `<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <dir>/usr/share/fonts</dir>
  <dir>${folder}/fonts</dir>
  <cachedir>${folder}/fonts-cache</cachedir>
</fontconfig>
`;
}

function tryVersion(
  executable: string,
  env: Readonly<Record<string, string>>,
): { readonly ok: boolean; readonly said: string } {
  const { status, stdout, stderr, error } = spawnSync(executable, ['--version'], {
    env: { ...process.env, ...env },
    encoding: 'utf8',
    timeout: 15_000,
  });
  return {
    ok: status === 0 && stdout.includes('Chromium'),
    said: error?.message ?? stderr.trim().slice(-500),
  };
}
