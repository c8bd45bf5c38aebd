/**
 * msgpack by hand: the few primitives that the hot path writes and reads without a library, and the check that every
 * byte string from outside passes before a library sees it. Knows nothing of frames or records.
 */

/** Deepest nesting of arrays and maps that a frame or payload may have. */
export const MAX_NESTING = 32;

const TWO_32 = 2 ** 32;
const utf8 = new TextEncoder();
const utf8Reader = new TextDecoder('utf-8', { fatal: true });

/** Thrown for bytes that are not what they should be; the codec turns it into a `bad-frame` error. */
export class MsgpackError extends Error {
  override readonly name = 'MsgpackError';
}

/** Writes a non-negative integer below 2^53 in its shortest form; returns the index behind it. */
export function writeUint(bytes: Uint8Array, at: number, value: number): number {
  if (value < 0x80) {
    bytes[at] = value;
    return at + 1;
  }
  if (value < 0x100) {
    bytes[at] = 0xcc;
    bytes[at + 1] = value;
    return at + 2;
  }
  if (value < 0x10000) {
    bytes[at] = 0xcd;
    bytes[at + 1] = value >>> 8;
    bytes[at + 2] = value;
    return at + 3;
  }
  if (value < TWO_32) {
    bytes[at] = 0xce;
    writeUint32(bytes, at + 1, value);
    return at + 5;
  }
  bytes[at] = 0xcf;
  writeUint64(bytes, at + 1, value);
  return at + 9;
}

/** Four bytes, big-endian. */
export function writeUint32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 24;
  bytes[at + 1] = value >>> 16;
  bytes[at + 2] = value >>> 8;
  bytes[at + 3] = value;
}

/** Eight bytes, big-endian, of a non-negative integer below 2^53. */
export function writeUint64(bytes: Uint8Array, at: number, value: number): void {
  writeUint32(bytes, at, Math.floor(value / TWO_32));
  writeUint32(bytes, at + 4, value >>> 0);
}

export function readUint16(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 8) | bytes[at + 1]!;
}

