/**
 * Writes any value straight into a buffer, in the same bytes as msgpack.ts would by its library, which the SDK for browsers
 * need not carry for it. Called by the SDK's record writer and the codecs.
 *
 * Nothing checks for room: a typed array loses what is written behind its end, and the index that comes back tells.
 */
import { MAX_NESTING, writeBinHeader, writeUint, writeUint32, writeUint64 } from './msgpack-bytes.ts';

/** Up to here, in characters, text is written one by one; beyond, the encoder's call is cheaper. */
const SHORT_TEXT = 128;
/** What frames mostly fit into. */
const SCRATCH_BYTES = 1024;

const utf8 = new TextEncoder();
const float = new DataView(new ArrayBuffer(8));

/** Undefined while somebody writes into it: a value's getter may have another written meanwhile. */
let scratch: Uint8Array<ArrayBuffer> | undefined = new Uint8Array(SCRATCH_BYTES);

/** A value in bytes of its own. Throws as {@link writeValue}. */
export function valueBytes(value: unknown): Uint8Array {
  const room = scratch ?? new Uint8Array(SCRATCH_BYTES);
  scratch = undefined;
  try {
    for (let bytes = room; ; ) {
      const end = writeValue(bytes, 0, value);
      if (end <= bytes.length) return bytes.slice(0, end);
      bytes = new Uint8Array(end);
    }
  } finally {
    scratch = room;
  }
}

/**
 * Returns the index behind the value, which may be beyond the end of `bytes`. Objects become maps of their own members,
 * or what their toJSON returns; Set and other arrays arrays, Date the timestamp extension, Uint8Array bin, undefined nil.
 * Throws TypeError for what msgpack cannot say: functions, symbols, what is nested too deep or cyclic, invalid dates,
 * integers beyond 64 bits, and ArrayBuffers and views other than Uint8Array.
 */
export function writeValue(bytes: Uint8Array, at: number, value: unknown, depth = 0): number {
  switch (typeof value) {
    case 'string':
      return writeString(bytes, at, value);
    case 'number':
      return writeNumber(bytes, at, value);
    case 'boolean':
      bytes[at] = value ? 0xc3 : 0xc2;
      return at + 1;
    case 'undefined':
      return writeNil(bytes, at);
    case 'bigint':
      return writeBigInt(bytes, at, value);
    case 'object':
      if (value === null) return writeNil(bytes, at);
      if (Array.isArray(value)) return writeArray(bytes, at, value, deeper(depth));
      if (Object.getPrototypeOf(value) === Object.prototype) {
        return writeMap(bytes, at, value as Record<string, unknown>, deeper(depth));
      }
      if (value instanceof Uint8Array) return writeBin(bytes, at, value);
      return writeUnusual(bytes, at, value, depth);
  }
  return refuse(`a ${typeof value}`);
}

function deeper(depth: number): number {
  return depth < MAX_NESTING ? depth + 1 : refuse(`a cycle, or more than ${MAX_NESTING} levels`);
}

function refuse(what: string): never {
  throw new TypeError(`${what} cannot be encoded as msgpack: use what JSON has, Date or Uint8Array`);
}

function writeUnusual(bytes: Uint8Array, at: number, value: object, depth: number): number {
  if (value instanceof Date) return writeTimestamp(bytes, at, value.getTime());
  if (value instanceof Map) {
    const inner = deeper(depth);
    let next = writeCount(bytes, at, value.size, 0x80, 0xde);
    for (const each of value) {
      for (const part of each) next = writeValue(bytes, next, part, inner);
    }
    return next;
  }
  if (value instanceof ArrayBuffer || ArrayBuffer.isView(value)) refuse('memory other than Uint8Array');
  let stand: unknown = value;
  if (value instanceof Set) stand = [...value];
  else if (value instanceof Error) stand = [value.name, value.message, value.cause];
  else if (value instanceof RegExp) stand = [value.source, value.flags];
  else if ('toJSON' in value && typeof value.toJSON === 'function') stand = value.toJSON();
  return stand === value
    ? writeMap(bytes, at, value as Record<string, unknown>, deeper(depth))
    : // What stands for it counts as a level: some toJSON might never end.
      writeValue(bytes, at, stand, deeper(depth));
}

