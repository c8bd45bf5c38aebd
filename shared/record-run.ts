/**
 * The one byte layout of records. A run is any number of records one behind the other; the same bytes lie in the
 * ring, on the wire and on the disk, and a batch frame is a header in front of a copy of a run:
 *
 *     record  94 │ cf timeMs:u64 │ key: c0 or str │ meta: c0 or map │ payload: bin8 c4 / bin16 c5 / bin32 c6
 *     batch   97 │ 44 │ channelNumber │ epoch │ prevOffset │ firstOffset │ count │ dd count:u32 │ record … record
 *                  └ opcode           └ shortest msgpack integers
 *
 * Each is one valid msgpack value, so that any msgpack library reads it. I14: what was published is copied, never rewritten. Positions are not in the record: it may be
 * copied behind any header. Called by the log (append, scan), the fan-out (frame) and the SDK (read).
 */
import {
  binHeaderBytes,
  MsgpackError,
  maxTextBytes,
  readText,
  readUint16,
  readUint32,
  readUint64,
  skipValue,
  writeBinHeader,
  writeText,
  writeUint,
  writeUint32,
  writeUint64,
} from './msgpack-bytes.ts';
import { readValue } from './value-reader.ts';

export const BATCH_OPCODE = 0x44;
/** No batch header is longer: two bytes, five integers of at most nine, five for the array. */
export const BATCH_HEADER_MAX_BYTES = 2 + 5 * 9 + 5;
/** What a record takes beside the text of its key, its meta and its payload, at most. */
export const RECORD_OVERHEAD_BYTES = 1 + 9 + 3 + 1 + 5;

/** An upper bound for the bytes of a record; exact for one without a key. */
export function maxRecordBytes(key: string | null, meta: Uint8Array | null, payload: Uint8Array): number {
  return (
    10 +
    (key === null ? 1 : maxTextBytes(key)) +
    (meta === null ? 1 : meta.length) +
    binHeaderBytes(payload.length) +
    payload.length
  );
}

/**
 * Writes one record at `at`; returns the index behind it. `meta` is the msgpack of a map. The caller has made sure of
 * {@link maxRecordBytes} bytes of room.
 */
export function writeRecord(
  bytes: Uint8Array,
  at: number,
  timeMs: number,
  key: string | null,
  meta: Uint8Array | null,
  payload: Uint8Array,
): number {
  bytes[at] = 0x94;
  bytes[at + 1] = 0xcf;
  writeUint64(bytes, at + 2, timeMs);
  let next = at + 10;
  if (key === null) bytes[next++] = 0xc0;
  else next = writeText(bytes, next, key);
  if (meta === null) {
    bytes[next++] = 0xc0;
  } else {
    bytes.set(meta, next);
    next += meta.length;
  }
  next = writeBinHeader(bytes, next, payload.length);
  bytes.set(payload, next);
  return next + payload.length;
}

/** The time of the record at `at`. */
export function recordTimeMs(bytes: Uint8Array, at: number): number {
  return readUint64(bytes, at + 2);
}

/** The index behind the record at `at`, of a run that {@link writeRecord} wrote. */
export function skipRecord(bytes: Uint8Array, at: number, end: number): number {
  let next = at + 10;
  next = bytes[next] === 0xc0 ? next + 1 : skipValue(bytes, next, end);
  next = bytes[next] === 0xc0 ? next + 1 : skipValue(bytes, next, end);
  return skipValue(bytes, next, end);
}

/** The index behind `count` records. */
export function skipRecords(bytes: Uint8Array, at: number, end: number, count: number): number {
  let next = at;
  for (let i = 0; i < count; i++) next = skipRecord(bytes, next, end);
  return next;
}

/** Writes the header of a batch frame; the run follows where it ends. Returns the index behind it. */
export function writeBatchHeader(
  bytes: Uint8Array,
  at: number,
  channelNumber: number,
  epoch: number,
  prevOffset: number,
  firstOffset: number,
  count: number,
): number {
  bytes[at] = 0x97;
  bytes[at + 1] = BATCH_OPCODE;
  let next = writeUint(bytes, at + 2, channelNumber);
  next = writeUint(bytes, next, epoch);
  next = writeUint(bytes, next, prevOffset);
  next = writeUint(bytes, next, firstOffset);
  next = writeUint(bytes, next, count);
  return writeRunHeader(bytes, next, count);
}

/** The array32 header that stands before the records of any frame. */
export function writeRunHeader(bytes: Uint8Array, at: number, count: number): number {
  bytes[at] = 0xdd;
  writeUint32(bytes, at + 1, count);
  return at + 5;
}

