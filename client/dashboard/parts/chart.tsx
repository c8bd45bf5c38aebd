/** @jsxImportSource preact */
/**
 * A chart of lines over time: the only importer of uPlot. Draws what it is given and nothing between: a null breaks the
 * line, a hole is a band with its reason. All charts with the same `sync` show the same moment under the pointer.
 */
import { useEffect, useRef } from 'preact/hooks';
// First: uPlot reads the language as it loads.
import './locale-guard.ts';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { useChanges } from '../changes.ts';
import type { Hole } from '../model/holes.ts';
import type { Columns } from '../model/point-ring.ts';
import { shownTheme, themeChanges } from '../theme.ts';
import { drawHoles, type Palette, readPalette } from './chart-paint.ts';

export interface Line {
  readonly label: string;
  /** Of the palette, from 0. */
  readonly colour: number;
  readonly filled?: boolean;
}

export interface ChartProps {
  /** What it shows, in words, for whom it is not drawn. */
  readonly label: string;
  readonly lines: readonly Line[];
  readonly columns: Columns;
  readonly holes: readonly Hole[];
  /** Unix ms. */
  readonly fromMs: number;
  readonly toMs: number;
  readonly height: number;
  readonly format: (value: number) => string;
  /** Bytes: the scale is divided by powers of two. */
  readonly binary?: boolean;
  /** Begin the scale at 0. */
  readonly fromZero: boolean;
  readonly sync?: string;
  /** The index of the point under the pointer, null when there is none. */
  readonly onPointer?: (index: number | null) => void;
}

export function Chart(props: ChartProps) {
  useChanges(themeChanges);
  const host = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const latest = useRef(props);
  latest.current = props;
  const shape = `${shownTheme()} ${props.height} ${props.lines.map(({ label, colour }) => `${label}${colour}`).join()}`;

  // biome-ignore lint/correctness/useExhaustiveDependencies: made anew when its shape changes; data comes below
  useEffect(() => {
    const element = host.current!;
    const chart = new uPlot(optionsOf(latest, element), dataOf(latest.current), element);
    plot.current = chart;
    const resized = new ResizeObserver(() => {
      if (element.clientWidth > 0)
        chart.setSize({ width: element.clientWidth, height: latest.current.height });
    });
    resized.observe(element);
    return () => {
      resized.disconnect();
      chart.destroy();
      plot.current = null;
    };
  }, [shape]);

  useEffect(() => {
    const chart = plot.current;
    if (!chart) return;
    chart.batch(() => {
      chart.setData(dataOf(props), false);
      chart.setScale('x', {
        min: props.fromMs / 1000,
        max: Math.max(props.toMs, props.fromMs + 1000) / 1000,
      });
    });
  });

  return <div ref={host} class="chart" role="img" aria-label={props.label} />;
}

type Latest = { readonly current: ChartProps };

/** One empty point where there is nothing: uPlot wants a scale. */
function dataOf({ columns, lines, fromMs }: ChartProps): uPlot.AlignedData {
  if (columns[0].length > 0) return columns as uPlot.AlignedData;
  return [[fromMs / 1000], ...lines.map(() => [null])];
}

function optionsOf(latest: Latest, element: HTMLElement): uPlot.Options {
  const { height, lines, sync } = latest.current;
  const palette = readPalette(element);
  return {
    width: Math.max(1, element.clientWidth),
    height,
    // Half of a moment with its seconds, which may stand at the right edge.
    padding: [8, 26, 0, 0],
    legend: { show: false },
    cursor: {
      y: false,
      drag: { setScale: false, x: false, y: false },
      points: { size: 6, width: 1.5 },
      ...(sync !== undefined && { sync: { key: sync, scales: ['x', null], setSeries: false } }),
    },
    scales: { x: { time: true, auto: false }, y: { range: (_u, min, max) => rangeOf(latest, min, max) } },
    series: [{}, ...lines.map((line) => seriesOf(line, palette))],
    axes: axesOf(latest, palette),
    hooks: {
      drawClear: [(chart) => drawHoles(chart, latest.current.holes, palette)],
      setCursor: [(chart) => latest.current.onPointer?.(chart.cursor.idx ?? null)],
    },
  };
}

function rangeOf(
  { current: { fromZero } }: Latest,
  min: number | null,
  max: number | null,
): [number, number] {
  if (min === null || max === null || !Number.isFinite(min) || !Number.isFinite(max)) return [0, 1];
  if (fromZero) return [0, max <= 0 ? 1 : max * 1.12];
  const room = max === min ? Math.abs(max) * 0.1 || 1 : (max - min) * 0.1;
  // Numbers that are nowhere below 0 are not drawn as if they could be.
  return [min >= 0 ? Math.max(0, min - room) : min - room, max + room];
}

function seriesOf({ label, colour, filled }: Line, palette: Palette): uPlot.Series {
  const stroke = palette.lines[colour % palette.lines.length]!;
  return {
    label,
    stroke,
    width: 1.5,
    points: { show: false },
    ...(filled && { fill: `${stroke}1f` }),
  };
}

function axesOf(latest: Latest, { muted, grid, font }: Palette): uPlot.Axis[] {
  const common = { stroke: muted, font, grid: { stroke: grid, width: 1 }, ticks: { show: false } };
  return [
    {
      ...common,
      size: 22,
      gap: 2,
      space: 72,
      incrs: TIME_STEPS,
      grid: { show: false },
      values: (_u, splits, _axis, _space, step) => splits.map((split) => tickText(split, step)),
    },
    {
      ...common,
      size: 52,
      gap: 6,
      space: 28,
      ...(latest.current.binary && { incrs: BINARY_STEPS }),
      values: (_u, splits) => splits.map((split) => latest.current.format(split)),
    },
  ];
}

/** Whole seconds at least: a tick names no smaller part. */
const TIME_STEPS = [1, 2, 5, 10, 15, 30].concat(
  [1, 2, 5, 10, 15, 30].map((minutes) => minutes * 60),
  [1, 2, 3, 6, 12, 24].map((hours) => hours * 3600),
);
const BINARY_STEPS = Array.from({ length: 52 }, (_, power) => 2 ** power);

/** Seconds only where ticks are closer than a minute. */
function tickText(second: number, stepSeconds: number): string {
  const date = new Date(second * 1000);
  const two = (value: number): string => String(value).padStart(2, '0');
  const minutes = `${two(date.getHours())}:${two(date.getMinutes())}`;
  return stepSeconds < 60 ? `${minutes}:${two(date.getSeconds())}` : minutes;
}
