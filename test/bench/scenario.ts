/** One measurement, of one or several servers, and what is compared. */

/** Every one optional; a scenario gives what it measured. */
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
}

/** Thrown by `measure` for a peer that is not installed; its message says what to install. */
export class AbsentPeer extends Error {}

export interface BenchRun {
  readonly seconds: number;
  readonly burst: number;
  readonly window: number;
  progress(text: string): void;
}

export interface Scenario {
  /** 'a' … 'l' */
  readonly letter: string;
  /** '1 channel × 100 subscribers × 100 B, saturated' */
  readonly what: string;
  readonly compares: { readonly figure: keyof Figures; readonly better: 'more' | 'less' };
  /** 'ringcast' first; names of peers, or variants 'ringcast-…' */
  readonly servers: readonly string[];
  measure(server: string, run: BenchRun): Promise<Figures>;
}
