/** An error about one of the channels of a request, which the client is told with it. */
import { type ErrorCode, RingcastError } from '../../shared/errors.ts';
import type { Cursor } from '../../shared/terms.ts';

export class ChannelError extends RingcastError {
  readonly channel: string;
  /** Of a conflict: where the channel's head is. */
  readonly head: Cursor | undefined;

  constructor(code: ErrorCode, channel: string, message: string, head?: Cursor) {
    super(code, message);
    this.channel = channel;
    this.head = head;
  }
}
