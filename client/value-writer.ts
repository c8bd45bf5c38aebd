/**
 * Writes the values that are published most straight into a buffer: JSON's kinds and Uint8Array, in the same bytes as the
 * library would. Whatever else there is it leaves to that (shared/msgpack). Called by the record writer.
 *
 * Nothing checks for room: a typed array loses what is written behind its end, and the index that comes back tells.
 */
import { MAX_NESTING, writeBinHeader, writeUint, writeUint32 } from '../shared/msgpack-bytes.ts';

/** Returned for a value that the library has to write. */
export const UNUSUAL = -1;

/** Up to here, in characters, text is written one by one; beyond, the encoder's call is cheaper. */
const SHORT_TEXT = 128;

const utf8 = new TextEncoder();
const float = new DataView(new ArrayBuffer(8));

/** Returns the index behind the value, which may be beyond the end of `bytes`, or {@link UNUSUAL}. */
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
    case 'object':
      if (value === null) return writeNil(bytes, at);
      if (depth >= MAX_NESTING) return UNUSUAL;
      if (Array.isArray(value)) return writeArray(bytes, at, value, depth + 1);
      if (Object.getPrototypeOf(value) === Object.prototype) {
        return writeMap(bytes, at, value as Record<string, unknown>, depth + 1);
      }
  }
  return value instanceof Uint8Array ? writeBin(bytes, at, value) : UNUSUAL;
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
  for (let i = 0; i < items.length && next !== UNUSUAL; i++) next = writeValue(bytes, next, items[i], depth);
  return next;
}

function writeMap(bytes: Uint8Array, at: number, map: Record<string, unknown>, depth: number): number {
  const names = Object.keys(map);
  let next = writeCount(bytes, at, names.length, 0x80, 0xde);
  for (let i = 0; i < names.length && next !== UNUSUAL; i++) {
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
