/**
 * The slider's scale: positions from 0 (oldest) to {@link STEPS} (live) against moments or offsets. Pure; called by the
 * time slider.
 */
import type { Timeline } from './timeline.ts';

/** Steps of the slider, of which the last is live. */
export const STEPS = 1000;

export type AxisKind = 'time' | 'offset';

export interface Axis {
  readonly kind: AxisKind;
  /** Unix ms, or offsets. */
  readonly from: number;
  readonly to: number;
}

/** How far back the slider reaches, ms. */
export type Reach = number | 'all';

/** Over what the timeline knows, no further back than `reach`; null of a channel of which nothing is known. */
export function axisOf(timeline: Timeline, kind: AxisKind, reach: Reach): Axis | null {
  const { first, last } = timeline;
  if (!first || !last) return null;
  const fromMs = reach === 'all' ? first.timeMs : Math.max(first.timeMs, last.timeMs - reach);
  if (kind === 'time') return { kind, from: fromMs, to: Math.max(last.timeMs, fromMs + 1) };
  const from = reach === 'all' ? first.offset : Math.floor(timeline.offsetAt(fromMs));
  return { kind, from, to: Math.max(last.offset, from + 1) };
}

/** From 0 to 1; what lies outside comes to the edge. */
export function shareOf({ from, to }: Axis, value: number): number {
  return Math.min(1, Math.max(0, (value - from) / (to - from)));
}

export function valueAt({ kind, from, to }: Axis, position: number): number {
  const value = from + (position / STEPS) * (to - from);
  return kind === 'offset' ? Math.round(value) : value;
}

/** Where a record stands on it, from 0 to 1. */
export function shareOfRecord(axis: Axis, record: { readonly timeMs: number; readonly offset: number }) {
  return shareOf(axis, axis.kind === 'time' ? record.timeMs : record.offset);
}

/** Records in each of as many equal stretches of the axis, about. */
export function density(timeline: Timeline, axis: Axis, stretches: number): number[] {
  if (axis.kind === 'time') return timeline.counts(axis.from, axis.to, stretches);
  // Even by offset: what differs is how quickly they came, so the strip shows records a second.
  const step = (axis.to - axis.from) / stretches;
  return Array.from({ length: stretches }, (_, i) => {
    const begin = timeline.timeAt(axis.from + i * step);
    const ms = timeline.timeAt(axis.from + (i + 1) * step) - begin;
    return ms <= 0 ? 0 : (step * 1000) / ms;
  });
}

/** Heights from 0 to 1. The root keeps a quiet stretch visible beside a burst. */
export function heights(counts: readonly number[]): number[] {
  const most = Math.max(...counts, 0);
  return counts.map((count) => (most === 0 ? 0 : Math.sqrt(count / most)));
}
