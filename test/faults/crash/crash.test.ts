import { expect, test } from 'vitest';
import { Random } from '../../support/random.ts';
import { tempFolder } from '../../support/temp-folder.ts';
import { FINDING_KINDS } from './accounts.ts';
import { runCrashTest } from './crash-run.ts';

const DIST = new URL('../../../dist/', import.meta.url);
const ROUNDS = 4;

test('over a few kills and freezes of a real hub under load, every record is accounted for', async () => {
  const { seed } = new Random();
  const { totals, findings } = await runCrashTest({
    rounds: ROUNDS,
    seed,
    dist: DIST,
    folder: await tempFolder(),
  });
  expect({ seed, findings: findings.slice(0, 20) }).toEqual({ seed, findings: [] });
  expect(FINDING_KINDS.map((kind) => totals[kind])).toEqual(FINDING_KINDS.map(() => 0));
  // It was a test at all: each kind of work was done.
  expect(totals.diskAcked).toBeGreaterThan(100);
  expect(totals.memoryAcked).toBeGreaterThan(100);
  expect(totals.handed).toBeGreaterThan(totals.published);
}, 120_000);
