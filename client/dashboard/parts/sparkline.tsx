/** @jsxImportSource preact */
/** A row's small line: how a figure went lately. One path, no axes; the figure itself stands beside it. */
const WIDTH = 88;
const HEIGHT = 20;

export interface SparklineProps {
  /** Oldest first. */
  readonly values: readonly number[];
  /** As many as fill it: fewer begin further right. */
  readonly capacity: number;
}

export function Sparkline({ values, capacity }: SparklineProps) {
  if (values.length < 2) return <svg class="sparkline" width={WIDTH} height={HEIGHT} aria-hidden="true" />;
  const most = Math.max(...values, 1e-9);
  const x = (index: number): number => ((capacity - values.length + index) / (capacity - 1)) * WIDTH;
  const y = (value: number): number => HEIGHT - 1.5 - (value / most) * (HEIGHT - 3);
  const line = values.map((value, i) => `${i ? 'L' : 'M'}${x(i).toFixed(1)} ${y(value).toFixed(1)}`).join('');
  return (
    <svg
      class="sparkline"
      width={WIDTH}
      height={HEIGHT}
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      aria-hidden="true"
    >
      <path class="sparkline-fill" d={`${line}L${WIDTH} ${HEIGHT}L${x(0).toFixed(1)} ${HEIGHT}Z`} />
      <path class="sparkline-line" d={line} />
    </svg>
  );
}
