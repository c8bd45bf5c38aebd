import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { Random } from '../support/random.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { HubWalk } from './hub-walk.ts';

/** `npm run test:model -- --walks 10000 [--seed N]` sets both. */
const WALKS = Number(process.env.MODEL_WALKS) || 60;
const STEPS = 150;
const isLong = process.env.MODEL_WALKS !== undefined;
/** A walk of few steps may well miss one of these; so many walks must not. */
const MUST_BE_MET = [
  'live',
  'reading',
  'catching-up',
  'paused',
  'batch',
  'sparse-batch',
  'state',
  'gap lost',
  'gap retention',
  'gap conflated',
  'gap dropped',
  'disconnected',
  'taken',
  'duplicate',
  'synced',
  'overloaded',
  'store-failed',
  'out-of-sequence',
  'crash',
  'restart',
  'restore',
];

test('through any mix of publishing, stalling, crashing and coming back, every reader accounts for every record', async () => {
  const first = new Random();
  const folder = await tempFolder();
  const met: Record<string, number> = {};
  const startMs = performance.now();
  let toldMs = startMs;
  for (let walk = 0; walk < WALKS; walk++) {
    const random = new Random(first.seed + walk);
    const walkFolder = join(folder, String(walk));
    const one = new HubWalk(random, walkFolder);
    try {
      await one.run(STEPS);
    } catch (cause) {
      const steps = one.steps.slice(-12).join(', ');
      const text = cause instanceof Error ? cause.message : String(cause);
      throw new Error(`seed ${random.seed}, after ${one.steps.length} steps (… ${steps}): ${text}`, {
        cause,
      });
    }
    await rm(walkFolder, { recursive: true, force: true });
    for (const [what, times] of Object.entries(one.met)) met[what] = (met[what] ?? 0) + times;
    if (isLong && performance.now() - toldMs > 1000) {
      toldMs = performance.now();
      process.stderr.write(`\r${walk + 1} of ${WALKS} walks, ${Math.round((toldMs - startMs) / 1000)} s `);
    }
  }
  if (isLong) process.stderr.write(`\n${JSON.stringify(met)}\n`);
  if (WALKS >= 60) expect(MUST_BE_MET.filter((what) => !met[what])).toEqual([]);
}, 3_600_000);
