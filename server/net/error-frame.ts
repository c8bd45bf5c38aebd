/** Errors on their way to a client. */
import { RingcastError } from '../../shared/errors.ts';
import type { ErrorFrame } from '../../shared/frames.ts';

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
