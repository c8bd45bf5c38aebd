/** How each figure is called and written, in tables and in the picture. */
import type { Figures } from '../scenario.ts';

interface Form {
  readonly title: string;
  readonly unit: number;
}

const M = 1e6;
const MIB = 2 ** 20;

/** In the order of their columns. */
export const FORMS: Readonly<Record<keyof Figures, Form>> = {
  deliveriesPerCpuSecond: { title: 'M deliveries / CPU s', unit: M },
  deliveriesPerSecond: { title: 'M deliveries / s', unit: M },
  recordsPerCpuSecond: { title: 'M records / CPU s', unit: M },
  recordsPerSecond: { title: 'M records / s', unit: M },
  bytesPerCpuSecond: { title: 'MiB / CPU s', unit: MIB },
  bytesPerSecond: { title: 'MiB / s', unit: MIB },
  bytesPerConnection: { title: 'bytes / connection', unit: 1 },
  cpuShare: { title: 'CPU s / s', unit: 1 },
  p50Us: { title: 'p50 µs', unit: 1 },
  p90Us: { title: 'p90 µs', unit: 1 },
  p99Us: { title: 'p99 µs', unit: 1 },
  p999Us: { title: 'p99.9 µs', unit: 1 },
  rssBytes: { title: 'RSS MiB', unit: MIB },
  loadCpuShare: { title: "load's CPU s / s", unit: 1 },
};

export function formatted(figure: keyof Figures, value: number): string {
  return rounded(value / FORMS[figure].unit);
}

/** Three digits that count, or all before the point. */
export function rounded(value: number): string {
  if (!Number.isFinite(value)) return '–';
  if (Math.abs(value) >= 100) return Math.round(value).toLocaleString('en');
  return String(Number(value.toPrecision(3)));
}
