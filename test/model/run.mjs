/** `npm run test:model -- [--walks N] [--seed N]`: as many walks of the hub's model as wanted, the seed told on failure. */
import { spawnSync } from 'node:child_process';
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: { walks: { type: 'string', default: '10000' }, seed: { type: 'string' } },
});
for (const [name, value] of Object.entries(values)) {
  if (!/^[1-9]\d*$/.test(value)) {
    console.error(`--${name} must be a whole number from 1 on, not ${value}`);
    process.exit(2);
  }
}
const { status } = spawnSync('npx', ['vitest', 'run', 'test/model', '--disable-console-intercept'], {
  stdio: 'inherit',
  env: { ...process.env, MODEL_WALKS: values.walks, ...(values.seed && { SEED: values.seed }) },
});
process.exit(status ?? 1);
