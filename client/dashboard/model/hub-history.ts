/**
 * What `$sys.hub` said over the last hour: the newest figures, and the history of those that are drawn. Fed by the hub
 * link, read by the overview.
 */
import type { HubFigures } from '../../../shared/figures.ts';
import type { Cursor, Gap } from '../../../shared/terms.ts';
import type { Hole } from './holes.ts';
import { type Columns, PointRing } from './point-ring.ts';

/** An hour of one record a second, and some more for those that come early. */
export const HISTORY_POINTS = 3720;

const READ = {
  connections: (f) => f.connections,
  subscriptions: (f) => f.subscriptions,
  lagging: (f) => f.lagging,
  published: (f) => f.publishedPerSecond,
  publishedBytes: (f) => f.publishedBytesPerSecond,
  delivered: (f) => f.deliveredPerSecond,
  deliveredBytes: (f) => f.deliveredBytesPerSecond,
  replayed: (f) => f.replayedPerSecond,
  // Counts, to be summed: how many there were since the point before.
  gaps: (f) => (f.gapsPerSecond * f.intervalMs) / 1000,
  missed: (f) => ((f.droppedPerSecond + f.conflatedPerSecond) * f.intervalMs) / 1000,
  loopP50: (f) => f.eventLoopDelayMs.p50,
  loopP99: (f) => f.eventLoopDelayMs.p99,
  pushP50: (f) => f.pushMs.p50,
  pushP99: (f) => f.pushMs.p99,
  unpersistedMs: (f) => f.unpersistedMs,
  unpersistedRecords: (f) => f.unpersistedRecords,
  unpersistedBytes: (f) => f.unpersistedBytes,
  rss: (f) => f.rssBytes,
  heap: (f) => f.heapBytes,
  rings: (f) => f.ringBytes,
  buffered: (f) => f.bufferedBytes,
  stored: (f) => f.storedBytes,
  cpu: (f) => f.cpu * 100,
} as const satisfies Record<string, (figures: HubFigures) => number | null>;

export type HubFigure = keyof typeof READ;

const FIGURES = Object.keys(READ) as HubFigure[];
const INDEX = new Map(FIGURES.map((figure, i) => [figure, i]));

export class HubHistory {
  readonly #ring: PointRing;
  #latest: HubFigures | null = null;

  constructor(capacity = HISTORY_POINTS) {
    this.#ring = new PointRing(FIGURES.length, capacity);
  }

  /** Null before the first. */
  get latest(): HubFigures | null {
    return this.#latest;
  }

  /** The hub's time of the newest figures. */
  get lastMs(): number | null {
    return this.#ring.lastMs;
  }

  get firstMs(): number | null {
    return this.#ring.firstMs;
  }

  get holes(): readonly Hole[] {
    return this.#ring.holes;
  }

  take(cursor: Cursor, timeMs: number, figures: HubFigures): void {
    this.#latest = figures;
    const { epoch, offset } = cursor;
    const values = FIGURES.map((figure) => READ[figure](figures));
    this.#ring.push({ epoch, offset, timeMs, intervalMs: figures.intervalMs, values });
  }

  miss({ after, reason, count }: Gap): void {
    this.#ring.miss(after, reason, count);
  }

  window(fromMs: number, figures: readonly HubFigure[]): Columns {
    return this.#ring.window(
      fromMs,
      figures.map((figure) => INDEX.get(figure)!),
    );
  }
}

/** Of a figure that is a count. */
export function sumOf(column: readonly (number | null | undefined)[] | undefined): number {
  return (column ?? []).reduce<number>((sum, value) => sum + (value ?? 0), 0);
}
