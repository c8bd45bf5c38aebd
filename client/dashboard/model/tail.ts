/**
 * The newest rows of a channel as they are shown: records, and gaps at their place among them. Bounded. A record that a
 * gap takes back stays, struck through: it was shown, and nobody shall wonder where it went. Pure; fed by the live feed
 * and by the replay.
 */

import { compareCursors, type Gap } from '../../../shared/terms.ts';
import type { ReceivedRecord } from '../../index.ts';

export interface RecordRow {
  readonly kind: 'record';
  /** Of this tail, growing: the row's identity. */
  readonly id: number;
  readonly record: ReceivedRecord;
  /** A crash of the hub took it back. */
  readonly withdrawn: boolean;
}

export interface GapRow {
  readonly kind: 'gap';
  readonly id: number;
  readonly gap: Gap;
  /** Of the record behind it; null until that has come. */
  readonly timeMs: number | null;
}

export type Row = RecordRow | GapRow;

export const TAIL_ROWS = 200;

export class Tail {
  readonly #limit: number;
  #rows: Row[] = [];
  #nextId = 1;
  #taken = 0;

  constructor(limit = TAIL_ROWS) {
    this.#limit = limit;
  }

  /** Oldest first; a new array after every change. */
  get rows(): readonly Row[] {
    return this.#rows;
  }

  /** Records that were ever put in. */
  get taken(): number {
    return this.#taken;
  }

  get lastRecord(): ReceivedRecord | undefined {
    for (let i = this.#rows.length - 1; i >= 0; i--) {
      const row = this.#rows[i]!;
      if (row.kind === 'record' && !row.withdrawn) return row.record;
    }
    return undefined;
  }

  clear(): void {
    this.#rows = [];
  }

  push(items: readonly (ReceivedRecord | Gap)[]): void {
    // Only the newest can stay: what is cut off at once is not made into rows.
    const kept = items.length > this.#limit ? items.slice(-this.#limit) : items;
    this.#taken += items.length - kept.length;
    let rows = [...this.#rows];
    for (const item of kept) {
      if ('upTo' in item) {
        rows = withdrawn(rows, item);
        rows.push({ kind: 'gap', id: this.#nextId++, gap: item, timeMs: null });
        continue;
      }
      this.#taken += 1;
      const last = rows[rows.length - 1];
      if (last?.kind === 'gap' && last.timeMs === null)
        rows[rows.length - 1] = { ...last, timeMs: item.timeMs };
      rows.push({ kind: 'record', id: this.#nextId++, record: item, withdrawn: false });
    }
    this.#rows = rows.length > this.#limit ? rows.slice(-this.#limit) : rows;
  }
}

function withdrawn(rows: Row[], gap: Gap): Row[] {
  if (gap.reason !== 'lost') return rows;
  return rows.map((row) =>
    row.kind === 'record' && compareCursors(row.record, gap.after) > 0 ? { ...row, withdrawn: true } : row,
  );
}

/** Records in ascending order with the gaps of their page at their places. */
export function interleaved(
  records: readonly ReceivedRecord[],
  gaps: readonly Gap[],
): (ReceivedRecord | Gap)[] {
  const left = [...gaps].sort((a, b) => compareCursors(a.upTo, b.upTo));
  const items: (ReceivedRecord | Gap)[] = [];
  for (const record of records) {
    while (left.length > 0 && compareCursors(left[0]!.upTo, record) < 0) items.push(left.shift()!);
    items.push(record);
  }
  return [...items, ...left];
}

const GAP_WORDS: Readonly<Record<Gap['reason'], string>> = {
  lost: 'Lost: the hub crashed before they were on its disk',
  retention: 'No longer kept: the channel’s retention removed them',
  conflated: 'Conflated: a later record of the same key replaced them',
  dropped: 'Dropped: this page lagged, the newest came first; they are in the log, drag the slider back',
};

export function gapText({ reason }: Gap): string {
  return GAP_WORDS[reason];
}
