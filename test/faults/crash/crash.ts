/**
 * `npm run test:crash [-- --rounds 100 --seed N]`: kills and freezes a real hub under load and accounts for every record.
 * Where it is goes to standard error, the totals as one line of JSON to standard output; the exit code is 1 when anything
 * was lost, doubled or left out without a gap. A seed brings back the faults and the load, not their timing. Runs from
 * dist/.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type CrashProgress, runCrashTest } from './crash-run.ts';

const MAX_TOLD_FINDINGS = 30;

const { values } = parseArgs({
  options: { rounds: { type: 'string', default: '100' }, seed: { type: 'string' } },
});
const rounds = Number(values.rounds);
const seed = Number(values.seed ?? Date.now() % 2 ** 31);
if (!Number.isSafeInteger(rounds) || rounds < 1 || !Number.isSafeInteger(seed)) {
  process.stderr.write('--rounds takes a whole number from 1, --seed a whole number\n');
  process.exit(2);
}

const folder = await mkdtemp(join(tmpdir(), 'ringcast-crash-'));
const dist = new URL('../../../', import.meta.url);
let progress: CrashProgress = { round: 0, doing: 'load', published: 0 };
const timer = setInterval(showProgress, 1000);
process.stderr.write(`seed ${seed}\n`);
const { totals, findings } = await runCrashTest({
  rounds,
  seed,
  dist,
  folder,
  onProgress: (now) => {
    progress = now;
  },
}).finally(async () => {
  clearInterval(timer);
  await rm(folder, { recursive: true, force: true });
});

if (process.stderr.isTTY) process.stderr.write('\n');
for (const { kind, text } of findings.slice(0, MAX_TOLD_FINDINGS)) process.stderr.write(`${kind}: ${text}\n`);
if (findings.length > 0) process.stderr.write(`${findings.length} findings with --seed ${seed}\n`);
process.stdout.write(`${JSON.stringify(totals)}\n`);
process.exit(findings.length > 0 ? 1 : 0);

function showProgress(): void {
  const { round, doing, published } = progress;
  const text = `round ${round} of ${rounds}: ${doing}; ${published} published`;
  process.stderr.write(process.stderr.isTTY ? `\r\x1b[K${text}` : `${text}\n`);
}
