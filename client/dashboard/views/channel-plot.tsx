/** @jsxImportSource preact */
/** The numbers in a channel's records; nothing where there are none. Drawn some ten times a second, whatever comes. */
import { useRef, useState } from 'preact/hooks';
import type { ChannelSession } from '../channel-session.ts';
import { clockText, countText } from '../model/format.ts';
import type { PlotLines } from '../model/numeric-plot.ts';
import { Chart } from '../parts/chart.tsx';

const HEIGHT = 170;
const DRAW_EVERY_MS = 90;
/** Lines that are drawn before anybody chooses. */
const FIRST_FIELDS = 3;

export function ChannelPlot({ session }: { readonly session: ChannelSession }) {
  const { plot } = session;
  const [chosen, setChosen] = useState<readonly string[] | null>(null);
  const [pointer, setPointer] = useState<number | null>(null);
  const drawn = useRef<{ atMs: number; mode: string; fields: string; lines: PlotLines } | null>(null);
  const fields = chosen ?? plot.suggested(FIRST_FIELDS);
  if (plot.fields.length === 0) return null;
  const nowMs = performance.now();
  const key = fields.join();
  const known = drawn.current;
  const isFresh =
    known && nowMs - known.atMs < DRAW_EVERY_MS && known.mode === session.mode && known.fields === key;
  const lines = isFresh ? known.lines : plot.lines(fields);
  if (!isFresh) drawn.current = { atMs: nowMs, mode: session.mode, fields: key, lines };
  const [xs] = lines.columns;
  const toggle = (field: string): void => {
    if (plot.isKeyed) setChosen([field]);
    else setChosen(fields.includes(field) ? fields.filter((one) => one !== field) : [...fields, field]);
  };
  return (
    <section class="panel plot" aria-label="Numbers in the records">
      <div class="plot-head">
        <Legend lines={lines} pointer={pointer} />
        <Fields fields={plot.fields} chosen={fields} onToggle={toggle} />
      </div>
      {xs.length > 1 && <Lines lines={lines} channel={session.channel} onPointer={setPointer} />}
      {plot.skipped > 0 && (
        <p class="quiet-text">
          Lines through a part of the records: {countText(plot.skipped)} came too quickly to draw each.
        </p>
      )}
    </section>
  );
}

interface LinesProps {
  readonly lines: PlotLines;
  readonly channel: string;
  readonly onPointer: (index: number | null) => void;
}

function Lines({ lines: { labels, columns }, channel, onPointer }: LinesProps) {
  const names = labels.join();
  const looks = labels.map((label, colour) => ({ label, colour }));
  const [xs] = columns;
  return (
    <Chart
      label={`Lines of ${names === '' ? 'values' : names} in ${channel}`}
      lines={looks}
      columns={columns}
      holes={[]}
      fromMs={xs[0]! * 1000}
      toMs={xs[xs.length - 1]! * 1000}
      height={HEIGHT}
      format={shortNumber}
      fromZero={false}
      onPointer={onPointer}
    />
  );
}

function shortNumber(value: number): string {
  if (Math.abs(value) >= 1000) return countText(value);
  return String(Number(value.toPrecision(4)));
}

function Legend({ lines, pointer }: { readonly lines: PlotLines; readonly pointer: number | null }) {
  const [xs, ...ys] = lines.columns;
  const at = pointer !== null && pointer < xs.length ? pointer : null;
  return (
    <ul class="legend">
      {lines.labels.map((label, i) => (
        <li key={label}>
          <span class={`swatch line-${i}`} />
          {label === '' ? 'no key' : label} <b>{lastNumber(ys[i] ?? [], at ?? xs.length - 1)}</b>
        </li>
      ))}
      {at !== null && <li class="at">at {clockText(xs[at]! * 1000)}</li>}
    </ul>
  );
}

/** At or before: the lines of several keys take turns. */
function lastNumber(column: readonly (number | null | undefined)[], from: number): string {
  for (let i = from; i >= 0; i--) {
    const value = column[i];
    if (value === null) break;
    if (value !== undefined) return shortNumber(value);
  }
  return '–';
}

interface FieldsProps {
  readonly fields: readonly string[];
  readonly chosen: readonly string[];
  readonly onToggle: (field: string) => void;
}

function Fields({ fields, chosen, onToggle }: FieldsProps) {
  if (fields.length < 2) return null;
  return (
    <fieldset class="chips" aria-label="Fields that are drawn">
      {fields.map((field) => (
        <button
          key={field}
          type="button"
          class="chip"
          aria-pressed={chosen.includes(field)}
          onClick={() => onToggle(field)}
        >
          {field}
        </button>
      ))}
    </fieldset>
  );
}
