/** What a bench has found, as its JSON holds it; pure. Filled by the runner, read by the goals and the reports. */
import type { Figures, Scenario } from './scenario.ts';

export type Outcome = Figures | { readonly absent: string } | { readonly failed: string };

export interface ScenarioResult {
  readonly what: string;
  readonly compares: Scenario['compares'];
  /** The server that ratios are of; undefined when none of ours was measured. */
  readonly ours: string | undefined;
  /** What `ratios` holds, in words: above 1 is ours better, whichever figure it is. */
  readonly ratioIs: string;
  readonly servers: Readonly<Record<string, Outcome>>;
  /** By the other server. */
  readonly ratios: Readonly<Record<string, number>>;
}

export type Results = Readonly<Record<string, ScenarioResult>>;

/** The figures of a server that was measured. */
export function figuresOf(outcome: Outcome | undefined): Figures | undefined {
  return outcome && !('absent' in outcome) && !('failed' in outcome) ? outcome : undefined;
}

export function resultOf(
  scenario: Pick<Scenario, 'what' | 'compares'>,
  servers: Readonly<Record<string, Outcome>>,
): ScenarioResult {
  const { what, compares } = scenario;
  const { figure, better } = compares;
  const names = Object.keys(servers);
  const ours = names.find((name) => isOurs(name) && figuresOf(servers[name])?.[figure] !== undefined);
  const ratios: Record<string, number> = {};
  for (const name of names) {
    const our = ours && figuresOf(servers[ours])?.[figure];
    const their = figuresOf(servers[name])?.[figure];
    if (our === undefined || our === '' || their === undefined) continue;
    ratios[name] = better === 'more' ? our / their : their / our;
  }
  const named = ours ?? 'ours';
  const ratioIs = `${figure}: ${better === 'more' ? `${named} ÷ the server` : `the server ÷ ${named}`}; above 1 is ${named} better`;
  return { what, compares, ours, ratioIs, servers, ratios };
}

export function isOurs(server: string): boolean {
  return /^ringcast(-|$)/.test(server);
}
