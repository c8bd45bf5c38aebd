/** A record as it is typed, and what is wrong with it. Pure; called by the publish view. */
import { isChannelName } from '../../../shared/channel-name.ts';
import type { AckLevel } from '../../../shared/terms.ts';
import { parseJson } from './json-text.ts';

export interface Draft {
  readonly channel: string;
  readonly key: string;
  /** JSON. */
  readonly data: string;
  /** JSON, or nothing. */
  readonly meta: string;
  readonly ack: AckLevel;
}

export type DraftProblems = Partial<Record<'channel' | 'key' | 'data' | 'meta', string>>;

export interface DraftRecord {
  readonly channel: string;
  readonly key: string | null;
  readonly data: unknown;
  readonly meta: Readonly<Record<string, unknown>> | null;
}

const MAX_KEY_BYTES = 255;
const MAX_META_ENTRIES = 16;

/** The record where nothing is wrong. */
export function readDraft(draft: Draft): { readonly problems: DraftProblems; readonly record?: DraftRecord } {
  const problems: DraftProblems = {};
  const channel = draft.channel.trim();
  if (!isChannelName(channel)) {
    problems.channel = channel === '' ? 'Name a channel.' : 'Use tokens joined by dots, such as orders.eu.';
  } else if (channel.startsWith('$sys.')) {
    problems.channel = 'Only the hub publishes to $sys channels.';
  }
  const keyBytes = new TextEncoder().encode(draft.key).length;
  if (keyBytes > MAX_KEY_BYTES) problems.key = `${keyBytes} bytes: a key has at most ${MAX_KEY_BYTES}.`;
  const data = parseJson(draft.data);
  if ('problem' in data) problems.data = data.problem;
  const meta = draft.meta.trim() === '' ? { value: null } : parseJson(draft.meta);
  const metaProblem = 'problem' in meta ? meta.problem : problemOfMeta(meta.value);
  if (metaProblem !== undefined) problems.meta = metaProblem;
  if (Object.keys(problems).length > 0 || 'problem' in data || 'problem' in meta) return { problems };
  const key = draft.key === '' ? null : draft.key;
  return { problems, record: { channel, key, data: data.value, meta: meta.value as DraftRecord['meta'] } };
}

function problemOfMeta(meta: unknown): string | undefined {
  if (meta === null) return undefined;
  if (typeof meta !== 'object' || Array.isArray(meta))
    return 'Meta is an object, such as {"source": "hand"}.';
  const entries = Object.entries(meta);
  if (entries.length > MAX_META_ENTRIES)
    return `${entries.length} entries: meta has at most ${MAX_META_ENTRIES}.`;
  const nested = entries.find(([, value]) => !['string', 'number', 'boolean'].includes(typeof value));
  return nested && `"${nested[0]}" has to be a text, a number, true or false.`;
}
