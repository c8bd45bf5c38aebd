/** The payload of every bench: a marker that is found in raw bytes, and the time it was meant to be sent. */

const MARKER = Buffer.from('\u00a7RC\u00a7bench!', 'utf8').subarray(0, 8);

/** `bytes` long, at least 16. */
export function payloadOf(bytes: number): Buffer {
  const payload = Buffer.alloc(bytes, 0x2e);
  MARKER.copy(payload);
  return payload;
}

export function stamp(payload: Buffer, at: number, timeMs: number): void {
  payload.writeDoubleBE(timeMs, at + MARKER.length);
}

/** Where markers begin. */
export function markersIn(bytes: Buffer): number[] {
  const found: number[] = [];
  for (let at = bytes.indexOf(MARKER); at >= 0; at = bytes.indexOf(MARKER, at + 1)) found.push(at);
  return found;
}

/** Counts markers in a byte stream that comes in pieces; `onTime` gets each one's time. */
export class MarkerCounter {
  count = 0;
  #rest: Buffer = Buffer.alloc(0);
  readonly #onTime: ((timeMs: number) => void) | undefined;

  constructor(onTime?: (timeMs: number) => void) {
    this.#onTime = onTime;
  }

  take(piece: Buffer): void {
    const bytes = this.#rest.length > 0 ? Buffer.concat([this.#rest, piece]) : piece;
    const needed = MARKER.length + 8;
    let at = bytes.indexOf(MARKER);
    let end = 0;
    while (at >= 0 && at + needed <= bytes.length) {
      this.count++;
      this.#onTime?.(bytes.readDoubleBE(at + MARKER.length));
      end = at + needed;
      at = bytes.indexOf(MARKER, end);
    }
    // Keep what may be the beginning of a marker or its time.
    const keepFrom = at >= 0 ? at : Math.max(end, bytes.length - needed + 1);
    this.#rest = keepFrom < bytes.length ? Buffer.from(bytes.subarray(keepFrom)) : EMPTY;
  }
}

const EMPTY = Buffer.alloc(0);
