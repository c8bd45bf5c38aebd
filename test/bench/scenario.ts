/** One measurement, of one or several servers, and what is compared. Called by the runner; scenarios/ has them all. */
export interface Figures {
  readonly deliveriesPerCpuSecond?: number;
  readonly deliveriesPerSecond?: number;
  readonly recordsPerCpuSecond?: number;
  readonly recordsPerSecond?: number;
  readonly bytesPerSecond?: number;
  readonly bytesPerCpuSecond?: number;
  readonly bytesPerConnection?: number;
  /** Server CPU seconds per second. */
  readonly cpuShare?: number;
  readonly p50Us?: number;
  readonly p90Us?: number;
  readonly p99Us?: number;
  readonly p999Us?: number;
  readonly rssBytes?: number;
  /** Of the load itself: near 1 in a saturated scenario, the server may have waited for it. */
  readonly loadCpuShare?: number;
}

/** Thrown by `measure` for a peer that is not installed; its message says what to install. */
export class AbsentPeer extends Error {}

export interface BenchRun {
  readonly seconds: number;
  /** Saturated: publishes written at once, and how many of these bursts may be under way. */
  readonly burst: number;
  readonly window: number;
  progress(text: string): void;
}

export interface Scenario {
  readonly letter: string;
  /** Such as '1 channel × 100 subscribers × 100 B, saturated'. */
  readonly what: string;
  readonly compares: { readonly figure: keyof Figures; readonly better: 'more' | 'less' };
  /** Ours first; variants of ours are called 'ringcast-…'. */
  readonly servers: readonly string[];
  measure(server: string, run: BenchRun): Promise<Figures>;
}
