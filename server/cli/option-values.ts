/**
 * Values of command-line options, from text: each parser throws commander's InvalidArgumentError, which says what
 * to write. Called by program.ts.
 */
import { InvalidArgumentError } from 'commander';
import ms from 'ms';
import { isChannelName, isChannelPattern } from '../../shared/channel-name.ts';
import { parseCursor } from '../../shared/terms.ts';

export function parseWhole(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(value))
    throw new InvalidArgumentError('Write a whole number.');
  return value;
}

export function parsePositive(text: string): number {
  const value = parseWhole(text);
  if (value === 0) throw new InvalidArgumentError('Write a whole number, at least 1.');
  return value;
}

export function parsePort(text: string): number {
  const port = parseWhole(text);
  if (port > 65_535) throw new InvalidArgumentError('Write a port from 0 (any free one) to 65535.');
  return port;
}

/** A duration with its unit, in ms: 500ms, 30s, 5m, 1h, 7d. */
export function parseDuration(text: string): number {
  const durationMs = /^\d+(\.\d+)?(ms|s|m|h|d|w)$/.test(text) ? ms(text as ms.StringValue) : Number.NaN;
  if (!(durationMs > 0))
    throw new InvalidArgumentError('Write a duration with its unit, such as 30s, 5m, 1h or 7d.');
  return Math.ceil(durationMs);
}

/** A point in time as Unix ms: a duration back from now, or a date in ISO form. */
export function parseSince(text: string, nowMs = Date.now()): number {
  const dateMs = /^\d{4}-\d{2}-\d{2}/.test(text) ? Date.parse(text) : Number.NaN;
  if (!Number.isNaN(dateMs)) return Math.max(0, dateMs);
  try {
    return Math.max(0, nowMs - parseDuration(text));
  } catch {
    throw new InvalidArgumentError(
      'Write how long ago, such as 5m or 1h, or a time such as 2026-01-31T12:00:00Z.',
    );
  }
}

export function parseStart(text: string): string {
  if (text === 'earliest' || text === 'latest' || parseCursor(text)) return text;
  throw new InvalidArgumentError('Write earliest, latest or a cursor such as 1732380000-110.');
}

export function parseCursorText(text: string): string {
  if (parseCursor(text)) return text;
  throw new InvalidArgumentError('Write a cursor such as 1732380000-110, or 0-0 for an empty channel.');
}

export function parseChannel(text: string): string {
  if (isChannelName(text)) return text;
  throw new InvalidArgumentError(
    isChannelPattern(text)
      ? 'Write the name of one channel; patterns are for tokens and inspect.'
      : 'Write dotted tokens of letters, digits and _-$:@/+=~%, such as market.us.AAPL.',
  );
}

export function parsePattern(text: string): string {
  if (isChannelPattern(text)) return text;
  throw new InvalidArgumentError("Write a channel pattern, such as 'market.>' or 'market.*.AAPL'.");
}

/** For options that may be given more than once. */
export function parsePatterns(text: string, earlier: readonly string[] = []): readonly string[] {
  return [...earlier, parsePattern(text)];
}

/** One token of a channel name. */
export function parseNameToken(text: string): string {
  if (isChannelName(text) && !text.includes('.') && !text.startsWith('$')) return text;
  throw new InvalidArgumentError('Write one token: letters, digits and _-:@/+=~%, without dots.');
}

export function parseHubUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url && (url.protocol === 'ws:' || url.protocol === 'wss:')) return text;
  throw new InvalidArgumentError('Write a ws:// or wss:// URL, such as ws://127.0.0.1:7400.');
}