/**
 * Reads a run record by record without allocating: `next()` moves on, the fields tell where the parts of the current
 * record lie. Safe on hostile bytes: throws MsgpackError.
 */
export class RunReader {
  readonly bytes: Uint8Array;
  readonly #end: number;
  #next: number;
  /** Where the current record begins. */
  start = 0;
  timeMs = 0;
  /** Where its payload begins: at the header of a bin. */
  payloadAt = 0;
  #keyAt = 0;
  #metaAt = 0;

  constructor(bytes: Uint8Array, start = 0, end = bytes.length) {
    this.bytes = bytes;
    this.#next = start;
    this.#end = end;
  }

  /** Moves to the next record; false behind the last. */
  next(): boolean {
    const { bytes } = this;
    const at = this.#next;
    const end = this.#end;
    if (at >= end) return false;
    const head = bytes[at]!;
    if (head < 0x94 || head > 0x9f) throw new MsgpackError('a record is not an array of four or more');
    this.start = at;
    const keyAt = this.#readTime(at + 1, end);
    const metaAt = skipPart(bytes, keyAt, end);
    const payloadAt = skipPart(bytes, metaAt, end);
    this.#keyAt = keyAt;
    this.#metaAt = metaAt;
    this.payloadAt = payloadAt;
    let next = skipPart(bytes, payloadAt, end);
    // Elements that a later version may add behind the payload are passed over.
    for (let extra = (head & 0x0f) - 4; extra > 0; extra--) next = skipValue(bytes, next, end);
    this.#next = next;
    return true;
  }

  /** The index behind the current record. */
  get end(): number {
    return this.#next;
  }

  get key(): string | null {
    const { bytes } = this;
    const at = this.#keyAt;
    const head = bytes[at]!;
    if (head === 0xc0) return null;
    if (head >= 0xa0 && head < 0xc0) return readText(bytes, at + 1, head & 0x1f);
    if (head === 0xd9) return readText(bytes, at + 2, bytes[at + 1]!);
    if (head === 0xda) return readText(bytes, at + 3, readUint16(bytes, at + 1));
    throw new MsgpackError('the key of a record is neither a string nor nil');
  }

  /** The msgpack of the record's meta, a view; null where it has none. */
  get meta(): Uint8Array | null {
    return this.bytes[this.#metaAt] === 0xc0 ? null : this.bytes.subarray(this.#metaAt, this.payloadAt);
  }

  /** A view of the payload: one msgpack value. */
  get payload(): Uint8Array {
    return this.bytes.subarray(
      payloadStart(this.bytes, this.payloadAt),
      payloadEnd(this.bytes, this.payloadAt),
    );
  }

  /** uint64 as the hub writes it, or what another encoder may have made of it. */
  #readTime(at: number, end: number): number {
    const { bytes } = this;
    if (bytes[at] === 0xcf && bytes[at + 1] === 0 && bytes[at + 2]! < 0x20 && at + 9 <= end) {
      this.timeMs = readUint64(bytes, at + 1);
      return at + 9;
    }
    const next = skipValue(bytes, at, end);
    const timeMs = readValue(bytes, at, next, false) as number;
    if (!(Number.isSafeInteger(timeMs) && timeMs >= 0)) {
      throw new MsgpackError('the time of a record is not an integer from 0 to 2^53 − 1');
    }
    this.timeMs = timeMs;
    return next;
  }
}

/** {@link skipValue} with a short way for what parts of records mostly are: nil, and a bin of less than 64 KiB. */
function skipPart(bytes: Uint8Array, at: number, end: number): number {
  const head = bytes[at];
  if (head === 0xc0 && at < end) return at + 1;
  const next =
    head === 0xc4 ? at + 2 + bytes[at + 1]! : head === 0xc5 ? at + 3 + readUint16(bytes, at + 1) : Number.NaN;
  return next <= end ? next : skipValue(bytes, at, end);
}

/** Where the bytes of a payload begin whose header is at `at`, of a record that {@link RunReader} has passed. */
export function payloadStart(bytes: Uint8Array, at: number): number {
  const head = bytes[at]!;
  if (head < 0xc4 || head > 0xc6) throw new MsgpackError('the payload of a record is not bin');
  return at + (head === 0xc4 ? 2 : head === 0xc5 ? 3 : 5);
}

/** The index behind them. */
export function payloadEnd(bytes: Uint8Array, at: number): number {
  const head = bytes[at]!;
  if (head === 0xc4) return at + 2 + bytes[at + 1]!;
  return head === 0xc5 ? at + 3 + readUint16(bytes, at + 1) : at + 5 + readUint32(bytes, at + 1);
}
