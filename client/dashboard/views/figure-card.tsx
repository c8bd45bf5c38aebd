/** @jsxImportSource preact */
/** One figure: what it is now, how it went, and under the pointer what it was. */
import { useState } from 'preact/hooks';
import { clockText } from '../model/format.ts';
import type { HubHistory } from '../model/hub-history.ts';
import { Chart } from '../parts/chart.tsx';
import type { FigureCard } from './figure-cards.ts';

const HEIGHT = 118;

export interface FigureCardViewProps {
  readonly card: FigureCard;
  readonly hub: HubHistory;
  readonly spanMs: number;
}

export function FigureCardView({ card, hub, spanMs }: FigureCardViewProps) {
  const [pointer, setPointer] = useState<number | null>(null);
  const { latest } = hub;
  if (!latest) return null;
  const toMs = hub.lastMs!;
  const fromMs = toMs - spanMs;
  const columns = hub.window(
    fromMs,
    card.lines.map(({ figure }) => figure),
  );
  const at = pointer !== null && pointer < columns[0].length ? pointer : null;
  const shown = at ?? columns[0].length - 1;
  const { value, unit } = card.headline(latest);
  const label = `${card.title}: ${value} ${unit} now; a chart of the last ${spanMs / 60_000} minutes`;
  return (
    <article class="card">
      <header>
        <h2>{card.title}</h2>
        <p class="reading">
          {value}
          {unit !== '' && <span class="unit">{unit}</span>}
        </p>
      </header>
      <Chart
        label={label}
        lines={card.lines}
        columns={columns}
        holes={hub.holes}
        fromMs={fromMs}
        toMs={toMs}
        height={HEIGHT}
        format={card.axisFormat ?? card.format}
        {...(card.binary && { binary: true })}
        fromZero
        sync="overview"
        onPointer={setPointer}
      />
      <ul class="legend">
        {card.lines.map(({ figure, label, colour }, i) => (
          <li key={figure}>
            <span class={`swatch line-${colour}`} />
            {label} <b>{card.format(columns[i + 1]?.[shown])}</b>
          </li>
        ))}
        {at === null &&
          card.facts(latest).map(([label, text]) => (
            <li key={label}>
              {label} <b>{text}</b>
            </li>
          ))}
        {at !== null && <li class="at">at {clockText(columns[0][at]! * 1000)}</li>}
      </ul>
    </article>
  );
}
