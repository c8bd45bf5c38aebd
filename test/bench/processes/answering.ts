/** The inside of a bench's process: answers what child.ts asks, and ends with its parent. */
import { now } from '../clock.ts';
import type { Usage } from './proc-usage.ts';

interface Question {
  readonly id: number;
  readonly question: string;
  readonly argument: never;
}

type Answerer = (argument: never) => unknown;

/** Answers by name; `usage` it answers itself. `onEnd` runs before the process ends, however its parent ended. */
export function answer(answerers: Readonly<Record<string, Answerer>>, onEnd?: () => Promise<void>): void {
  const all: Readonly<Record<string, Answerer>> = { usage, ...answerers };
  process.on('message', async ({ id, question, argument }: Question) => {
    try {
      const answerer = all[question];
      if (!answerer) throw new TypeError(`cannot answer ${question}`);
      process.send!({ id, value: await answerer(argument) });
    } catch (error) {
      process.send?.({ id, error: String(error) });
    }
  });
  process.on('disconnect', async () => {
    await onEnd?.();
    process.exit(0);
  });
  // Of the terminal, or to the whole group: the parent's end ends this one, and in order.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});
}

export function usage(): Usage {
  const { user, system } = process.cpuUsage();
  return { cpuMs: (user + system) / 1000, timeMs: now(), rssBytes: process.memoryUsage().rss };
}
