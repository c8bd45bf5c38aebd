/** A bench's results as text for a terminal; pure. */
import type { GoalOutcome } from '../goals.ts';
import { figuresOf, type ScenarioResult } from '../results.ts';
import type { Figures } from '../scenario.ts';
import { FORMS, formatted, rounded } from './figures.ts';

type Row = readonly string[];

/** Of why a server failed; the whole of it is in the JSON. */
const MOST_CHARACTERS = 160;

export function scenarioTable(letter: string, result: ScenarioResult): string {
  const { servers, ratios, ours, what } = result;
  const figures = (Object.keys(FORMS) as (keyof Figures)[]).filter((figure) =>
    Object.values(servers).some((outcome) => figuresOf(outcome)?.[figure] !== undefined),
  );
  const head = [
    '',
    ...figures.map((figure) => FORMS[figure].title),
    ...(ours ? [`${ours} is × as good`] : []),
  ];
  const rows = Object.entries(servers).map(([name, outcome]): Row => {
    if ('absent' in outcome) return [name, `absent: ${outcome.absent}`];
    if ('failed' in outcome) return [name, `failed: ${inOneLine(outcome.failed)}`];
    const cells = figures.map((figure) => {
      const value = outcome[figure];
      return value === undefined ? '' : formatted(figure, value);
    });
    return [name, ...cells, ratios[name] === undefined || name === ours ? '' : rounded(ratios[name])];
  });
  return `\n${letter}: ${what}\n${columns([head, ...rows])}`;
}

export function goalsTable(outcomes: readonly GoalOutcome[]): string {
  const head = ['', 'goal', 'found', ''];
  const rows = outcomes.map(({ goal, verdict, value, missing }): Row => {
    const { letter, figure, ours, against, atLeast } = goal;
    const written = (number: number) =>
      against === null ? formatted(figure, number) : `${rounded(number)} ×`;
    const bound = `${atLeast === undefined ? '≤' : '≥'} ${written((atLeast ?? goal.atMost)!)}`;
    const what = `${FORMS[figure].title}: ${ours} ${bound}${against === null ? '' : ` ${against}`}`;
    return [
      letter,
      what,
      value === undefined ? '' : written(value),
      missing ? `${verdict}: ${missing}` : verdict,
    ];
  });
  return `\nGoals\n${columns([head, ...rows])}`;
}

/** The first column to the left, figures to the right; a row that is shorter than the head is a remark. */
function columns(rows: readonly Row[]): string {
  const [head] = rows;
  const full = rows.filter(({ length }) => length === head!.length);
  const widths = head!.map((_, column) => Math.max(...full.map((row) => row[column]!.length)));
  const nameWidth = Math.max(...rows.map(([name]) => name!.length));
  const isText = (column: number) => full.slice(1).some((row) => /^[^\d–-]/.test(row[column]!));
  const lines = rows.map((row) =>
    row
      .map((cell, column) => {
        if (column === 0) return cell.padEnd(nameWidth);
        if (row.length < head!.length) return cell;
        return isText(column) ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!);
      })
      .join('  ')
      .trimEnd(),
  );
  return `${lines.join('\n')}\n`;
}

function inOneLine(text: string): string {
  return text.replace(/\s+/g, ' ').slice(0, MOST_CHARACTERS);
}
