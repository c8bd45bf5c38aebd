/**
 * A record's data as text that reads like JSON, whatever msgpack held: bytes, big integers, dates and undefined too.
 * Bounded: a record may have 512 KiB, a row has no use for more than it can show. Called by the tail.
 */

/** Most characters of a row. */
const COMPACT_CHARACTERS = 400;
/** Most characters of an opened row. */
const FULL_CHARACTERS = 20_000;

export function compactText(data: unknown): string {
  return cut(JSON.stringify(data, plain) ?? 'undefined', COMPACT_CHARACTERS);
}

export function fullText(data: unknown): string {
  return cut(JSON.stringify(data, plain, 2) ?? 'undefined', FULL_CHARACTERS);
}

function cut(text: string, characters: number): string {
  return text.length > characters ? `${text.slice(0, characters)} …` : text;
}

function plain(_key: string, value: unknown): unknown {
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : `${value}n`;
  if (value instanceof Uint8Array) return `bytes(${value.length}) ${hex(value)}`;
  if (value instanceof Map) return Object.fromEntries(value);
  return value;
}

const HEX_BYTES = 32;

function hex(bytes: Uint8Array): string {
  const shown = [...bytes.subarray(0, HEX_BYTES)].map((byte) => byte.toString(16).padStart(2, '0'));
  return shown.join('') + (bytes.length > HEX_BYTES ? '…' : '');
}

/** A parsed text, or where it is wrong, in words that can stand beneath the field. */
export type Parsed = { readonly value: unknown } | { readonly problem: string };

export function parseJson(text: string): Parsed {
  try {
    return { value: JSON.parse(text) as unknown };
  } catch (error) {
    return { problem: place(text, (error as Error).message) };
  }
}

/** Browsers say where in forms of their own, or not at all. So the place is found: what stands before it may go on. */
function place(text: string, message: string): string {
  const what = message
    .replace(/^JSON\.parse: /, '')
    .replace(/, (\.\.\.)?".*is not valid JSON$/s, '')
    .replace(/ (in JSON )?at (position|line).*$/s, '');
  if (mayGoOn(text)) return `Not JSON: it ends too early${text.trim() === '' ? ', there is nothing' : ''}.`;
  let good = 0;
  let bad = text.length;
  while (bad - good > 1) {
    const middle = (good + bad) >> 1;
    if (mayGoOn(text.slice(0, middle))) good = middle;
    else bad = middle;
  }
  const before = text.slice(0, good);
  const line = before.split('\n').length;
  return `Not JSON, at line ${line}, column ${good - before.lastIndexOf('\n')}: ${what}.`;
}

/** Whether it is JSON, or the beginning of some. */
function mayGoOn(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch (error) {
    const { message } = error as Error;
    if (/unexpected end|unterminated|end of data|EOF/i.test(message)) return true;
    // V8 names what it expected where the text ends, too.
    return Number(/position (\d+)/.exec(message)?.[1] ?? -1) >= text.length;
  }
}
