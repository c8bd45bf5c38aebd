/** @jsxImportSource preact */
/** A row of the tail: a record, one line until it is opened, or a gap where records are missing. */

import { Component } from 'preact';
import type { ReceivedRecord } from '../../index.ts';
import { bytesText, exactClockText, grouped } from '../model/format.ts';
import { compactText, fullText } from '../model/json-text.ts';
import { type GapRow, gapText, type RecordRow, type Row } from '../model/tail.ts';
import { Icon } from '../parts/icons.tsx';

export interface TailRowProps {
  readonly row: Row;
  readonly id: string;
  readonly isOpen: boolean;
  readonly onToggle: (id: string) => void;
}

/** Draws a row again only when it has changed: 200 of them stand still while one comes. */
export class TailRow extends Component<TailRowProps> {
  override shouldComponentUpdate(next: TailRowProps): boolean {
    return next.row !== this.props.row || next.isOpen !== this.props.isOpen;
  }

  override render({ row, id, isOpen, onToggle }: TailRowProps) {
    if (row.kind === 'gap') return <Gap row={row} />;
    return <RecordLine row={row} isOpen={isOpen} onToggle={() => onToggle(id)} />;
  }
}

function Gap({ row: { gap, timeMs } }: { readonly row: GapRow }) {
  const { after, upTo, count, reason } = gap;
  return (
    <div class={`row gap-row ${reason}`}>
      <Icon name="warn" />
      <span>
        <b>Gap, {reason}</b>: {count === null ? 'an unknown number of records' : `${grouped(count)} records`}
        <span class="mono quiet-text">
          {' '}
          {after.epoch}-{after.offset} → {upTo.epoch}-{upTo.offset}
        </span>
        <span class="quiet-text">
          {' '}
          {gapText(gap)}
          {timeMs !== null && `, until ${exactClockText(timeMs)}`}
        </span>
      </span>
    </div>
  );
}

interface RecordLineProps {
  readonly row: RecordRow;
  readonly isOpen: boolean;
  readonly onToggle: () => void;
}

function RecordLine({ row: { record, withdrawn }, isOpen, onToggle }: RecordLineProps) {
  return (
    <div class={`row record-row ${withdrawn ? 'withdrawn' : ''}`}>
      <button type="button" class="row-line" aria-expanded={isOpen} onClick={onToggle}>
        <span class="row-time">{exactClockText(record.timeMs)}</span>
        <span class="row-offset">{record.offset}</span>
        <span class="row-key">{readable(() => record.key ?? '')}</span>
        <span class="row-data">{readable(() => compactText(record.data))}</span>
        {withdrawn && <span class="withdrawn-word">withdrawn</span>}
      </button>
      {isOpen && <Opened record={record} />}
    </div>
  );
}

function Opened({ record }: { readonly record: ReceivedRecord }) {
  const meta = readable(() => (record.meta === null ? 'none' : JSON.stringify(record.meta)));
  return (
    <div class="row-opened">
      <dl>
        <Entry label="cursor" text={record.cursor} />
        <Entry label="time" text={new Date(record.timeMs).toISOString()} />
        <Entry label="key" text={readable(() => record.key ?? 'none')} />
        <Entry label="meta" text={meta} />
        <Entry label="payload" text={readable(() => bytesText(record.payload.length))} />
      </dl>
      <pre>{readable(() => fullText(record.data))}</pre>
    </div>
  );
}

function Entry({ label, text }: { readonly label: string; readonly text: string }) {
  return (
    <div>
      <dt>{label}</dt>
      <dd class="mono">{text}</dd>
    </div>
  );
}

/** What a publisher got wrong spoils its record, not the page. */
function readable(read: () => string): string {
  try {
    return read();
  } catch (error) {
    return `unreadable: ${error instanceof Error ? error.message : String(error)}`;
  }
}
