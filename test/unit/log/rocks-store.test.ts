import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, rm, stat, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { constants, PerformanceObserver } from 'node:perf_hooks';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { OrderedStore, StoreOperation } from '../../../server/log/ordered-store.ts';
import { createRocksStore, type RocksStoreOptions } from '../../../server/log/rocks-store.ts';
import { tempFolder } from '../../support/temp-folder.ts';
import { until } from '../../support/until.ts';

const STORE_FAILED = { name: 'RingcastError', code: 'store-failed', cause: expect.any(Error) };

function storeIn(folder: string, options?: RocksStoreOptions): OrderedStore {
  const store = createRocksStore(folder, options);
  onTestFinished(() => store.close());
  return store;
}

function put(key: string, value: string | Buffer): StoreOperation {
  return { type: 'put', key: Buffer.from(key), value: Buffer.from(value) };
}

async function keysOf(store: OrderedStore): Promise<string[]> {
  return (await store.read({ keysOnly: true })).map((entry) => entry.key.toString());
}

/** A process of its own that has the folder open and prints "open". */
async function otherProcessIn(folder: string): Promise<ChildProcess> {
  const rocksdb = JSON.stringify(createRequire(import.meta.url).resolve('rocksdb'));
  const script = `const db = require(${rocksdb})(${JSON.stringify(folder)});
    db.open((error) => { console.log(error ? error.message : 'open'); process.stdin.resume(); });`;
  const child = spawn(process.execPath, ['-e', script], { stdio: ['pipe', 'pipe', 'inherit'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  const [text] = await once(child.stdout!, 'data');
  expect(String(text).trim()).toBe('open');
  return child;
}

test('what many reads bring is freed by scavenges, before the whole heap is collected for it', async () => {
  const store = storeIn(await tempFolder());
  await store.open();
  const value = Buffer.alloc(512 * 1024, 1);
  for (let i = 0; i < 8; i++) await store.write([put(`key-${i}`, value)]);
  let scavenges = 0;
  const observer = new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) {
      const { kind } = (entry as unknown as { detail: { kind: number } }).detail;
      if (kind === constants.NODE_PERFORMANCE_GC_MINOR) scavenges++;
    }
  });
  observer.observe({ entryTypes: ['gc'] });
  onTestFinished(() => observer.disconnect());
  // 64 MiB: at each fourth of them once, and few by V8 itself.
  for (let i = 0; i < 16; i++) expect(await store.read({})).toHaveLength(8);
  await until(() => scavenges >= 12, { what: 'scavenges', have: () => scavenges });
});

describe('the folder', () => {
  test('is created with those above it', async () => {
    const folder = join(await tempFolder(), 'a', 'b', 'c');
    const store = storeIn(folder);
    await store.open();
    expect((await stat(folder)).isDirectory()).toBe(true);
  });

  test('holds what another store object wrote there, whatever its options', async () => {
    const folder = await tempFolder();
    for (const [index, compression] of [true, false, true].entries()) {
      const store = storeIn(folder, { compression });
      await store.open();
      await store.write([put(`key ${index}`, 'x'.repeat(100_000))]);
      expect(await keysOf(store)).toHaveLength(index + 1);
      await store.close();
    }
  });

  test('that a store of this process has open is refused, and free when that is closed', async () => {
    const folder = await tempFolder();
    const [first, second] = [storeIn(folder), storeIn(folder)];
    await first.open();
    await expect(second.open()).rejects.toMatchObject(STORE_FAILED);
    await first.write([put('a', '1')]);
    await first.close();
    await second.close();
    await second.open();
    expect(await keysOf(second)).toEqual(['a']);
  });

  test('that another process has open is refused with what to do, and free when that was killed', async () => {
    const folder = await tempFolder();
    const child = await otherProcessIn(folder);
    const store = storeIn(folder);
    const failure = await store.open().catch((error: unknown) => error);
    expect(failure).toMatchObject(STORE_FAILED);
    expect(String(failure)).toContain(folder);
    expect(String(failure)).toContain('a running hub has it open');
    await expect(store.read({})).rejects.toMatchObject({ code: 'store-failed' });
    await store.close();
    child.kill('SIGKILL');
    await once(child, 'exit');
    await store.open();
    await store.write([put('a', '1')]);
  });

  test('that cannot be made fails the open with its cause; mended, the same object opens it', async () => {
    const folder = join(await tempFolder(), 'taken');
    await writeFile(folder, 'a file');
    const store = storeIn(folder);
    await expect(store.open()).rejects.toMatchObject(STORE_FAILED);
    await store.close();
    await rm(folder);
    await store.open();
    await store.write([put('a', '1')]);
  });

  test('whose files are damaged fails the open, and does not blame a running hub', async () => {
    const folder = await tempFolder();
    await writeFile(join(folder, 'CURRENT'), 'no manifest\n');
    await mkdir(join(folder, 'MANIFEST-000001'));
    const failure = await storeIn(folder)
      .open()
      .catch((error: unknown) => error);
    expect(failure).toMatchObject(STORE_FAILED);
    expect(String(failure)).not.toContain('running hub');
  });
});

/** `prlimit` lets this process write no file beyond a size, as a full disk would, without being root. */
const canLimit = process.platform === 'linux' && spawnSync('prlimit', ['--version']).status === 0;

describe.runIf(canLimit)('a disk that refuses a write', () => {
  const limitFileBytes = (limit: string) =>
    execFileSync('prlimit', ['--pid', String(process.pid), `--fsize=${limit}:`]);

  test('ends the handle; reopened, every earlier write is there and the failed one whole or not at all', async () => {
    const ignore = () => {};
    process.on('SIGXFSZ', ignore);
    onTestFinished(() => {
      limitFileBytes('unlimited');
      process.off('SIGXFSZ', ignore);
    });
    const store = storeIn(await tempFolder());
    await store.open();
    const value = Buffer.alloc(65_536, 1);
    const batch = (number: number) => ['a', 'b', 'c'].map((part) => put(`${number}${part}`, value));
    limitFileBytes(String(1 << 20));
    let written = 0;
    const fill = async () => {
      for (; written < 9; written += 1) await store.write(batch(written));
    };
    await expect(fill()).rejects.toMatchObject(STORE_FAILED);
    expect(written).toBeGreaterThan(2);
    limitFileBytes('unlimited');

    // There is room again, and yet nothing may be written: it could be gone after a crash.
    await expect(store.write(batch(9))).rejects.toMatchObject(STORE_FAILED);
    await expect(store.read({})).rejects.toMatchObject(STORE_FAILED);
    await store.close();
    await store.open();
    const keys = await keysOf(store);
    expect([written * 3, written * 3 + 3]).toContain(keys.length);
    await store.write(batch(9));
    expect(await keysOf(store)).toHaveLength(keys.length + 3);
  });
});
