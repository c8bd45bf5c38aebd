/**
 * `ringcast inspect`: what a hub holds, channel by channel. Asks the running hub; reads its data folder only when
 * none runs, as a running hub has it locked.
 */

import { compilePattern } from '../../shared/channel-name.ts';
import type { RingcastError } from '../../shared/errors.ts';
import type { InspectedChannel, Inspection } from '../ops/inspection.ts';
import { CliError, EXIT, type ExitCode } from './failure.ts';
import { findDataFolder, findHub, type HubOptions, isFolder } from './find-hub.ts';
import { readHubFile } from './hub-file.ts';
import { note } from './output.ts';
import { type Column, formatBytes, formatTable } from './table.ts';

export interface InspectOptions extends HubOptions {
  readonly json?: true;
}

const ANSWER_TIMEOUT_MS = 30_000;

export async function inspect(pattern: string | undefined, options: InspectOptions): Promise<ExitCode> {
  const folder = await idleFolder(options);
  const all = folder === undefined ? await askHub(options) : await readFolder(folder);
  // The hub's own channels are shown to who asks for them: '$sys.>'.
  const matches = compilePattern(pattern ?? '>');
  const inspection = { ...all, channels: all.channels.filter(({ name }) => matches(name)) };
  process.stdout.write(options.json ? `${JSON.stringify(inspection)}\n` : inspectionText(inspection));
  return EXIT.ok;
}

/** The data folder to read: there is one, no hub runs with it, and no other hub was asked for. */
async function idleFolder({ url, data }: InspectOptions): Promise<string | undefined> {
  if (url !== undefined || process.env.RINGCAST_URL !== undefined) return undefined;
  const folder = await findDataFolder(data);
  if (folder === undefined || !(await isFolder(folder))) return undefined;
  return (await readHubFile(folder)) === undefined ? folder : undefined;
}

async function readFolder(folder: string): Promise<Inspection> {
  note(`ringcast: no hub runs with ${folder}; reading the folder itself`);
  const { inspectFolder } = await import('../log/inspect-folder.ts');
  return await inspectFolder(folder);
}

async function askHub(options: InspectOptions): Promise<Inspection> {
  const { url, token } = await findHub(options);
  const address = new URL('/inspect', url.replace(/^ws/, 'http'));
  const headers = { authorization: `Bearer ${typeof token === 'string' ? token : await token()}` };
  let response: Response;
  try {
    response = await fetch(address, { headers, signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS) });
  } catch (error) {
    throw new CliError(
      EXIT.unreachable,
      `no hub answers at ${url}: start it, or see whether the address is right`,
      error,
    );
  }
  const answer: unknown = await response.json().catch(() => undefined);
  if (response.status === 401 || response.status === 403) {
    const { message = 'the token is refused', code = response.status } = (answer ??
      {}) as Partial<RingcastError>;
    throw new CliError(
      EXIT.refused,
      `${message} (${code}); \`ringcast token --admin\` makes one that inspect may use`,
    );
  }
  if (!response.ok || !isInspection(answer)) {
    throw new CliError(
      EXIT.failure,
      `what answers at ${address} is not a Ringcast hub, or another version (HTTP ${response.status})`,
    );
  }
  return answer;
}

function isInspection(value: unknown): value is Inspection {
  return (
    typeof value === 'object' && value !== null && Array.isArray((value as Partial<Inspection>).channels)
  );
}

function inspectionText({ epoch, unpersistedBytes, ringBytes, channels }: Inspection): string {
  const summary = `epoch ${epoch} · ${count(channels.length, 'channel')} · ${formatBytes(ringBytes)} in memory · ${formatBytes(unpersistedBytes)} not on disk yet`;
  return channels.length === 0 ? `${summary}\n` : `${summary}\n\n${formatTable(COLUMNS, channels)}\n`;
}

function count(number: number, noun: string): string {
  return `${number.toLocaleString('en-US')} ${noun}${number === 1 ? '' : 's'}`;
}

const COLUMNS: readonly Column<InspectedChannel>[] = [
  { title: 'channel', text: ({ name }) => name },
  { title: 'number', align: 'right', text: ({ number }) => String(number) },
  { title: 'oldest', align: 'right', text: ({ oldest }) => String(oldest) },
  { title: 'head', align: 'right', text: ({ head }) => String(head) },
  { title: 'durable', align: 'right', text: ({ durable }) => String(durable) },
  { title: 'in memory', align: 'right', text: (channel) => formatBytes(channel.ringBytes) },
  { title: 'on disk', align: 'right', text: (channel) => formatBytes(channel.storedBytes) },
  { title: 'subscriptions', align: 'right', text: ({ subscriptions }) => String(subscriptions) },
];
