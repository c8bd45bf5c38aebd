/**
 * Stretches of time for which there are no figures, each with why. A chart draws them as bands and never draws a line
 * across. Kept by the histories, drawn by the charts.
 */
import type { GapReason } from '../../../shared/terms.ts';

/** `silent`: nothing was published and nothing is missing, as while the hub was stopped. */
export type HoleReason = GapReason | 'silent';

export interface Hole {
  readonly fromMs: number;
  readonly toMs: number;
  readonly reason: HoleReason;
  /** Records that are missing; null where that is unknown, 0 of silence. */
  readonly count: number | null;
}

const LABELS: Readonly<Record<HoleReason, string>> = {
  silent: 'hub down',
  lost: 'lost in a crash',
  retention: 'no longer kept',
  conflated: 'conflated',
  dropped: 'this page lagged',
};

export function holeLabel(hole: Hole): string {
  return LABELS[hole.reason];
}
