/** Runs scenarios, server by server. A peer that is absent or fails is said to be so, and the others go on. */
import { Progress } from './progress.ts';
import { type Outcome, resultOf, type ScenarioResult } from './results.ts';
import { AbsentPeer, type Scenario } from './scenario.ts';

export interface RunOptions {
  readonly seconds: number;
  readonly burst: number;
  readonly window: number;
}

/** Hands on each scenario's result as soon as it is there. */
export async function runScenarios(
  scenarios: readonly Scenario[],
  options: RunOptions,
  onResult: (letter: string, result: ScenarioResult) => void,
): Promise<void> {
  const total = scenarios.reduce((sum, { servers }) => sum + servers.length, 0);
  const progress = new Progress(total, options.seconds);
  for (const scenario of scenarios) {
    const servers: Record<string, Outcome> = {};
    for (const server of scenario.servers) {
      progress.begin(`${scenario.letter}: ${scenario.what}: ${server}`);
      servers[server] = await outcomeOf(scenario, server, options, progress);
      progress.end();
    }
    onResult(scenario.letter, resultOf(scenario, servers));
  }
}

async function outcomeOf(
  scenario: Scenario,
  server: string,
  options: RunOptions,
  progress: Progress,
): Promise<Outcome> {
  try {
    return await scenario.measure(server, { ...options, progress: (text) => progress.step(text) });
  } catch (cause) {
    const { message } = cause as Error;
    if (cause instanceof AbsentPeer) return { absent: message };
    process.stderr.write(`\n${scenario.letter}: ${server} failed: ${message}\n`);
    return { failed: message };
  }
}
