import { describe, expect, it } from 'vitest';
import { evaluateGoals, GOALS, type Goal } from '../../bench/goals.ts';
import { goalsTable, scenarioTable } from '../../bench/report/table.ts';
import { type Outcome, resultOf } from '../../bench/results.ts';
import type { Figures } from '../../bench/scenario.ts';
import { SCENARIOS } from '../../bench/scenarios/index.ts';

const MOST = {
  what: 'as many as it can',
  compares: { figure: 'deliveriesPerCpuSecond', better: 'more' },
} as const;
const LEAST = { what: 'as soon as it can', compares: { figure: 'p99Us', better: 'less' } } as const;
const perCpuSecond = (deliveriesPerCpuSecond: number): Figures => ({ deliveriesPerCpuSecond });
const p99 = (p99Us: number): Figures => ({ p99Us });

describe('ratios', () => {
  it('are above 1 where ours is better, of what should be more and of what should be less', () => {
    const most = resultOf(MOST, {
      ringcast: perCpuSecond(20),
      uws: perCpuSecond(4),
      floor: perCpuSecond(40),
    });
    expect(most.ratios).toEqual({ ringcast: 1, uws: 5, floor: 0.5 });
    expect(most.ratioIs).toBe('deliveriesPerCpuSecond: ringcast ÷ the server; above 1 is ringcast better');
    const least = resultOf(LEAST, { ringcast: p99(100), uws: p99(50), nats: p99(400) });
    expect(least.ratios).toEqual({ ringcast: 1, uws: 0.5, nats: 4 });
    expect(least.ratioIs).toBe('p99Us: the server ÷ ringcast; above 1 is ringcast better');
  });

  it('are of the first of ours that was measured', () => {
    const servers = { 'ringcast-10ms': { failed: 'no' }, uws: p99(200), ringcast: p99(100) };
    expect(resultOf(LEAST, servers)).toMatchObject({ ours: 'ringcast', ratios: { uws: 2 } });
  });

  it('are none where none of ours was measured', () => {
    expect(resultOf(LEAST, { uws: p99(200) })).toMatchObject({ ours: undefined, ratios: {} });
  });
});

describe('goals', () => {
  const atLeast: Goal = {
    letter: 'a',
    figure: 'deliveriesPerCpuSecond',
    ours: 'ringcast',
    against: 'uws',
    atLeast: 3,
  };
  const atMost: Goal = { letter: 'd', figure: 'p99Us', ours: 'ringcast', against: 'uws', atMost: 1.1 };
  const alone: Goal = { letter: 'd', figure: 'p99Us', ours: 'ringcast', against: null, atMost: 100 };
  const a = (ours: Outcome, theirs: Outcome) => ({ a: resultOf(MOST, { ringcast: ours, uws: theirs }) });
  const d = (ours: Outcome, theirs: Outcome) => ({ d: resultOf(LEAST, { ringcast: ours, uws: theirs }) });

  it('are reached at their bound and missed beyond it', () => {
    expect(evaluateGoals(a(perCpuSecond(3), perCpuSecond(1)), [atLeast])).toMatchObject([
      { verdict: 'reached', value: 3 },
    ]);
    expect(evaluateGoals(a(perCpuSecond(2.9), perCpuSecond(1)), [atLeast])).toMatchObject([
      { verdict: 'missed' },
    ]);
    expect(evaluateGoals(d(p99(110), p99(100)), [atMost])).toMatchObject([{ verdict: 'reached' }]);
    expect(evaluateGoals(d(p99(111), p99(100)), [atMost])).toMatchObject([{ verdict: 'missed' }]);
    expect(evaluateGoals(d(p99(100), p99(1)), [alone])).toMatchObject([{ verdict: 'reached', value: 100 }]);
    expect(evaluateGoals(d(p99(101), p99(1)), [alone])).toMatchObject([{ verdict: 'missed' }]);
  });

  it('are not measured, and say why, beside a peer that is absent or failed', () => {
    const absent = evaluateGoals(a(perCpuSecond(3), { absent: 'install it' }), [atLeast]);
    expect(absent).toMatchObject([{ verdict: 'not measured', missing: 'uws is absent' }]);
    const failed = evaluateGoals(a({ failed: 'no' }, perCpuSecond(1)), [atLeast]);
    expect(failed).toMatchObject([{ verdict: 'not measured', missing: 'ringcast failed' }]);
    expect(goalsTable([...absent, ...failed])).toContain('not measured: uws is absent');
  });

  it('are left out where a server was not in the run', () => {
    expect(evaluateGoals({ a: resultOf(MOST, { ringcast: perCpuSecond(1) }) }, [atLeast, atMost])).toEqual(
      [],
    );
  });

  it('name scenarios, servers and figures that there are', () => {
    for (const { letter, ours, against } of GOALS) {
      const scenario = SCENARIOS.find((one) => one.letter === letter);
      if (!scenario) continue;
      expect(scenario.servers, letter).toContain(ours);
      if (against !== null) expect(scenario.servers, letter).toContain(against);
    }
  });
});

describe('the table of a scenario', () => {
  const result = resultOf(MOST, {
    ringcast: { deliveriesPerCpuSecond: 20e6, rssBytes: 2 ** 20 },
    uws: perCpuSecond(4e6),
    nats: { absent: 'install nats-server' },
    redis: { failed: 'it ended\nwith 1' },
  });
  const lines = scenarioTable('a', result).split('\n');
  const line = (name: string) => lines.find((text) => text.startsWith(name))!;

  it('shows the figures that there are, and how many times as good ours is', () => {
    expect(lines[2]).toMatch(/^ +M deliveries \/ CPU s {2}RSS MiB {2}ringcast is × as good$/);
    expect(line('ringcast')).toMatch(/^ringcast +20 +1$/);
    expect(line('uws')).toMatch(/^uws +4 +5$/);
  });

  it('names the peers that are absent or failed', () => {
    expect(line('nats')).toBe('nats      absent: install nats-server');
    expect(line('redis')).toBe('redis     failed: it ended with 1');
  });
});

describe('the list of scenarios', () => {
  it('has each letter once, and ours first', () => {
    const letters = SCENARIOS.map(({ letter }) => letter);
    expect(new Set(letters).size).toBe(letters.length);
    for (const { servers } of SCENARIOS) expect(servers[0]).toMatch(/^ringcast(-|$)/);
  });
});
