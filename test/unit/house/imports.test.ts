import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));

/** What each part may import of the others; of itself it may import everything. The first that matches counts. */
const PARTS: readonly { readonly part: RegExp; readonly may: RegExp }[] = [
  { part: /^shared\//, may: /^$/ },
  { part: /^client\/bundle\//, may: /^$/ },
  { part: /^client\/dashboard\//, may: /^(shared\/|client\/index\.ts$)/ },
  { part: /^client\/examples\//, may: /^client\/(index|react|stores)\.ts$/ },
  { part: /^client\/(?!bundle|dashboard|examples)/, may: /^shared\// },
  { part: /^server\/log\//, may: /^(shared\/|server\/ops\/inspection\.ts)/ },
  { part: /^server\/hub\//, may: /^(shared|server\/log)\// },
  { part: /^server\/(auth|ops)\//, may: /^shared\// },
  { part: /^server\/config/, may: /^shared\// },
  { part: /^server\/net\//, may: /^(shared|server\/(log|hub|auth|ops))\// },
  { part: /^server\/figures\//, may: /^(shared|server\/(log|hub|ops))\// },
  { part: /^server\/(create-hub|index)\.ts$/, may: /^(shared\/|server\/(?!cli))/ },
  { part: /^server\/(cli\.ts|cli\/)/, may: /^(shared|client(?!\/(bundle|dashboard))|server)\// },
  { part: /^server\//, may: /^shared\// },
];

/** Each of these libraries, and what it has below its name, has one file, or one folder, that wraps it. */
const WRAPPED: Readonly<Record<string, RegExp>> = {
  'uWebSockets.js': /^server\/net\/websocket-server\.ts$/,
  rocksdb: /^server\/log\/rocks-store\.ts$/,
  msgpackr: /^shared\/msgpack\.ts$/,
  jose: /^server\/auth\//,
  pino: /^server\/ops\/logging\.ts$/,
  'prom-client': /^server\/ops\/metrics\.ts$/,
  ws: /^client\/node[\w-]*\.ts$/,
  esbuild: /^client\/bundle\/bundler\.ts$/,
  preact: /^client\/(dashboard|examples)\//,
  uplot: /^client\/dashboard\//,
  react: /^client\/(react\.ts$|examples\/)/,
};

/** The same of what only tests use. */
const WRAPPED_IN_TESTS: Readonly<Record<string, RegExp>> = {
  'playwright-core': /^test\/browser\//,
  '@sparticuz/chromium': /^test\/browser\//,
  'axe-core': /^test\/browser\//,
  esbuild: /^test\/browser\//,
  'react-dom': /^(test\/browser|client\/examples)\//,
};

interface Import {
  readonly file: string;
  readonly target: string;
  readonly isType: boolean;
}

const files = ['shared', 'client', 'server'].flatMap(sources);
const imports = files.flatMap(importsOf);
const testImports = sources('test').flatMap(importsOf);

function sources(folder: string): string[] {
  return readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.tsx?$/.test(entry.name) && !entry.name.endsWith('.d.ts'))
    .map((entry) => relative(ROOT, join(entry.parentPath, entry.name)));
}

function importsOf(file: string): Import[] {
  const text = readFileSync(join(ROOT, file), 'utf8');
  const found = text.matchAll(
    /^(?:import|export)\s+(type\s)?[^;]*?from\s+'([^']+)'|import\(\s*'([^']+)'\s*\)/gm,
  );
  return [...found].map(([, type, from, dynamic]) => ({
    file,
    target: (from ?? dynamic)!,
    isType: type !== undefined,
  }));
}

/** `preact` of `preact/hooks`, `@a/b` of `@a/b/c`. */
function packageOf(target: string): string {
  return target
    .split('/')
    .slice(0, target.startsWith('@') ? 2 : 1)
    .join('/');
}

function resolved({ file, target }: Import): string {
  return join(dirname(file), target);
}

describe('the house', () => {
  it('is read at all', () => {
    expect(files.length).toBeGreaterThan(60);
    expect(imports.length).toBeGreaterThan(200);
  });

  it('lets imports go one way only', () => {
    const wrong = imports.filter((one) => {
      if (!one.target.startsWith('.')) return false;
      const { part, may } = PARTS.find(({ part }) => part.test(one.file))!;
      const to = resolved(one);
      return !part.test(to) && !may.test(to);
    });
    expect(wrong.map((one) => `${one.file} → ${resolved(one)}`)).toEqual([]);
  });

  it('wraps each native or large library in one place', () => {
    const outside = (wrapped: typeof WRAPPED) => (one: Import) => {
      const place = wrapped[packageOf(one.target)];
      return place !== undefined && !place.test(one.file);
    };
    const wrong = [
      ...imports.filter(outside({ ...WRAPPED_IN_TESTS, ...WRAPPED })),
      ...testImports.filter(outside(WRAPPED_IN_TESTS)),
    ];
    expect(wrong.map(({ file, target }) => `${file} → ${target}`)).toEqual([]);
  });

  it('keeps Node out of what runs in a browser', () => {
    const browser = imports.filter(
      ({ file }) => /^(shared|client)\//.test(file) && !/^client\/(node|bundle\/)/.test(file),
    );
    expect(browser.filter(({ target }) => target.startsWith('node:'))).toEqual([]);
    for (const { file } of browser) {
      expect(readFileSync(join(ROOT, file), 'utf8'), file).not.toMatch(/\b(Buffer|process)\./);
    }
  });

  it('has no circles of imports', () => {
    const edges = new Map<string, string[]>();
    for (const one of imports) {
      // Types are gone when the code runs, and may refer to each other.
      if (one.isType || !one.target.startsWith('.')) continue;
      edges.set(one.file, [...(edges.get(one.file) ?? []), resolved(one)]);
    }
    const done = new Set<string>();
    const visit = (file: string, path: readonly string[]): void => {
      expect(path.includes(file), [...path, file].join(' → ')).toBe(false);
      if (done.has(file)) return;
      for (const next of edges.get(file) ?? []) visit(next, [...path, file]);
      done.add(file);
    };
    for (const file of edges.keys()) visit(file, []);
  });
});
