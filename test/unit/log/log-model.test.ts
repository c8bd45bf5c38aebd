import { describe, test } from 'vitest';
import { createMemoryStore } from '../../../server/log/memory-store.ts';
import type { OrderedStore } from '../../../server/log/ordered-store.ts';
import { createRocksStore } from '../../../server/log/rocks-store.ts';
import { storeFolder } from '../../../server/log/store-folder.ts';
import { LogWalk } from '../../support/log-walk.ts';
import { Random } from '../../support/random.ts';
import { tempFolder } from '../../support/temp-folder.ts';

/** How many walks over each kind of store; RINGCAST_WALKS=2000 walks for minutes, SEED=… RINGCAST_WALKS=1 again. */
const WALKS = Number(process.env.RINGCAST_WALKS) || 15;
const STEPS = 80;

async function walk(seed: number, storeOf: (folder: string) => OrderedStore, steps: number): Promise<void> {
  const folder = await tempFolder();
  const logWalk = new LogWalk(new Random(seed), storeOf(folder), folder);
  try {
    await logWalk.run(steps);
  } catch (cause) {
    const told = logWalk.steps.map((step, i) => `${i + 1}. ${step}`).join('\n');
    const message = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`${message}\nSEED=${seed} RINGCAST_WALKS=1\n${told}`, { cause });
  }
}

describe('whatever is published, written, evicted, trimmed, stopped and killed, readers are given what the model says', () => {
  const first = new Random().seed;

  test(`over a store in memory (SEED=${first})`, { timeout: 60_000 + WALKS * 500 }, async () => {
    for (let i = 0; i < WALKS; i++) await walk(first + i, () => createMemoryStore({ keep: true }), STEPS);
  });

  test(`over RocksDB (SEED=${first})`, { timeout: 60_000 + WALKS * 500 }, async () => {
    const walks = Math.ceil(WALKS / 10);
    for (let i = 0; i < walks; i++)
      await walk(first + i, (folder) => createRocksStore(storeFolder(folder)), STEPS);
  });
});
