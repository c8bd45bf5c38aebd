import { describe, expect, test } from 'vitest';
import { StoreLifecycle } from '../../../server/log/store-lifecycle.ts';
import { RingcastError } from '../../../shared/errors.ts';

const MISUSE = { name: 'TypeError' };
const STORE_FAILED = { name: 'RingcastError', code: 'store-failed' };
const diskFull = new Error('disk full');

/** A lifecycle over numbered handles that records what is done to them. */
function lifecycleOf(faults: { acquire?: unknown; release?: unknown } = {}) {
  const calls: string[] = [];
  let handles = 0;
  const lifecycle = new StoreLifecycle<number>({
    what: 'the store under test',
    acquire: async () => {
      handles += 1;
      calls.push(`acquire ${handles}`);
      await Promise.resolve();
      if (faults.acquire) throw faults.acquire;
      return handles;
    },
    release: async (handle) => {
      calls.push(`release ${handle}`);
      if (faults.release) throw faults.release;
    },
  });
  return { lifecycle, calls, faults };
}

/** A call that stays in flight until told how to end. */
function pending() {
  let end: { resolve: () => void; reject: (error: unknown) => void } | undefined;
  const promise = new Promise<void>((resolve, reject) => {
    end = { resolve, reject };
  });
  return { run: () => promise, ...end! };
}

const settle = () => new Promise((resolve) => setImmediate(resolve));

