/**
 * `ringcast pub`: publishes one record, or one for each line of standard input.
 */
import type { Client } from '../../client/node.ts';
import type { AckLevel } from '../../shared/terms.ts';
import { CliError, describeFailure, EXIT, type ExitCode } from './failure.ts';
import type { HubOptions } from './find-hub.ts';
import { connectToHub } from './hub-client.ts';
import { inputLines } from './input-lines.ts';
import { interruptSignal } from './interrupt.ts';
import { note, StatusLine } from './output.ts';
import { LinePublisher } from './publish-lines.ts';

export interface PubOptions extends HubOptions {
  readonly stdin?: true;
  readonly key?: string;
  /** Default `memory`. */
  readonly ack: AckLevel;
  /** Published only if the channel's newest record is there. */
  readonly expect?: string;
}

export async function pub(channel: string, text: string | undefined, options: PubOptions): Promise<ExitCode> {
  if ((text === undefined) !== (options.stdin === true)) {
    throw new CliError(
      EXIT.usage,
      'say what to publish: either DATA, such as \'{"price": 3.2}\', or --stdin',
    );
  }
  if (options.expect !== undefined && (options.stdin || options.ack === 'none')) {
    throw new CliError(
      EXIT.usage,
      '--expect goes with one record that is acknowledged: neither --stdin nor --ack none',
    );
  }
  const client = await connectToHub(options);
  // Without an acknowledgement, this is all that is heard of a refusal.
  let refusal: unknown;
  client.on('error', (error) => {
    refusal ??= error;
  });
  let exitCode: ExitCode;
  try {
    exitCode =
      text === undefined
        ? await publishInput(client, channel, options)
        : await publishOne(client, channel, text, options);
  } finally {
    await client.close();
  }
  if (refusal) throw refusal;
  return exitCode;
}

/** JSON where it is JSON, else the text itself. */
export function parseData(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function recordOptions({ key, ack }: PubOptions) {
  return { ack, ...(key !== undefined && { key }) };
}

async function publishOne(
  client: Client,
  channel: string,
  text: string,
  options: PubOptions,
): Promise<ExitCode> {
  const expectedCursor = options.expect;
  const published = await client.publish(channel, parseData(text), {
    ...recordOptions(options),
    expectedCursor,
  });
  if (published?.cursor) process.stdout.write(`${published.cursor}\n`);
  else if (published) note('ringcast: published once; the connection broke before the hub could say where');
  return EXIT.ok;
}

/** A quick job says its totals only. */
const PROGRESS_AFTER_MS = 1000;
const PROGRESS_EVERY_MS = 200;

async function publishInput(client: Client, channel: string, options: PubOptions): Promise<ExitCode> {
  const stop = interruptSignal();
  const shared = recordOptions(options);
  const publisher = new LinePublisher((line) => client.publish(channel, parseData(line), shared), stop);
  const startMs = performance.now();
  const status = new StatusLine();
  const progress = setInterval(() => {
    const elapsedMs = performance.now() - startMs;
    if (elapsedMs >= PROGRESS_AFTER_MS) status.show(totals(publisher, elapsedMs));
  }, PROGRESS_EVERY_MS);
  try {
    await publishLines(publisher, stop);
  } finally {
    clearInterval(progress);
    status.clear();
  }
  const cursor = publisher.lastCursor === undefined ? '' : `; last cursor ${publisher.lastCursor}`;
  process.stdout.write(`${totals(publisher, performance.now() - startMs)}${cursor}\n`);
  if (publisher.failure) throw failureOf(publisher);
  return stop.aborted ? EXIT.failure : EXIT.ok;
}

async function publishLines(publisher: LinePublisher, stop: AbortSignal): Promise<void> {
  const { stdin } = process;
  stop.addEventListener('abort', () => stdin.destroy(), { once: true });
  try {
    for await (const lines of inputLines(stdin)) {
      for (const line of lines) {
        // Awaited only where it must be: what is published in one go shares frames.
        const room = publisher.add(line);
        if (room) await room;
        if (publisher.failure) return;
      }
    }
    await publisher.finish();
  } catch (error) {
    if (!stop.aborted) throw error;
    await publisher.finish();
  }
}

function totals({ acknowledged }: LinePublisher, elapsedMs: number): string {
  const perSecond = Math.round((acknowledged * 1000) / Math.max(1, elapsedMs));
  const count = acknowledged.toLocaleString('en-US');
  return `${count} records published in ${(elapsedMs / 1000).toFixed(1)} s (${perSecond.toLocaleString('en-US')}/s)`;
}

function failureOf(publisher: LinePublisher): CliError {
  const { lineNumber, error } = publisher.failure!;
  const { exitCode, message } = describeFailure(error);
  const others =
    publisher.unsettled > 0
      ? `; of the lines behind it, up to ${publisher.unsettled} may have been taken: see with \`ringcast sub --last\``
      : '';
  return new CliError(exitCode, `line ${lineNumber}: ${message}${others}`, error);
}