export function readUint32(bytes: Uint8Array, at: number): number {
  return bytes[at]! * 0x1000000 + ((bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!);
}

/** A uint64 as a number; exact below 2^53. */
export function readUint64(bytes: Uint8Array, at: number): number {
  return readUint32(bytes, at) * TWO_32 + readUint32(bytes, at + 4);
}

/** The length in bytes that {@link writeText} may need at most for `text`. */
export function maxTextBytes(text: string): number {
  return 3 + text.length * 3;
}

/** Writes a str of at most 65,535 bytes; returns the index behind it. */
export function writeText(bytes: Uint8Array, at: number, text: string): number {
  const length = text.length;
  if (length < 32) {
    let i = 0;
    for (; i < length; i++) {
      const unit = text.charCodeAt(i);
      if (unit >= 0x80) break;
      bytes[at + 1 + i] = unit;
    }
    if (i === length) {
      bytes[at] = 0xa0 | length;
      return at + 1 + length;
    }
  }
  const encoded = utf8.encode(text);
  let start: number;
  if (encoded.length < 32) {
    bytes[at] = 0xa0 | encoded.length;
    start = at + 1;
  } else if (encoded.length < 0x100) {
    bytes[at] = 0xd9;
    bytes[at + 1] = encoded.length;
    start = at + 2;
  } else {
    bytes[at] = 0xda;
    bytes[at + 1] = encoded.length >>> 8;
    bytes[at + 2] = encoded.length;
    start = at + 3;
  }
  bytes.set(encoded, start);
  return start + encoded.length;
}

/** The text of `length` bytes at `at`; short ASCII without the decoder's call. Throws MsgpackError for bad UTF-8. */
export function readText(bytes: Uint8Array, at: number, length: number): string {
  if (length < 24) {
    let text = '';
    for (let i = at; i < at + length; i++) {
      const unit = bytes[i]!;
      if (unit >= 0x80) return decodeText(bytes, at, length);
      text += String.fromCharCode(unit);
    }
    return text;
  }
  return decodeText(bytes, at, length);
}

function decodeText(bytes: Uint8Array, at: number, length: number): string {
  try {
    return utf8Reader.decode(bytes.subarray(at, at + length));
  } catch (cause) {
    throw new MsgpackError('a string is not valid UTF-8', { cause });
  }
}

/** How long the header of a bin of `length` bytes is, with its length field. */
export function binHeaderBytes(length: number): 2 | 3 | 5 {
  return length < 0x100 ? 2 : length < 0x10000 ? 3 : 5;
}

export function writeBinHeader(bytes: Uint8Array, at: number, length: number): number {
  if (length < 0x100) {
    bytes[at] = 0xc4;
    bytes[at + 1] = length;
    return at + 2;
  }
  if (length < 0x10000) {
    bytes[at] = 0xc5;
    bytes[at + 1] = length >>> 8;
    bytes[at + 2] = length;
    return at + 3;
  }
  bytes[at] = 0xc6;
  writeUint32(bytes, at + 1, length);
  return at + 5;
}

/**
 * The index behind the value that begins at `at`. Linear, without allocation, and safe on hostile bytes: a length that
 * does not fit into `end`, nesting beyond {@link MAX_NESTING} or a forbidden type throws MsgpackError.
 *
 * Extension types are refused, but for the timestamp (−1) where `timestamps` allows it: libraries give other numbers
 * meanings of their own (msgpackr: shared structures), which a peer must not be able to reach.
 */
export function skipValue(bytes: Uint8Array, at: number, end: number, timestamps = false, depth = 0): number {
  if (at >= end) throw new MsgpackError('the value is cut short');
  const head = bytes[at]!;
  if (head < 0x80 || head >= 0xe0) return at + 1;
  if (head < 0x90) return skipMany(bytes, at + 1, end, (head & 0x0f) * 2, timestamps, depth);
  if (head < 0xa0) return skipMany(bytes, at + 1, end, head & 0x0f, timestamps, depth);
  if (head < 0xc0) return within(at + 1 + (head & 0x1f), end);
  switch (head) {
    case 0xc0:
    case 0xc2:
    case 0xc3:
      return at + 1;
    case 0xc4:
    case 0xd9:
      return within(at + 2 + lengthAt(bytes, at + 1, 1, end), end);
    case 0xc5:
    case 0xda:
      return within(at + 3 + lengthAt(bytes, at + 1, 2, end), end);
    case 0xc6:
    case 0xdb:
      return within(at + 5 + lengthAt(bytes, at + 1, 4, end), end);
    case 0xcc:
    case 0xd0:
      return within(at + 2, end);
    case 0xcd:
    case 0xd1:
      return within(at + 3, end);
    case 0xca:
    case 0xce:
    case 0xd2:
      return within(at + 5, end);
    case 0xcb:
    case 0xcf:
    case 0xd3:
      return within(at + 9, end);
    case 0xdc:
      return skipMany(bytes, at + 3, end, lengthAt(bytes, at + 1, 2, end), timestamps, depth);
    case 0xdd:
      return skipMany(bytes, at + 5, end, lengthAt(bytes, at + 1, 4, end), timestamps, depth);
    case 0xde:
      return skipMany(bytes, at + 3, end, 2 * lengthAt(bytes, at + 1, 2, end), timestamps, depth);
    case 0xdf:
      return skipMany(bytes, at + 5, end, 2 * lengthAt(bytes, at + 1, 4, end), timestamps, depth);
    default:
      return skipTimestamp(bytes, at, end, timestamps);
  }
}

function skipMany(
  bytes: Uint8Array,
  at: number,
  end: number,
  count: number,
  timestamps: boolean,
  depth: number,
): number {
  if (depth >= MAX_NESTING) throw new MsgpackError(`nested deeper than ${MAX_NESTING}`);
  // Every value takes a byte at least, so a claimed count beyond the bytes left is refused before any loop.
  if (count > end - at) throw new MsgpackError('a length runs past the end');
  let next = at;
  for (let i = 0; i < count; i++) next = skipValue(bytes, next, end, timestamps, depth + 1);
  return next;
}

/** fixext4, fixext8 and ext8 of 12 bytes, each with type −1: the three forms of msgpack's timestamp. */
function skipTimestamp(bytes: Uint8Array, at: number, end: number, allowed: boolean): number {
  const head = bytes[at];
  if (allowed && at + 6 <= end) {
    if (head === 0xd6 && bytes[at + 1] === 0xff) return at + 6;
    if (head === 0xd7 && bytes[at + 1] === 0xff) return within(at + 10, end);
    if (head === 0xc7 && bytes[at + 1] === 12 && bytes[at + 2] === 0xff) return within(at + 15, end);
  }
  throw new MsgpackError('an extension type that is not allowed');
}

function lengthAt(bytes: Uint8Array, at: number, size: 1 | 2 | 4, end: number): number {
  if (at + size > end) throw new MsgpackError('the value is cut short');
  return size === 1 ? bytes[at]! : size === 2 ? readUint16(bytes, at) : readUint32(bytes, at);
}

function within(at: number, end: number): number {
  if (at > end) throw new MsgpackError('a length runs past the end');
  return at;
}
