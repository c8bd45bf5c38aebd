/** Publishers beside the browser: so many records, or so many a second, and never for ever. */

import { onTestFinished } from 'vitest';
import { type Client, connect, type PublishItem } from '../../client/node.ts';

/** A client that is closed when the test is over. */
export async function publisher(url: string, token: string): Promise<Client> {
  const client = await connect(url, { token, backoff: { capMs: 500 } });
  onTestFinished(() => client.close({ timeoutMs: 100 }));
  return client;
}

export interface Load {
  readonly perSecond: number;
  readonly seconds: number;
  /** The record of this number, from 0. */
  item(n: number): PublishItem;
}

export interface RunningLoad {
  /** Records that the hub has taken. */
  readonly published: number;
  /** Resolves with how many there were; ends the load early with `stop()`. */
  readonly done: Promise<number>;
  stop(): void;
}

const TICK_MS = 20;

/** Publishes as the clock says, and makes up for ticks that came late. */
export function startLoad(client: Client, { perSecond, seconds, item }: Load): RunningLoad {
  const total = Math.round(perSecond * seconds);
  let published = 0;
  let sent = 0;
  let stopped = false;
  const run = async () => {
    const startMs = performance.now();
    while (sent < total && !stopped) {
      const due = Math.min(total, Math.ceil(((performance.now() - startMs) / 1000) * perSecond));
      const items: PublishItem[] = [];
      while (sent < due) items.push(item(sent++));
      if (items.length > 0) await client.publishMany(items);
      published += items.length;
      await new Promise((resolve) => setTimeout(resolve, TICK_MS));
    }
    return published;
  };
  const done = run();
  onTestFinished(async () => {
    stopped = true;
    await done.catch(() => {});
  });
  return {
    get published() {
      return published;
    },
    done,
    stop: () => {
      stopped = true;
    },
  };
}
