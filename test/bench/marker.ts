/** The payload of every bench: a marker that is found in raw bytes, and the time it was meant to be sent. */

/** Valid UTF-8, so that it may be part of a text. */
const MARKER = Buffer.from('\u00a7RC\u00a7bench!', 'utf8').subarray(0, 8);
const FILLER = 0x2e;

/** How a time lies behind the marker: as 8 bytes, or as 16 digits (µs) in protocols that carry text only. */
export type TimeForm = 'double' | 'digits';
const TIME_BYTES: Readonly<Record<TimeForm, number>> = { double: 8, digits: 16 };

/** `bytes` long, at least 24. */
export function payloadOf(bytes: number): Buffer {
  const payload = Buffer.alloc(bytes, FILLER);
  MARKER.copy(payload);
  stamp(payload, 0, 0, 'digits');
  return payload;
}

export function stamp(payload: Buffer, at: number, timeMs: number, form: TimeForm = 'double'): void {
  const timeAt = at + MARKER.length;
  if (form === 'double') payload.writeDoubleBE(timeMs, timeAt);
  else payload.write(String(Math.round(timeMs * 1000)).padStart(16, '0'), timeAt, 'latin1');
}

function timeAfter(bytes: Buffer, at: number, form: TimeForm): number {
  const timeAt = at + MARKER.length;
  if (form === 'double') return bytes.readDoubleBE(timeAt);
  return Number(bytes.toString('latin1', timeAt, timeAt + TIME_BYTES.digits)) / 1000;
}

/** Where markers begin. */
export function markersIn(bytes: Buffer): number[] {
  const found: number[] = [];
  for (let at = bytes.indexOf(MARKER); at >= 0; at = bytes.indexOf(MARKER, at + 1)) found.push(at);
  return found;
}

/**
 * Counts markers in a byte stream that comes in pieces; `onTime` gets each one's time.
 *
 * A call of `indexOf` for each of ten million markers a second would make the load the limit. Most markers follow each
 * other at the same distance, so that one is looked for there first. Payloads do not overlap: at a distance of less than two
 * of them no marker can lie between, and the count stays exact.
 */
export class MarkerCounter {
  count = 0;
  readonly #onTime: ((timeMs: number) => void) | undefined;
  readonly #payloadBytes: number;
  readonly #form: TimeForm;
  /** A marker and its time. */
  readonly #needed: number;
  /** From one marker to the next; 0: unknown. */
  #stride = 0;
  /** The end of the last piece, where a marker may begin, and room to join the next one's beginning to it. */
  readonly #tail: Buffer;
  #tailBytes = 0;

  /** `payloadBytes` 0: unknown, each marker is searched for. */
  constructor(onTime?: (timeMs: number) => void, payloadBytes = 0, form: TimeForm = 'double') {
    this.#onTime = onTime;
    this.#payloadBytes = payloadBytes;
    this.#form = form;
    this.#needed = MARKER.length + TIME_BYTES[form];
    this.#tail = Buffer.alloc(2 * this.#needed);
  }

  /** Returns how many markers the piece brought. */
  take(piece: Buffer): number {
    const before = this.count;
    const from = this.#tailBytes > 0 ? this.#join(piece) : 0;
    if (from >= 0) this.#scan(piece, from);
    return this.count - before;
  }

  /** Looks for the marker that began in the last piece; where to go on in this one, −1 when all of it is in the tail. */
  #join(piece: Buffer): number {
    const tailBytes = this.#tailBytes;
    const joinedBytes = tailBytes + piece.copy(this.#tail, tailBytes, 0, this.#needed - 1);
    const joined = this.#tail.subarray(0, joinedBytes);
    const at = joined.indexOf(MARKER);
    if (at >= 0 && at + this.#needed <= joinedBytes) {
      this.#found(joined, at);
      this.#tailBytes = 0;
      return at + this.#needed - tailBytes;
    }
    if (joinedBytes - tailBytes === piece.length) {
      this.#keep(joined, Math.max(0, joinedBytes - this.#needed + 1));
      return -1;
    }
    return 0;
  }

  #scan(piece: Buffer, from: number): void {
    const needed = this.#needed;
    const last = piece.length - needed;
    let end = from;
    let at = piece.indexOf(MARKER, from);
    while (at >= 0 && at <= last) {
      this.#found(piece, at);
      end = at + needed;
      const next = at + this.#stride;
      if (this.#stride > 0 && next <= last && isMarker(piece, next)) {
        at = next;
        continue;
      }
      const found = piece.indexOf(MARKER, end);
      this.#stride = found >= 0 && found - at < 2 * this.#payloadBytes ? found - at : 0;
      at = found;
    }
    this.#keep(piece, Math.max(end, last + 1));
  }

  #found(bytes: Buffer, at: number): void {
    this.count++;
    this.#onTime?.(timeAfter(bytes, at, this.#form));
  }

  /** Keeps the bytes behind `from` from where a marker may begin in them. */
  #keep(bytes: Buffer, from: number): void {
    let start = from;
    while (start < bytes.length && bytes[start] !== MARKER[0]) start++;
    this.#tailBytes = bytes.copy(this.#tail, 0, start);
  }
}

function isMarker(bytes: Buffer, at: number): boolean {
  for (let i = 0; i < 8; i++) if (bytes[at + i] !== MARKER[i]) return false;
  return true;
}
