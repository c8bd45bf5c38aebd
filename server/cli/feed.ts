/**
 * `ringcast feed`: publishes this machine's figures to `host.<name>.…`, until it is interrupted.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { Client } from '../../client/node.ts';
import { RingcastError } from '../../shared/errors.ts';
import { EXIT, type ExitCode } from './failure.ts';
import type { HubOptions } from './find-hub.ts';
import { connectToHub, noteReconnects } from './hub-client.ts';
import { interruptSignal } from './interrupt.ts';
import { type Figure, MachineFigures } from './machine-figures.ts';
import { machineName } from './machine-name.ts';
import { note, StatusLine } from './output.ts';

export interface FeedOptions extends HubOptions {
  /** ms between readings. Default 250. */
  readonly interval: number;
  /** Default: this machine's. */
  readonly name?: string;
}

export async function feed(options: FeedOptions): Promise<ExitCode> {
  const { interval: intervalMs, name = machineName() } = options;
  const stop = interruptSignal();
  const client = await connectToHub(options, stop);
  const status = new StatusLine();
  noteReconnects(client, () => status.clear());
  note(
    `ringcast: publishing to host.${name}.cpu, .memory, .load, .network and .disk every ${intervalMs} ms; Ctrl-C ends it`,
  );
  const run = new FeedRun(client, name);
  const figures = new MachineFigures();
  try {
    for await (const _ of ticks(intervalMs, stop)) {
      const readings = await figures.read();
      run.publish(readings);
      if (run.refusal) throw run.refusal;
      // For good: its token ran out, or the hub wants it no more.
      if (client.status === 'closed') throw client.failure;
      status.show(statusText(readings, run, client.status));
    }
  } finally {
    status.clear();
    await client.close();
  }
  return EXIT.ok;
}

/** Even steps from the start; steps that could not be kept are left out. */
async function* ticks(intervalMs: number, stop: AbortSignal): AsyncGenerator<void> {
  for (let dueMs = performance.now() + intervalMs; !stop.aborted; ) {
    // An interrupt ends the wait; the loop's condition does the rest.
    await delay(Math.max(0, dueMs - performance.now()), undefined, { signal: stop }).catch(() => {});
    if (stop.aborted) return;
    yield;
    const behind = Math.floor((performance.now() - dueMs) / intervalMs);
    dueMs += (Math.max(0, behind) + 1) * intervalMs;
  }
}

class FeedRun {
  readonly #client: Client;
  readonly #name: string;
  published = 0;
  /** A refusal that no waiting mends. */
  refusal: unknown;

  constructor(client: Client, name: string) {
    this.#client = client;
    this.#name = name;
  }

  publish(figures: readonly Figure[]): void {
    // Figures of a time without a hub are of no use later: they are left out rather than kept.
    if (this.#client.status !== 'live') return;
    for (const { name, key, data } of figures) {
      this.#client.publish(`host.${this.#name}.${name}`, data, { key }).then(
        () => {
          this.published += 1;
        },
        (error: unknown) => {
          if (error instanceof RingcastError && error.advice === 'retry') return;
          this.refusal ??= error;
        },
      );
    }
  }
}

function statusText(figures: readonly Figure[], { published }: FeedRun, state: string): string {
  const shown = (name: string, key: string) =>
    figures.find((figure) => figure.name === name && figure.key === key)?.data.percent;
  const parts = [`cpu ${shown('cpu', 'total') ?? '–'}%`];
  const memory = shown('memory', 'memory');
  if (memory !== undefined) parts.push(`memory ${memory}%`);
  return [...parts, `${published.toLocaleString('en-US')} records`, state].join(' · ');
}
