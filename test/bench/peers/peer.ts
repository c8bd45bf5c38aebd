/** A server under measurement, as a process of its own; whoever started it ends it. */
import type { Usage } from '../children.ts';

export interface Peer {
  /** Where the load connects: `ws:`, or `tcp:` for what is spoken without WebSocket. */
  readonly url: string;
  readonly token: string;
  usage(): Promise<Usage>;
  stop(): Promise<void>;
}
