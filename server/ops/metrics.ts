/**
 * The hub's figures in Prometheus form: the only importer of prom-client. Collected when asked for, from a reading that
 * create-hub hands in, so that the hot path counts in plain numbers only.
 */
import { Gauge, Histogram, Registry } from 'prom-client';
import { LOOP_DELAY_INTERVAL_MS, type LoopDelay } from './loop-delay.ts';

/** Counters grow from the start of the hub; the others are as of now. */
export interface Reading {
  readonly connections: number;
  readonly subscriptions: number;
  readonly channels: number;
  readonly publishedRecords: number;
  readonly publishedBytes: number;
  readonly deliveredRecords: number;
  readonly deliveredBytes: number;
  readonly replayedRecords: number;
  readonly replayedBytes: number;
  readonly gaps: number;
  /** Left out for readers that lagged, by policy. */
  readonly droppedRecords: number;
  readonly conflatedRecords: number;
  readonly ringBytes: number;
  readonly unpersistedBytes: number;
  /** Of all connections together. */
  readonly bufferedBytes: number;
  /** 1 while the store takes no writes. */
  readonly storeFailing: number;
  readonly pushTimes: TimeCounts;
}

/** Counted in plain numbers where it happens. */
export interface TimeCounts {
  /** Upper bounds of the buckets. */
  readonly boundsMs: readonly number[];
  /** Of each bucket alone, and of what is beyond the last. */
  readonly counts: ArrayLike<number>;
  readonly sumMs: number;
}

type Figure = Exclude<keyof Reading, 'pushTimes'>;

const HELP: { readonly [K in Figure]: readonly [name: string, help: string] } = {
  connections: ['ringcast_connections', 'Connections that are open'],
  subscriptions: ['ringcast_subscriptions', 'Subscriptions that are open'],
  channels: ['ringcast_channels', 'Channels whose log is in memory'],
  publishedRecords: ['ringcast_published_records_total', 'Records accepted'],
  publishedBytes: ['ringcast_published_bytes_total', 'Bytes of records accepted, as the log holds them'],
  deliveredRecords: ['ringcast_delivered_records_total', 'Records pushed to live subscriptions'],
  deliveredBytes: ['ringcast_delivered_bytes_total', 'Bytes of frames pushed to live subscriptions'],
  replayedRecords: ['ringcast_replayed_records_total', 'Records sent to subscriptions that catch up'],
  replayedBytes: ['ringcast_replayed_bytes_total', 'Bytes of frames sent to subscriptions that catch up'],
  gaps: ['ringcast_gaps_total', 'Gaps announced'],
  droppedRecords: ['ringcast_dropped_records_total', 'Records left out for readers of policy drop-oldest'],
  conflatedRecords: ['ringcast_conflated_records_total', 'Records left out for readers of policy conflate'],
  ringBytes: ['ringcast_ring_bytes', 'Memory held by the rings'],
  unpersistedBytes: ['ringcast_unpersisted_bytes', 'Bytes of records accepted and not yet synced'],
  bufferedBytes: ['ringcast_buffered_bytes', 'Bytes that wait in the process until sockets take them'],
  storeFailing: ['ringcast_store_failing', '1 while the store takes no writes'],
};

const DELAY_BOUNDS_S = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1];

export interface Metrics {
  /** The text of `/metrics`. */
  text(): Promise<string>;
  readonly contentType: string;
}

/** @param loopDelay told how late timers come; closed by its owner */
export function createMetrics(read: () => Reading, loopDelay: LoopDelay): Metrics {
  const registry = new Registry();
  const gauges = Object.entries(HELP).map(([field, [name, help]]) => {
    const gauge = new Gauge({ name, help, registers: [registry] });
    return { field: field as Figure, gauge };
  });
  observeEventLoop(registry, loopDelay);
  return {
    contentType: registry.contentType,
    async text() {
      const reading = read();
      for (const { field, gauge } of gauges) gauge.set(reading[field]);
      const push = histogramText(
        'ringcast_push_seconds',
        'How long it took to push what was due to all live subscriptions',
        reading.pushTimes,
      );
      return `${await registry.metrics()}\n${push}`;
    },
  };
}

/**
 * Counts how late a timer comes. Counts in buckets, and not quantiles, since those of several hubs, or of several
 * minutes, can be summed.
 */
function observeEventLoop(registry: Registry, loopDelay: LoopDelay): void {
  const delay = new Histogram({
    name: 'ringcast_event_loop_delay_seconds',
    help: `How late a timer of every ${LOOP_DELAY_INTERVAL_MS} ms came`,
    buckets: DELAY_BOUNDS_S,
    registers: [registry],
  });
  loopDelay.listen((delayMs) => delay.observe(delayMs / 1000));
}

/** As prom-client writes its own, which can be observed, but not set. */
function histogramText(name: string, help: string, { boundsMs, counts, sumMs }: TimeCounts): string {
  const lines = [`# HELP ${name} ${help}`, `# TYPE ${name} histogram`];
  let count = 0;
  [...boundsMs, Number.POSITIVE_INFINITY].forEach((boundMs, bucket) => {
    count += counts[bucket]!;
    const le = boundMs === Number.POSITIVE_INFINITY ? '+Inf' : boundMs / 1000;
    lines.push(`${name}_bucket{le="${le}"} ${count}`);
  });
  lines.push(`${name}_sum ${sumMs / 1000}`, `${name}_count ${count}`);
  return `${lines.join('\n')}\n`;
}
