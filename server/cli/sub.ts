/**
 * `ringcast sub`: prints the records of a channel, from anywhere in its log, until it is interrupted.
 */
import type { ReceivedRecord } from '../../client/node.ts';
import type { DropPolicy, Gap } from '../../shared/terms.ts';
import { CliError, EXIT, type ExitCode } from './failure.ts';
import type { HubOptions } from './find-hub.ts';
import { connectToHub, noteReconnects } from './hub-client.ts';
import { interruptSignal } from './interrupt.ts';
import { hasColours, note, Output } from './output.ts';
import { gapJson, gapLine, recordJson, recordLine } from './record-text.ts';

export interface SubOptions extends HubOptions {
  /** `earliest`, `latest` (default) or a cursor. */
  readonly from?: string;
  readonly last?: number;
  /** Unix time in ms. */
  readonly since?: number;
  /** Begins with the newest record of each key. */
  readonly state?: true;
  readonly policy?: DropPolicy;
  readonly maxLagRecords?: number;
  readonly durable?: true;
  /** Ends after so many records. */
  readonly count?: number;
  readonly json?: true;
}

export async function sub(channel: string, options: SubOptions): Promise<ExitCode> {
  checkLimits(options);
  const stop = interruptSignal();
  const client = await connectToHub(options, stop);
  noteReconnects(client);
  const output = new Output();
  const print = printer(output, options.json === true);
  let remaining = options.count ?? Number.POSITIVE_INFINITY;
  try {
    const subscription = client.subscribe(channel, {
      ...subscribeOptions(options),
      gaps: 'inline',
      signal: stop,
    });
    for await (const item of subscription) {
      await print(item);
      if (!('gap' in item) && --remaining === 0) break;
    }
  } finally {
    await output.end();
    await client.close();
  }
  return EXIT.ok;
}

function checkLimits({ policy, maxLagRecords }: SubOptions): void {
  const needsLimit = policy === 'drop-oldest' || policy === 'disconnect';
  if (needsLimit === (maxLagRecords !== undefined)) return;
  throw new CliError(
    EXIT.usage,
    '--max-lag-records goes with --policy drop-oldest or disconnect, which need it',
  );
}

function subscribeOptions(options: SubOptions) {
  const { policy, maxLagRecords, durable } = options;
  return { from: startOf(options), policy, maxLagRecords, ...(durable && { deliver: 'durable' as const }) };
}

function startOf({ from, last, since, state }: SubOptions) {
  if (state) return 'state';
  if (last !== undefined) return { last };
  if (since !== undefined) return { since };
  return from ?? 'latest';
}

type Item = ReceivedRecord | { readonly gap: Gap };

function printer(output: Output, json: boolean): (item: Item) => Promise<unknown> | undefined {
  if (json) return (item) => output.line('gap' in item ? gapJson(item.gap) : recordJson(item));
  const colours = hasColours(process.stdout);
  return (item) => {
    if (!('gap' in item)) return output.line(recordLine(item, colours));
    note(gapLine(item.gap));
    return undefined;
  };
}