describe('store lifecycle', () => {
  test('walks closed, opening, open, closing, closed, with a fresh handle each time', async () => {
    const { lifecycle, calls } = lifecycleOf();
    for (const handle of [1, 2]) {
      expect(lifecycle.state).toBe('closed');
      const opening = lifecycle.open();
      expect(lifecycle.state).toBe('opening');
      await opening;
      expect(lifecycle.state).toBe('open');
      expect(await lifecycle.read(async (given) => given)).toBe(handle);
      const closing = lifecycle.close();
      expect(lifecycle.state).toBe('closing');
      await closing;
    }
    expect(lifecycle.state).toBe('closed');
    expect(calls).toEqual(['acquire 1', 'release 1', 'acquire 2', 'release 2']);
  });

  test('after a failed write every call but close is refused, and touches the handle no more', async () => {
    const { lifecycle, calls } = lifecycleOf();
    await lifecycle.open();
    const failure = await lifecycle.write(() => Promise.reject(diskFull)).catch((error: unknown) => error);
    expect(failure).toMatchObject({ ...STORE_FAILED, cause: diskFull });
    expect(lifecycle.state).toBe('failed');
    const touched = async () => {
      calls.push('touched');
    };
    for (const call of [lifecycle.read(touched), lifecycle.write(touched), lifecycle.open()]) {
      await expect(call).rejects.toMatchObject({ ...STORE_FAILED, cause: failure });
    }
    await lifecycle.close();
    expect(calls).toEqual(['acquire 1', 'release 1']);
  });

  test('after a failed write, close and open give a fresh handle that works', async () => {
    const { lifecycle } = lifecycleOf();
    await lifecycle.open();
    await expect(lifecycle.write(() => Promise.reject(diskFull))).rejects.toMatchObject(STORE_FAILED);
    await lifecycle.close();
    await lifecycle.open();
    await lifecycle.write(async () => {});
    expect(await lifecycle.read(async (handle) => handle)).toBe(2);
  });

  test('a write that throws at once is a failed write', async () => {
    const { lifecycle } = lifecycleOf();
    await lifecycle.open();
    const write = lifecycle.write(() => {
      throw diskFull;
    });
    await expect(write).rejects.toMatchObject({ ...STORE_FAILED, cause: diskFull });
    expect(lifecycle.state).toBe('failed');
  });

  test('what preparing a write throws is no failed write', async () => {
    const { lifecycle } = lifecycleOf();
    await lifecycle.open();
    const misuse = new TypeError('no such operation');
    const write = lifecycle.write(
      () => Promise.reject(diskFull),
      () => {
        throw misuse;
      },
    );
    await expect(write).rejects.toBe(misuse);
    expect(lifecycle.state).toBe('open');
    await lifecycle.write(async () => {});
  });

  test('a failed read rejects with its cause and leaves the store open', async () => {
    const { lifecycle } = lifecycleOf();
    await lifecycle.open();
    await expect(lifecycle.read(() => Promise.reject(diskFull))).rejects.toMatchObject({
      ...STORE_FAILED,
      cause: diskFull,
    });
    expect(await lifecycle.read(async () => 'fine')).toBe('fine');
  });

  test('a failed open is final until close; its handle is neither used nor released', async () => {
    const { lifecycle, calls, faults } = lifecycleOf({ acquire: diskFull });
    await expect(lifecycle.open()).rejects.toMatchObject({ ...STORE_FAILED, cause: diskFull });
    expect(lifecycle.state).toBe('failed');
    await expect(lifecycle.read(async () => {})).rejects.toMatchObject(STORE_FAILED);
    await expect(lifecycle.open()).rejects.toMatchObject(STORE_FAILED);
    await lifecycle.close();
    expect(calls).toEqual(['acquire 1']);
    faults.acquire = undefined;
    await lifecycle.open();
    expect(await lifecycle.read(async (handle) => handle)).toBe(2);
  });

  test('an error that already is a RingcastError passes as it is', async () => {
    const locked = new RingcastError('store-failed', 'locked');
    await expect(lifecycleOf({ acquire: locked }).lifecycle.open()).rejects.toBe(locked);
  });

  test('close while opening waits for the handle and releases it', async () => {
    const { lifecycle, calls } = lifecycleOf();
    const opening = lifecycle.open();
    await lifecycle.close();
    await opening;
    expect(calls).toEqual(['acquire 1', 'release 1']);
    expect(lifecycle.state).toBe('closed');
  });

  test('close while an open fails resolves, and the opener is told', async () => {
    const { lifecycle } = lifecycleOf({ acquire: diskFull });
    const opening = lifecycle.open();
    opening.catch(() => {});
    await lifecycle.close();
    await expect(opening).rejects.toMatchObject(STORE_FAILED);
    expect(lifecycle.state).toBe('closed');
  });

  test('close waits for the reads and the write that run, and releases once for all its callers', async () => {
    const { lifecycle, calls } = lifecycleOf();
    await lifecycle.open();
    const [read, write] = [pending(), pending()];
    const reading = lifecycle.read(read.run);
    const writing = lifecycle.write(write.run);
    const closing = [lifecycle.close(), lifecycle.close()];
    await settle();
    read.reject(diskFull);
    await expect(reading).rejects.toMatchObject(STORE_FAILED);
    await settle();
    expect(calls).toEqual(['acquire 1']);
    write.resolve();
    await Promise.all([writing, ...closing]);
    expect(calls).toEqual(['acquire 1', 'release 1']);
  });

  test('a write that fails while closing rejects, and the store still ends closed', async () => {
    const { lifecycle } = lifecycleOf();
    await lifecycle.open();
    const write = pending();
    const writing = lifecycle.write(write.run);
    const closing = lifecycle.close();
    write.reject(diskFull);
    await expect(writing).rejects.toMatchObject(STORE_FAILED);
    await closing;
    expect(lifecycle.state).toBe('closed');
    await lifecycle.open();
    await lifecycle.write(async () => {});
  });

  test('a second write is refused until the first has ended', async () => {
    const { lifecycle } = lifecycleOf();
    await lifecycle.open();
    const write = pending();
    const writing = lifecycle.write(write.run);
    await expect(lifecycle.write(async () => {})).rejects.toMatchObject(MISUSE);
    write.resolve();
    await writing;
    await lifecycle.write(async () => {});
  });

  test('a close that fails tells so and forgets the handle', async () => {
    const { lifecycle, faults } = lifecycleOf({ release: diskFull });
    await lifecycle.open();
    await expect(lifecycle.close()).rejects.toMatchObject({ ...STORE_FAILED, cause: diskFull });
    expect(lifecycle.state).toBe('closed');
    faults.release = undefined;
    await lifecycle.open();
    expect(await lifecycle.read(async (handle) => handle)).toBe(2);
  });
});
