/**
 * `npm run bench [-- --scenario a,d --servers uws,floor,ringcast --seconds 5 --burst 32 --window 32 --json FILE --plot FILE.svg]`:
 * measures the hub beside others in one run. Each server is a process of its own on core 0, the load another on core 1
 * (where `taskset` exists). Ends with 1 when a peer failed; an absent one and a goal that was missed are no failures.
 *
 * One window for all servers: 32 bursts of 32, 1,024 publishes, half of what the hub's publish credit allows. With one burst
 * under way a server waits while it travels. With 8 the figures depended on the rhythm that load and server fell into; with
 * 32 servers are busy. Batches grow with the window, which is kind to who batches, ours and others alike.
 * Native topics gather a tick's messages for each subscriber, but drain at 32, inside the handler, where nothing can be
 * corked: no window above one burst is kind to them, `--burst 30 --window 1` is.
 */
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { evaluateGoals } from './goals.ts';
import { describeMachine } from './machine.ts';
import { plotOf } from './report/plot.ts';
import { goalsTable, scenarioTable } from './report/table.ts';
import type { ScenarioResult } from './results.ts';
import { type RunOptions, runScenarios } from './runner.ts';
import type { Scenario } from './scenario.ts';
import { SCENARIOS } from './scenarios/index.ts';

const { values } = parseArgs({
  options: {
    scenario: { type: 'string' },
    servers: { type: 'string' },
    seconds: { type: 'string', default: '5' },
    burst: { type: 'string', default: '32' },
    window: { type: 'string', default: '32' },
    json: { type: 'string' },
    plot: { type: 'string' },
  },
});

function refuse(text: string): never {
  process.stderr.write(`${text}\n`);
  process.exit(2);
}

function count(name: 'seconds' | 'burst' | 'window'): number {
  const number = Number(values[name]);
  return Number.isInteger(number) && number > 0
    ? number
    : refuse(`--${name} must be a whole number from 1 on`);
}

function chosenScenarios(): Scenario[] {
  const letters = values.scenario?.split(',') ?? SCENARIOS.map(({ letter }) => letter);
  const names = values.servers?.split(',');
  const known = new Set(SCENARIOS.flatMap(({ servers }) => servers));
  for (const name of names ?? []) {
    if (!known.has(name)) refuse(`no server ${name}: choose from ${[...known].join(', ')}`);
  }
  return letters.map((letter) => {
    const scenario = SCENARIOS.find((one) => one.letter === letter);
    if (!scenario)
      refuse(`no scenario ${letter}: choose from ${SCENARIOS.map((one) => one.letter).join(', ')}`);
    return { ...scenario, servers: scenario.servers.filter((name) => names?.includes(name) ?? true) };
  });
}

const options: RunOptions = { seconds: count('seconds'), burst: count('burst'), window: count('window') };
const scenarios = chosenScenarios().filter(({ servers }) => servers.length > 0);
if (scenarios.length === 0) refuse('none of these servers is in these scenarios');
const machine = describeMachine();
const results: Record<string, ScenarioResult> = {};
await runScenarios(scenarios, options, (letter, result) => {
  results[letter] = result;
  console.log(scenarioTable(letter, result));
  // After each, so that a bench that is interrupted leaves what it has.
  if (values.json)
    writeFileSync(values.json, `${JSON.stringify({ machine, options, ...results }, null, 2)}\n`);
});
const goals = evaluateGoals(results);
if (goals.length > 0) console.log(goalsTable(goals));
if (values.plot) writeFileSync(values.plot, plotOf(results, machine));
const hasFailed = Object.values(results).some(({ servers }) =>
  Object.values(servers).some((one) => 'failed' in one),
);
process.exit(hasFailed ? 1 : 0);
