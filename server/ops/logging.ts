/**
 * The hub's log: JSON lines for machines, or lines for people.
 *
 *     12:03:04.123 info  listening  url=ws://127.0.0.1:7400 dataFolder=/var/lib/ringcast
 *
 * The only importer of pino. Not its job: what is worth a line. Called by whoever starts a hub.
 */
import { inspect } from 'node:util';
import { type DestinationStream, type Logger, type LoggerOptions, pino } from 'pino';
import { escapeControls } from './terminal-text.ts';

export type { Logger } from 'pino';

export interface LogOptions {
  /** What is written at least. Default `info`. */
  readonly level?: 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace' | 'silent';
  /** Lines for people instead of JSON. Default false. */
  readonly pretty?: boolean;
  /** In colour; counts for `pretty` only. Default false. */
  readonly colour?: boolean;
}

/** Where lines go, each ending in a line feed; by default standard output, written before the call returns. */
export type LogDestination = DestinationStream;

export function createLogger(options: LogOptions = {}, destination?: LogDestination): Logger {
  const { level = 'info', pretty = false, colour = false } = options;
  const sink = destination ?? pino.destination({ fd: 1, sync: true });
  const settings: LoggerOptions = {
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    // Tokens and secrets are never logged on purpose; these are for accidents.
    redact: { paths: ['token', 'secret', '*.token', '*.secret', '*.authorization'], censor: '[withheld]' },
  };
  return pino(settings, pretty ? { write: (line) => sink.write(formatLine(line, colour)) } : sink);
}

/** A logger that says nothing, for embedding and tests. */
export function silentLogger(): Logger {
  return pino({ level: 'silent' });
}

const LEVEL_COLOURS: Readonly<Record<string, number>> = {
  fatal: 35,
  error: 31,
  warn: 33,
  info: 32,
  debug: 36,
  trace: 90,
};
const GREY = 90;

/** One JSON line as a line for people; an error's stack follows on lines of its own. */
export function formatLine(jsonLine: string, colour: boolean): string {
  const paint = (code: number, text: string) =>
    colour && text !== '' ? `\x1b[${code}m${text}\x1b[0m` : text;
  const { level, time, msg = '', err, ...fields } = JSON.parse(jsonLine) as Record<string, unknown>;
  const name = String(level);
  const details = Object.entries(fields).map(
    ([key, value]) => `${paint(GREY, `${key}=`)}${formatValue(value)}`,
  );
  const head = [
    paint(GREY, clockTime(String(time))),
    paint(LEVEL_COLOURS[name] ?? GREY, name.padEnd(5)),
    escapeControls(String(msg)).replaceAll('\n', '\\n'),
  ].join(' ');
  return [
    [head, ...details].join('  '),
    ...errorLines(err).map((line) => paint(GREY, `    ${line}`)),
    '',
  ].join('\n');
}

function clockTime(isoTime: string): string {
  const time = new Date(isoTime);
  const two = (value: number) => String(value).padStart(2, '0');
  const ms = String(time.getMilliseconds()).padStart(3, '0');
  return `${two(time.getHours())}:${two(time.getMinutes())}:${two(time.getSeconds())}.${ms}`;
}

function formatValue(value: unknown): string {
  if (typeof value === 'string' && /^[\w.:/@+-]+$/.test(value)) return value;
  return inspect(value, { breakLength: Number.POSITIVE_INFINITY, compact: true, depth: 6 });
}

function errorLines(err: unknown): string[] {
  if (err === undefined) return [];
  const { stack, message } = (err ?? {}) as { stack?: unknown; message?: unknown };
  // What clients send may end up in a message.
  return escapeControls(String(stack ?? message ?? formatValue(err))).split('\n');
}
