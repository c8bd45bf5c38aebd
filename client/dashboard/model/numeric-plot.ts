/**
 * The numbers in a channel's records, as lines: of records with several keys one field and a line for each key, else a
 * line for each of the first fields. Bounded in points, lines and in how many records it looks into for each frame. Pure.
 */
import type { Gap } from '../../../shared/terms.ts';
import type { ReceivedRecord } from '../../index.ts';
import type { Columns } from './point-ring.ts';

const MAX_SAMPLES = 1500;
export const MAX_LINES = 6;
const MAX_FIELDS = 12;
/** With more keys than this, each names a thing of its own, as an order does: then all of them are one line. */
const MAX_KEYS = 16;
/** What says when or which, not how much. */
const NO_MEASURE = /(^|_)(at|id|ts|time|timestamp|epoch|offset|seq|sequence)$|(At|AtMs|Time|TimeMs|Id)$/;
/** Fields whose numbers are further apart than this share no scale. */
const SAME_SCALE = 20;
/** The field's name of records that are numbers themselves. */
export const WHOLE = 'value';

interface Sample {
  readonly timeMs: number;
  readonly key: string;
  readonly numbers: Readonly<Record<string, number>>;
}

export interface PlotLines {
  readonly labels: readonly string[];
  readonly columns: Columns;
}

export class NumericPlot {
  #samples: Sample[] = [];
  #fields: string[] = [];
  #keys: string[] = [];
  /** The largest number of each field. */
  #sizes = new Map<string, number>();
  #skipped = 0;

  /** In the order in which they were met. */
  get fields(): readonly string[] {
    return this.#fields;
  }

  get isKeyed(): boolean {
    return this.#keys.length > 1 && this.#keys.length <= MAX_KEYS;
  }

  /** Records that were not looked into, as there were too many. */
  get skipped(): number {
    return this.#skipped;
  }

  clear(): void {
    this.#samples = [];
    this.#skipped = 0;
  }

  /** Fields that can be drawn on the scale of the first, at most `most`. */
  suggested(most: number): readonly string[] {
    const first = this.#sizes.get(this.#fields[0] ?? '') ?? 0;
    const fits = (field: string): boolean => {
      const size = this.#sizes.get(field)!;
      return size <= first * SAME_SCALE && first <= size * SAME_SCALE;
    };
    return this.#fields.filter((field, i) => i === 0 || fits(field)).slice(0, this.isKeyed ? 1 : most);
  }

  /** What came since the last call, of which at most `most` records, spread evenly, are looked into. */
  takeAll(items: readonly (ReceivedRecord | Gap)[], most: number): void {
    const step = Math.max(1, Math.ceil(items.length / most));
    for (const [i, item] of items.entries()) {
      if ('upTo' in item) this.#break();
      else if (i % step === 0) this.#take(item);
      else this.#skipped += 1;
    }
  }

  #take(record: ReceivedRecord): void {
    const numbers = numbersOf(record);
    if (!numbers) return;
    const key = keyOf(record);
    for (const [field, number] of Object.entries(numbers)) {
      if (this.#fields.length < MAX_FIELDS && !this.#fields.includes(field)) this.#fields.push(field);
      this.#sizes.set(field, Math.max(this.#sizes.get(field) ?? 0, Math.abs(number)));
    }
    if (this.#keys.length <= MAX_KEYS && !this.#keys.includes(key)) this.#keys.push(key);
    this.#samples.push({ timeMs: record.timeMs, key, numbers });
    if (this.#samples.length > MAX_SAMPLES) this.#samples.splice(0, MAX_SAMPLES / 10);
  }

  /** Records are missing before the next: lines break here. */
  #break(): void {
    const last = this.#samples[this.#samples.length - 1];
    if (last) this.#samples.push({ timeMs: last.timeMs, key: BREAK, numbers: {} });
  }

  /** @param chosen fields; of a keyed channel only the first counts */
  lines(chosen: readonly string[]): PlotLines {
    const labels = this.isKeyed ? lineKeys(this.#keys) : chosen.slice(0, MAX_LINES);
    const index = new Map(labels.map((label, i) => [label, i]));
    const xs: number[] = [];
    const ys = labels.map((): (number | null | undefined)[] => []);
    for (const { timeMs, key, numbers } of this.#samples) {
      const second = timeMs / 1000;
      // Neighbours of one moment share a point. Undefined joins a line's neighbours, null breaks it.
      if (key === BREAK || xs[xs.length - 1] !== second) {
        xs.push(second);
        for (const column of ys) column.push(key === BREAK ? null : undefined);
      }
      if (key === BREAK) continue;
      if (this.isKeyed) {
        const line = index.get(key);
        if (line !== undefined) ys[line]![xs.length - 1] = numbers[chosen[0] ?? ''];
      } else {
        for (const [i, field] of labels.entries()) ys[i]![xs.length - 1] = numbers[field];
      }
    }
    return { labels, columns: [xs, ...ys] };
  }
}

const BREAK = '\u0000';

/** `core-2` before `core-10`; of more keys than lines the first. */
function lineKeys(keys: readonly string[]): readonly string[] {
  const names = new Intl.Collator('en', { numeric: true });
  return [...keys].sort(names.compare).slice(0, MAX_LINES);
}

function keyOf(record: ReceivedRecord): string {
  try {
    return record.key ?? '';
  } catch {
    return '';
  }
}

function numbersOf(record: ReceivedRecord): Record<string, number> | undefined {
  let data: unknown;
  try {
    data = record.data;
  } catch {
    return undefined;
  }
  if (isMeasure(data)) return { [WHOLE]: data };
  if (typeof data !== 'object' || data === null || Array.isArray(data) || data instanceof Uint8Array) {
    return undefined;
  }
  const entries = Object.entries(data).filter(([name, value]) => isMeasure(value) && !NO_MEASURE.test(name));
  return entries.length > 0 ? (Object.fromEntries(entries) as Record<string, number>) : undefined;
}

function isMeasure(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value);
}
