/** What people type to go somewhere in a channel: an offset, a cursor, a time of day, a date, "5m ago". Pure. */
import { type Cursor, parseCursor } from '../../../shared/terms.ts';

export type Place =
  | { readonly sinceMs: number }
  | { readonly offset: number }
  | { readonly cursor: Cursor }
  | 'live'
  | 'earliest';

const SPANS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Undefined for what is none of them. */
export function readPlace(text: string, nowMs: number): Place | undefined {
  const asked = text.trim().toLowerCase();
  if (asked === 'live' || asked === 'latest' || asked === 'now') return 'live';
  if (asked === 'earliest' || asked === 'oldest') return 'earliest';
  if (/^\d{1,15}$/.test(asked)) return { offset: Number(asked) };
  const cursor = parseCursor(asked);
  if (cursor) return { cursor };
  const ago = /^-?(\d+(?:\.\d+)?)\s*([smhd])(?:\s+ago)?$/.exec(asked);
  if (ago) return { sinceMs: Math.round(nowMs - Number(ago[1]) * SPANS[ago[2]!]!) };
  return readTime(text.trim(), nowMs);
}

function readTime(text: string, nowMs: number): Place | undefined {
  const clock = /^(\d{1,2}):(\d{2})(?::(\d{2})(?:\.(\d{1,3}))?)?$/.exec(text);
  if (clock) {
    const [hours, minutes, seconds] = [clock[1], clock[2], clock[3] ?? '0'].map(Number);
    if (hours! > 23 || minutes! > 59 || seconds! > 59) return undefined;
    const date = new Date(nowMs);
    date.setHours(hours!, minutes, seconds, Number((clock[4] ?? '0').padEnd(3, '0')));
    // Of a time later than now, yesterday's is meant.
    if (date.getTime() > nowMs) date.setDate(date.getDate() - 1);
    return { sinceMs: date.getTime() };
  }
  if (!/^\d{4}-\d{2}-\d{2}/.test(text)) return undefined;
  const sinceMs = Date.parse(text.includes(':') ? text.replace(' ', 'T') : `${text}T00:00`);
  return Number.isNaN(sinceMs) || sinceMs < 0 ? undefined : { sinceMs };
}
