/**
 * Figures as people read them: numbers, bytes, durations, times. Null is an unknown figure and reads as a dash, never
 * as 0. Called by every view.
 */

/** A figure and its unit, apart so that they can be set in different sizes. */
export interface Reading {
  readonly value: string;
  readonly unit: string;
}

const UNKNOWN: Reading = { value: '–', unit: '' };
const THIN = '\u202f';
const KIB_UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];

/** Three significant digits below 1,000, none behind the point from 100 on. */
function short(value: number): string {
  const size = Math.abs(value);
  if (size >= 100 || Number.isInteger(value)) return value.toFixed(0);
  return size >= 10 ? trimmed(value.toFixed(1)) : trimmed(value.toFixed(2));
}

function trimmed(text: string): string {
  return text.replace(/\.?0+$/, '');
}

/** Exact up to 99,999, then 123k and 1.23M. */
export function countText(value: number | null | undefined): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return '–';
  const size = Math.abs(value);
  if (size < 99_999.5) return grouped(Number.isInteger(value) ? value : Math.round(value));
  for (const [unit, factor] of [
    ['k', 1e3],
    ['M', 1e6],
    ['G', 1e9],
  ] as const) {
    if (size < factor * 999.5) return `${short(value / factor)}${unit}`;
  }
  return `${short(value / 1e12)}T`;
}

/** A whole number in groups of three. */
export function grouped(value: number): string {
  return String(Math.round(value)).replace(/\B(?=(\d{3})+$)/g, THIN);
}

/** Per second: small rates keep a digit behind the point, as 0.5 is not none. */
export function rateText(value: number | null | undefined): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return '–';
  return value !== 0 && Math.abs(value) < 10 ? trimmed(value.toFixed(1)) : countText(value);
}

export function bytesReading(value: number | null | undefined): Reading {
  if (value === null || value === undefined || !Number.isFinite(value)) return UNKNOWN;
  let scaled = value;
  let unit = 0;
  while (Math.abs(scaled) >= 999.5 && unit < KIB_UNITS.length - 1) {
    scaled /= 1024;
    unit += 1;
  }
  return { value: unit === 0 ? String(Math.round(scaled)) : short(scaled), unit: KIB_UNITS[unit]! };
}

export function bytesText(value: number | null | undefined): string {
  return joined(bytesReading(value));
}

/** Of something quick: 0.42 ms, 12 ms, 1.2 s. */
export function delayReading(ms: number | null | undefined): Reading {
  if (ms === null || ms === undefined || !Number.isFinite(ms)) return UNKNOWN;
  if (ms < 1000) return { value: ms === 0 ? '0' : short(ms), unit: 'ms' };
  if (ms < 120_000) return { value: short(ms / 1000), unit: 's' };
  return { value: durationText(ms), unit: '' };
}

export function delayText(ms: number | null | undefined): string {
  return joined(delayReading(ms));
}

function joined({ value, unit }: Reading): string {
  return unit === '' ? value : `${value}${THIN}${unit}`;
}

const SPANS = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1000],
] as const;

/** Of something that lasts, in its two largest units: `3 d 4 h`, `12 s`. */
export function durationText(ms: number | null | undefined): string {
  if (ms === null || ms === undefined || !Number.isFinite(ms)) return '–';
  let rest = Math.max(0, Math.round(ms / 1000) * 1000);
  const parts: string[] = [];
  for (const [unit, span] of SPANS) {
    const whole = Math.floor(rest / span);
    rest -= whole * span;
    if (whole > 0 || (unit === 's' && parts.length === 0)) parts.push(`${whole}${THIN}${unit}`);
    else if (parts.length === 1) break;
    if (parts.length === 2) break;
  }
  return parts.join(' ');
}

function two(value: number): string {
  return String(value).padStart(2, '0');
}

/** Local time of day, `14:03:59`. */
export function clockText(timeMs: number): string {
  const date = new Date(timeMs);
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

/** With milliseconds. */
export function exactClockText(timeMs: number): string {
  return `${clockText(timeMs)}.${String(new Date(timeMs).getMilliseconds()).padStart(3, '0')}`;
}

/** With the date where it is another day than `nowMs`. */
export function momentText(timeMs: number, nowMs: number): string {
  const date = new Date(timeMs);
  if (date.toDateString() === new Date(nowMs).toDateString()) return clockText(timeMs);
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ${clockText(timeMs)}`;
}

/** `1 record`, `2 records`. */
export function plural(count: number, noun: string): string {
  return `${grouped(count)} ${noun}${count === 1 ? '' : 's'}`;
}
