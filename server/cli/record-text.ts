/**
 * Records and gaps as text: a line for people, or NDJSON for programs.
 *
 *     12:03:04.123  1732380000-110  AAPL  { price: 3.2 }
 *     {"channel":"market.us.AAPL","cursor":"1732380000-110","timeMs":…,"key":"AAPL","meta":null,"data":{"price":3.2}}
 */
import { inspect } from 'node:util';
import type { ReceivedRecord } from '../../client/node.ts';
import { payloadToJson } from '../../shared/json-form.ts';
import { formatCursor, type Gap } from '../../shared/terms.ts';
import { escapeControls } from '../ops/terminal-text.ts';

const GREY = 90;
const CYAN = 36;

export function recordLine(record: ReceivedRecord, colours: boolean): string {
  const paint = (colour: number, text: string) => (colours ? `\x1b[${colour}m${text}\x1b[0m` : text);
  const { timeMs, cursor, key, meta } = record;
  const parts = [paint(GREY, localTime(timeMs)), paint(GREY, cursor)];
  if (key !== null) parts.push(paint(CYAN, oneLine(key)));
  parts.push(dataText(record, colours));
  if (meta !== null) parts.push(paint(GREY, shown(meta, false)));
  return parts.join('  ');
}

export function recordJson(record: ReceivedRecord): string {
  const { channel, cursor, timeMs, key, meta, payload } = record;
  return JSON.stringify({ channel, cursor, timeMs, key, meta, ...payloadToJson(payload) });
}

export function gapLine({ after, upTo, count, reason }: Gap): string {
  const many =
    count === null ? 'an unknown number of records' : count === 1 ? '1 record' : `${count} records`;
  return `gap: ${many} missing after ${formatCursor(after)} up to ${formatCursor(upTo)} (${reason})`;
}

export function gapJson({ after, upTo, count, reason }: Gap): string {
  return JSON.stringify({ gap: { after: formatCursor(after), upTo: formatCursor(upTo), count, reason } });
}

/** What its publisher garbled is shown as the bytes it is: one such record must not end the listing. */
function dataText(record: ReceivedRecord, colours: boolean): string {
  try {
    return shown(record.data, colours);
  } catch {
    return shown(record.payload, colours);
  }
}

function shown(value: unknown, colors: boolean): string {
  return inspect(value, {
    colors,
    depth: null,
    compact: true,
    breakLength: Number.POSITIVE_INFINITY,
    maxArrayLength: null,
    maxStringLength: null,
  });
}

function oneLine(text: string): string {
  return escapeControls(text).replaceAll('\n', '\\n');
}

/** The time of day; with its date where that is not today's. */
function localTime(timeMs: number): string {
  const time = new Date(timeMs);
  const two = (value: number) => String(value).padStart(2, '0');
  const clock = `${two(time.getHours())}:${two(time.getMinutes())}:${two(time.getSeconds())}.${String(time.getMilliseconds()).padStart(3, '0')}`;
  if (time.toDateString() === new Date().toDateString()) return clock;
  return `${time.getFullYear()}-${two(time.getMonth() + 1)}-${two(time.getDate())} ${clock}`;
}
