/** Waiting in tests: for a condition, with a deadline that says what it found. Never a sleep. */
import { inspect } from 'node:util';

export interface UntilOptions {
  /** What is waited for, as it completes "waited 5000 ms for …". */
  readonly what: string;
  /** Default 5000. */
  readonly timeoutMs?: number;
  /** What there is instead, told when the deadline passes. Default: what the condition last gave. */
  readonly have?: () => unknown;
}

const POLL_MS = 2;

/**
 * Asks `condition` again and again until it gives something truthy, and resolves with that. A condition that throws
 * is not fulfilled yet. Rejects at the deadline with what it found.
 */
export async function until<Result>(
  condition: () => Result | Promise<Result>,
  { what, timeoutMs = 5000, have }: UntilOptions,
): Promise<Result> {
  const startMs = performance.now();
  for (;;) {
    const found = await attempt(condition);
    if ('result' in found && found.result) return found.result;
    if (performance.now() - startMs >= timeoutMs) {
      const seen = have
        ? inspect(await have())
        : 'result' in found
          ? inspect(found.result)
          : `thrown ${String(found.error)}`;
      throw new Error(
        `waited ${timeoutMs} ms for ${what}; have ${seen}`,
        'error' in found ? { cause: found.error } : {},
      );
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

async function attempt<Result>(
  condition: () => Result | Promise<Result>,
): Promise<{ readonly result: Result } | { readonly error: unknown }> {
  try {
    return { result: await condition() };
  } catch (error) {
    return { error };
  }
}
