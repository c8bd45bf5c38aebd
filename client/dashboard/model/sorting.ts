/** The order of a table's rows: by any column, either way, stable. Called by the table. */

export type SortValue = number | string | null;

export interface SortOrder {
  /** The column's id. */
  readonly column: string;
  readonly descending: boolean;
}

/** A copy in order. Unknown values come last either way, as what is unknown is neither most nor least. */
export function sorted<Row>(
  rows: readonly Row[],
  sortValue: (row: Row) => SortValue,
  descending: boolean,
): Row[] {
  const keyed = rows.map((row, index) => ({ row, index, value: sortValue(row) }));
  keyed.sort((a, b) => compare(a.value, b.value, descending) || a.index - b.index);
  return keyed.map(({ row }) => row);
}

const TEXTS = new Intl.Collator('en', { numeric: true, sensitivity: 'base' });

function compare(a: SortValue, b: SortValue, descending: boolean): number {
  if (a === null || b === null) return Number(a === null) - Number(b === null);
  const difference =
    typeof a === 'number' && typeof b === 'number' ? a - b : TEXTS.compare(String(a), String(b));
  return descending ? -difference : difference;
}

/** A click on a column's header: numbers begin with the largest, texts with the first; a second click turns round. */
export function nextOrder(order: SortOrder, column: string, startDescending: boolean): SortOrder {
  if (order.column !== column) return { column, descending: startDescending };
  return { column, descending: !order.descending };
}

/** Whether each word of the filter is in one of the texts. */
export function matches(filter: string, texts: readonly (string | null)[]): boolean {
  const words = filter.toLowerCase().split(/\s+/).filter(Boolean);
  const hay = texts.map((text) => text?.toLowerCase() ?? '');
  return words.every((word) => hay.some((text) => text.includes(word)));
}
