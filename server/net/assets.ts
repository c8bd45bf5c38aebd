/**
 * The files that the hub serves to browsers: the dashboard and the SDK, as `npm run build` left them. Read once, whole,
 * when the hub starts. Values only; http-api says which is asked for, websocket-server does the transport.
 */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';

export interface Asset {
  readonly type: string;
  readonly body: Uint8Array;
  readonly gzipped: Uint8Array;
  /** In quotes, as the header has it. */
  readonly etag: string;
  readonly headers: Readonly<Record<string, string>>;
}

/**
 * Nothing but what the hub itself serves may run or be fetched, so that a record's text can do nothing whatever a page
 * makes of it. `ws:` and `wss:` since a page may be asked to read another hub.
 */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self' ws: wss:",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

const PAGE = { 'content-security-policy': POLICY, 'referrer-policy': 'no-referrer' };
/** Pages of other origins import the SDK from the hub that they talk to. */
const SHARED = { 'access-control-allow-origin': '*' };

const SCRIPT = 'text/javascript; charset=utf-8';
const JSON_TYPE = 'application/json';

/** What is asked for, and the file of the build that it is. */
const FILES: readonly (readonly [path: string, file: string, type: string, headers: Asset['headers']])[] = [
  ['/', 'dashboard/index.html', 'text/html; charset=utf-8', PAGE],
  ['/dashboard.js', 'dashboard/dashboard.js', SCRIPT, {}],
  ['/dashboard.js.map', 'dashboard/dashboard.js.map', JSON_TYPE, {}],
  ['/dashboard.css', 'dashboard/dashboard.css', 'text/css; charset=utf-8', {}],
  ['/dashboard.css.map', 'dashboard/dashboard.css.map', JSON_TYPE, {}],
  ['/client.js', 'browser/client.js', SCRIPT, SHARED],
  ['/client.js.map', 'browser/client.js.map', JSON_TYPE, SHARED],
  ['/stores.js', 'browser/stores.js', SCRIPT, SHARED],
  ['/stores.js.map', 'browser/stores.js.map', JSON_TYPE, SHARED],
];

/** Run from the build, that is the folder above; run from the sources, as tests do, it is beside them. */
const BUILDS = ['../../', '../../dist/'].map((path) => fileURLToPath(new URL(path, import.meta.url)));

const compress = promisify(gzip);

export type Assets = ReadonlyMap<string, Asset>;

/** By path. What was not built is missing. */
export async function loadAssets(folders: readonly string[] = BUILDS): Promise<Assets> {
  const assets = new Map<string, Asset>();
  for (const [path, file, type, headers] of FILES) {
    const body = await firstOf(folders.map((folder) => `${folder}/${file}`));
    if (body) assets.set(path, await assetOf(type, body, headers));
  }
  return assets;
}

async function assetOf(type: string, body: Buffer, headers: Asset['headers']): Promise<Asset> {
  const hash = createHash('sha256').update(body).digest('base64url').slice(0, 22);
  return { type, body, gzipped: await compress(body, { level: 9 }), etag: `"${hash}"`, headers };
}

async function firstOf(files: readonly string[]): Promise<Buffer | undefined> {
  for (const file of files) {
    try {
      return await readFile(file);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }
  return undefined;
}