function writeTimestamp(bytes: Uint8Array, at: number, timeMs: number): number {
  if (Number.isNaN(timeMs)) refuse('an invalid date');
  const seconds = Math.floor(timeMs / 1000);
  const nanoseconds = (timeMs - seconds * 1000) * 1_000_000;
  const isShort = seconds >= 0 && seconds < 2 ** 32;
  const header = isShort ? (nanoseconds === 0 ? [0xd6, 0xff] : [0xd7, 0xff]) : [0xc7, 12, 0xff];
  let next = writeBytes(bytes, at, Uint8Array.from(header));
  if (header[0] !== 0xd6) {
    writeUint32(bytes, next, isShort ? nanoseconds * 4 : nanoseconds);
    next += 4;
  }
  if (isShort) {
    writeUint32(bytes, next, seconds);
    return next + 4;
  }
  writeUint64(bytes, next, seconds);
  return next + 8;
}

function writeBigInt(bytes: Uint8Array, at: number, value: bigint): number {
  const isSigned = BigInt.asIntN(64, value) === value;
  if (!isSigned && BigInt.asUintN(64, value) !== value) refuse('an integer beyond 64 bits');
  bytes[at] = isSigned ? 0xd3 : 0xcf;
  writeUint32(bytes, at + 1, Number(value >> 32n));
  writeUint32(bytes, at + 5, Number(value & 0xffffffffn));
  return at + 9;
}

export function writeNil(bytes: Uint8Array, at: number): number {
  bytes[at] = 0xc0;
  return at + 1;
}

export function writeString(bytes: Uint8Array, at: number, text: string): number {
  const { length } = text;
  if (length <= SHORT_TEXT) {
    const from = length < 32 ? at + 1 : at + 2;
    let i = 0;
    for (; i < length; i++) {
      const unit = text.charCodeAt(i);
      if (unit >= 0x80) break;
      bytes[from + i] = unit;
    }
    if (i === length) {
      writeStringHeader(bytes, at, length);
      return from + length;
    }
  }
  const encoded = utf8.encode(text);
  return writeBytes(bytes, writeStringHeader(bytes, at, encoded.length), encoded);
}

function writeStringHeader(bytes: Uint8Array, at: number, length: number): number {
  if (length < 32) {
    bytes[at] = 0xa0 | length;
    return at + 1;
  }
  // The heads of str come in the order of those of bin.
  const next = writeBinHeader(bytes, at, length);
  bytes[at]! += 0xd9 - 0xc4;
  return next;
}

function writeBin(bytes: Uint8Array, at: number, value: Uint8Array): number {
  return writeBytes(bytes, writeBinHeader(bytes, at, value.length), value);
}

/** Of bytes that do not fit, none is written. */
export function writeBytes(bytes: Uint8Array, at: number, value: Uint8Array): number {
  const next = at + value.length;
  if (next <= bytes.length) bytes.set(value, at);
  return next;
}

function writeNumber(bytes: Uint8Array, at: number, value: number): number {
  if (value >>> 0 === value) return writeUint(bytes, at, value);
  if ((value | 0) === value) {
    if (value >= -0x20) {
      bytes[at] = value;
      return at + 1;
    }
    if (value >= -0x80) {
      bytes[at] = 0xd0;
      bytes[at + 1] = value;
      return at + 2;
    }
    if (value >= -0x8000) {
      bytes[at] = 0xd1;
      bytes[at + 1] = value >> 8;
      bytes[at + 2] = value;
      return at + 3;
    }
    bytes[at] = 0xd2;
    writeUint32(bytes, at + 1, value);
    return at + 5;
  }
  float.setFloat64(0, value);
  bytes[at] = 0xcb;
  writeUint32(bytes, at + 1, float.getUint32(0));
  writeUint32(bytes, at + 5, float.getUint32(4));
  return at + 9;
}

function writeArray(bytes: Uint8Array, at: number, items: readonly unknown[], depth: number): number {
  let next = writeCount(bytes, at, items.length, 0x90, 0xdc);
  for (let i = 0; i < items.length; i++) next = writeValue(bytes, next, items[i], depth);
  return next;
}

function writeMap(bytes: Uint8Array, at: number, map: Record<string, unknown>, depth: number): number {
  const names = Object.keys(map);
  let next = writeCount(bytes, at, names.length, 0x80, 0xde);
  for (let i = 0; i < names.length; i++) {
    const name = names[i]!;
    next = writeValue(bytes, writeString(bytes, next, name), map[name], depth);
  }
  return next;
}

/** The header of an array or map. @param short its head for fewer than 16. @param long its head for 16 bits; the next is for 32. */
export function writeCount(
  bytes: Uint8Array,
  at: number,
  count: number,
  short: number,
  long: number,
): number {
  if (count < 16) {
    bytes[at] = short | count;
    return at + 1;
  }
  if (count < 0x10000) {
    bytes[at] = long;
    bytes[at + 1] = count >>> 8;
    bytes[at + 2] = count;
    return at + 3;
  }
  bytes[at] = long + 1;
  writeUint32(bytes, at + 1, count);
  return at + 5;
}
