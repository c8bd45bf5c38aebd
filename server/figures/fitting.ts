/** Records of figures are small, whatever names their channels and clients have. */
import { encodeValue } from '../../shared/msgpack.ts';

/** A record with key, meta and framing is below 16 KiB. */
export const MAX_FIGURES_BYTES = 16 * 1024 - 256;

/** The first of `items`, as many as fit, in the value that `frame` makes of them. */
export function encodeFitting<T>(items: readonly T[], frame: (items: readonly T[]) => unknown): Uint8Array {
  for (let count = items.length; ; ) {
    const bytes = encodeValue(frame(items.slice(0, count)));
    if (bytes.length <= MAX_FIGURES_BYTES || count === 0) return bytes;
    count = Math.min(count - 1, Math.floor((count * MAX_FIGURES_BYTES) / bytes.length));
  }
}

/** A name that somebody gave himself may be long. */
export function shortened(text: string | null, maxChars = 60): string | null {
  if (text === null || text.length <= maxChars) return text;
  return `${text.slice(0, maxChars - 1)}…`;
}
