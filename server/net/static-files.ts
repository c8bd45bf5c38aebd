/**
 * The files that `npm run build` made for browsers: the dashboard and the SDK as one module. Read into memory when the
 * hub starts, so that answering asks no disk; http-api hands them out.
 */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { HttpAnswer, HttpQuestion } from './websocket-server.ts';

const JAVASCRIPT = 'text/javascript; charset=utf-8';
const STYLES = 'text/css; charset=utf-8';
const MAP = 'application/json';
const PLAIN = 'text/plain; charset=utf-8';

/** The page runs nothing that is not the hub's own, and nobody may frame it: its token allows everything. */
const PAGE_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self' ws: wss:",
  "img-src 'self' data:",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** Pages of other origins may import the SDK; it holds no secret. */
const FOR_ALL_ORIGINS = {
  'access-control-allow-origin': '*',
  'cross-origin-resource-policy': 'cross-origin',
};
/** What is revalidated is never stale, and costs an answer without a body. */
const EVERY_FILE = { 'cache-control': 'no-cache', 'referrer-policy': 'no-referrer' };

interface Source {
  /** Below the folder of what was built. */
  readonly file: string;
  readonly type: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** By path. The page is at "/", where only who asks for HTML is given it. */
const SOURCES: Readonly<Record<string, Source>> = {
  '/': {
    file: 'dashboard/index.html',
    type: 'text/html; charset=utf-8',
    headers: { 'content-security-policy': PAGE_POLICY, vary: 'accept, accept-encoding' },
  },
  '/dashboard.js': { file: 'dashboard/dashboard.js', type: JAVASCRIPT },
  '/dashboard.js.map': { file: 'dashboard/dashboard.js.map', type: MAP },
  '/dashboard.css': { file: 'dashboard/dashboard.css', type: STYLES },
  '/dashboard.css.map': { file: 'dashboard/dashboard.css.map', type: MAP },
  '/dashboard.licences.txt': { file: 'dashboard/dashboard.licences.txt', type: PLAIN },
  '/client.js': { file: 'browser/client.js', type: JAVASCRIPT, headers: FOR_ALL_ORIGINS },
  '/client.js.map': { file: 'browser/client.js.map', type: MAP, headers: FOR_ALL_ORIGINS },
  '/client.licences.txt': { file: 'browser/client.licences.txt', type: PLAIN, headers: FOR_ALL_ORIGINS },
};

interface Coded {
  readonly body: Uint8Array;
  /** Of these bytes: the same file compressed has another. */
  readonly etag: string;
}

interface StaticFile {
  readonly type: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly plain: Coded;
  /** Null for maps, which only developer tools fetch. */
  readonly gzipped: Coded | null;
}

/** Where `npm run build` puts them, seen from here: run as built, or (in tests) from its sources. */
const BUILT_FOLDER = fileURLToPath(
  new URL(import.meta.url.endsWith('.ts') ? '../../dist/' : '../../', import.meta.url),
);

export class StaticFiles {
  readonly #files: ReadonlyMap<string, StaticFile>;

  private constructor(files: ReadonlyMap<string, StaticFile>) {
    this.#files = files;
  }

  /** Files that are not there are answered as not built. */
  static async read(folder: string = BUILT_FOLDER): Promise<StaticFiles> {
    const files = new Map<string, StaticFile>();
    await Promise.all(
      Object.entries(SOURCES).map(async ([path, source]) => {
        const body = await readFile(join(folder, source.file)).catch(() => undefined);
        if (body) files.set(path, await fileOf(source, body));
      }),
    );
    return new StaticFiles(files);
  }

  has(path: string): boolean {
    return this.#files.has(path);
  }

  /** Undefined where no such file is ever served. */
  answer({ path, acceptEncoding, ifNoneMatch }: HttpQuestion): HttpAnswer | undefined {
    const file = this.#files.get(path);
    if (!file) return Object.hasOwn(SOURCES, path) ? NOT_BUILT : undefined;
    const { type, plain, gzipped } = file;
    const isGzip = gzipped !== null && acceptsGzip(acceptEncoding);
    const { body, etag } = isGzip ? gzipped : plain;
    const headers = { ...file.headers, etag, ...(isGzip && { 'content-encoding': 'gzip' }) };
    if (isKnown(etag, ifNoneMatch)) return { status: '304 Not Modified', type, headers, body: '' };
    return { status: '200 OK', type, headers, body };
  }
}

const NOT_BUILT: HttpAnswer = {
  status: '404 Not Found',
  type: PLAIN,
  body: 'this file was not built: run `npm run build`, then start the hub again\n',
};

async function fileOf({ type, headers }: Source, body: Uint8Array): Promise<StaticFile> {
  const digest = createHash('sha256').update(body).digest('base64url').slice(0, 16);
  const zipped = type === MAP ? null : await promisify(gzip)(body, { level: 9 });
  return {
    type,
    headers: { ...EVERY_FILE, vary: 'accept-encoding', ...headers },
    plain: { body, etag: `"${digest}"` },
    gzipped: zipped && { body: zipped, etag: `"${digest}-gzip"` },
  };
}

function acceptsGzip(acceptEncoding: string): boolean {
  return acceptEncoding.split(',').some((each) => {
    const [coding, ...parameters] = each.split(';').map((part) => part.trim().toLowerCase());
    return (coding === 'gzip' || coding === '*') && !parameters.some((one) => /^q=0(\.0*)?$/.test(one));
  });
}

/** Proxies that compress by themselves mark tags as weak. */
function isKnown(etag: string, ifNoneMatch: string): boolean {
  const tags = ifNoneMatch.split(',').map((tag) => tag.trim().replace(/^W\//, ''));
  return tags.includes(etag) || tags.includes('*');
}
