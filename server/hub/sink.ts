/**
 * A connection as the hub sees it: something that takes frames and says what became of them. net/ implements it over
 * a socket; tests implement it in memory.
 */
import type { CodecForm } from '../../shared/codec.ts';

/**
 * `sent`: in the kernel's hands · `buffered`: taken, some of it waits in the process · `full`: taken, and more waits
 * than {@link LIVE_MARK_BYTES}: send nothing more until it has drained · `closed`: not taken, the connection is gone.
 */
export type SendResult = 'sent' | 'buffered' | 'full' | 'closed';

/** Live sends go on while no more than this is buffered. */
export const LIVE_MARK_BYTES = 65_536;
/** What may be buffered for a reader that catches up quickly. */
export const CATCH_UP_MARK_BYTES = 4 * LIVE_MARK_BYTES;

export interface Sink {
  readonly form: CodecForm;
  /** Above the mark since the last send, and not drained since. Cheap: read before every live send. */
  readonly isFull: boolean;
  /** Bytes that wait in the process. */
  readonly bufferedBytes: number;
  /** Takes the frame, whatever is buffered; its bytes may change afterwards. */
  send(frame: Uint8Array): SendResult;
  /** Gathers what `run` sends into as few system calls as can be. */
  cork(run: () => void): void;
}
