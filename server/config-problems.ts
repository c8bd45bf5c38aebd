/**
 * What is wrong with a configuration, as lines a person can act on: `path: what is wrong; what to write`.
 * Not its job: what is right (config.ts, its only caller).
 */
import type { z } from 'zod';

export interface ConfigProblem {
  /** Dotted, such as `channels.0.pattern`; empty for the configuration as a whole. */
  readonly path: string;
  readonly text: string;
}

/** The configuration cannot be used; the message has a line for every problem found. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly problems: readonly ConfigProblem[];

  /** `source` names what was read: a file, or "the configuration". */
  constructor(source: string, problems: readonly ConfigProblem[], cause?: unknown) {
    const lines = problems.map(({ path, text }) => (path === '' ? text : `${path}: ${text}`));
    super(`${source} cannot be used:\n  ${lines.join('\n  ')}`, cause === undefined ? undefined : { cause });
    this.problems = problems;
  }
}

export function problemsOf(error: z.ZodError, schema: unknown): ConfigProblem[] {
  return error.issues.flatMap((issue) => {
    const path = issue.path.map(String);
    if (issue.code !== 'unrecognized_keys') return [{ path: path.join('.'), text: issue.message }];
    const known = memberNames(schema, path);
    return issue.keys.map((name) => ({ path: [...path, name].join('.'), text: unknownName(name, known) }));
  });
}

function unknownName(name: string, known: readonly string[]): string {
  const nearest = nearestName(name, known);
  return nearest
    ? `is not a setting; did you mean ${nearest}?`
    : `is not a setting; write one of ${known.join(', ')}`;
}

/** What zod lets us walk: wrappers and arrays unwrap to what they hold, objects have a shape. */
interface Walkable {
  readonly unwrap?: () => Walkable;
  readonly shape?: Readonly<Record<string, Walkable>>;
}

function memberNames(schema: unknown, path: readonly string[]): string[] {
  let at = bare(schema as Walkable);
  for (const step of path) {
    // Steps into arrays are numbers; unwrapping has passed them already.
    if (at.shape && step in at.shape) at = bare(at.shape[step]!);
  }
  return Object.keys(at.shape ?? {});
}

function bare(schema: Walkable): Walkable {
  let at = schema;
  while (at.unwrap) at = at.unwrap();
  return at;
}

/** The known name that a typing error would have turned into `name`; undefined when none is near. */
function nearestName(name: string, known: readonly string[]): string | undefined {
  let nearest: string | undefined;
  // A third of the letters may be wrong; the end of a name may be missing, above all its unit.
  let leastEdits = Math.max(2, Math.floor(name.length / 3)) + 1;
  for (const candidate of known) {
    const [a, b] = [name.toLowerCase(), candidate.toLowerCase()];
    const bare = b.replace(/(bytes|ms|records)$/, '');
    const edits = a.length >= 3 && b.startsWith(a) ? 0 : Math.min(editDistance(a, b), editDistance(a, bare));
    if (edits < leastEdits) [nearest, leastEdits] = [candidate, edits];
  }
  return nearest;
}

/** Levenshtein's distance, one row at a time. */
function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = previous[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      row.push(Math.min(replaced, previous[j]! + 1, row[j - 1]! + 1));
    }
    previous = row;
  }
  return previous[b.length]!;
}
