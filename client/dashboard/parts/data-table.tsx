/** @jsxImportSource preact */
// biome-ignore-all lint/a11y/noRedundantRoles: at phone width the style sheet takes a table's display, and with it its role
/**
 * A table whose every column sorts, by pointer and by keyboard. At phone width its rows become cards: so it says with
 * roles what it is, which the style sheet's `display` would take from it.
 */
import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import { nextOrder, type SortOrder, type SortValue, sorted } from '../model/sorting.ts';
import { Icon } from './icons.tsx';

export interface Column<Row> {
  readonly id: string;
  readonly title: string;
  /** What it sorts by; null is unknown and comes last. */
  readonly value: (row: Row) => SortValue;
  readonly cell: (row: Row) => ComponentChildren;
  readonly numeric?: boolean;
  /** Widest: takes what is left. */
  readonly wide?: boolean;
}

export interface DataTableProps<Row> {
  readonly caption: string;
  readonly columns: readonly Column<Row>[];
  readonly rows: readonly Row[];
  readonly rowKey: (row: Row) => string;
  readonly initial: SortOrder;
  /** Most rows at first; a button shows the rest. */
  readonly limit?: number;
  /** Few columns: at phone width a row is two lines, its first cell above the others. */
  readonly isCompact?: boolean;
}

export function DataTable<Row>({
  caption,
  columns,
  rows,
  rowKey,
  initial,
  limit = 100,
  isCompact = false,
}: DataTableProps<Row>) {
  const [order, setOrder] = useState(initial);
  const [isWhole, setWhole] = useState(false);
  const column = columns.find(({ id }) => id === order.column) ?? columns[0]!;
  const inOrder = sorted(rows, column.value, order.descending);
  const shown = isWhole ? inOrder : inOrder.slice(0, limit);
  return (
    <>
      <table class={`data-table ${isCompact ? 'compact' : ''}`} role="table">
        <caption class="hidden-text">{caption}</caption>
        <thead role="rowgroup">
          <tr role="row">
            {columns.map((one) => (
              <Header key={one.id} column={one} order={order} onSort={setOrder} />
            ))}
          </tr>
        </thead>
        <tbody role="rowgroup">
          {shown.map((row) => (
            <tr key={rowKey(row)} role="row">
              {columns.map((one) => (
                <td key={one.id} role="cell" data-title={one.title} class={classOf(one)}>
                  {one.cell(row)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      {inOrder.length > shown.length && (
        <button type="button" class="button quiet more" onClick={() => setWhole(true)}>
          Show all {inOrder.length}
        </button>
      )}
    </>
  );
}

function classOf({ numeric, wide }: { readonly numeric?: boolean; readonly wide?: boolean }): string {
  return [numeric && 'numeric', wide && 'wide'].filter(Boolean).join(' ');
}

interface HeaderProps<Row> {
  readonly column: Column<Row>;
  readonly order: SortOrder;
  readonly onSort: (order: SortOrder) => void;
}

function Header<Row>({ column, order, onSort }: HeaderProps<Row>) {
  const isSorted = order.column === column.id;
  const direction = order.descending ? 'descending' : 'ascending';
  return (
    <th role="columnheader" scope="col" class={classOf(column)} aria-sort={isSorted ? direction : 'none'}>
      <button type="button" onClick={() => onSort(nextOrder(order, column.id, column.numeric === true))}>
        {column.title}
        {isSorted && <Icon name={order.descending ? 'down' : 'up'} />}
      </button>
    </th>
  );
}
