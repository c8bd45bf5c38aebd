/** Errors on their way to a client. */

import { codecOf } from '../../shared/codec.ts';
import { CLOSE_CODES, RingcastError } from '../../shared/errors.ts';
import type { ErrorFrame } from '../../shared/frames.ts';
import type { Socket } from './socket.ts';

export function errorFrame(
  id: number | null,
  { code, message, retryAfterMs }: RingcastError,
  details: Record<string, unknown> = {},
): ErrorFrame {
  const all = retryAfterMs === undefined ? details : { ...details, retryAfterMs };
  return { op: 'error', id, code, message, details: Object.keys(all).length > 0 ? all : null };
}

/** What a client is told of a failure that nobody foresaw; the log is told the cause. */
export function asRingcastError(cause: unknown): RingcastError {
  if (cause instanceof RingcastError) return cause;
  return new RingcastError('internal', 'the hub failed at this request: its log says more', { cause });
}

/** Tells a client that the hub is full, before it has said anything. */
export function refuseConnection(socket: Socket): void {
  const text = 'this hub holds as many connections as it may: connect again later';
  const error = new RingcastError('too-many-connections', text);
  socket.send(codecOf(socket.form).encodeServer(errorFrame(null, error)));
  socket.end(CLOSE_CODES['too-many-connections'], 'too-many-connections');
}
