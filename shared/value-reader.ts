/**
 * Reads one msgpack value into JavaScript and checks it in the same pass: what data of records and fields of frames
 * come through. Refuses what {@link skipValue} refuses. Knows nothing of frames or records. Called by msgpack.ts and the
 * SDK's record.
 */
import { MAX_NESTING, MsgpackError, readUint16, readUint32, readUint64, skipValue } from './msgpack-bytes.ts';

/** Up to here, in bytes, a string is put together from characters; beyond, a decoder's call is cheaper. */
const SHORT_TEXT_BYTES = 12;
/** Keys of maps come again and again: found by their bytes, they need not be made anew. A power of two. */
const KNOWN_KEYS = 1024;

const utf8Reader = new TextDecoder('utf-8', { ignoreBOM: true });
/** Node's own way, without a view for each text. */
const utf8Slice = findUtf8Slice();
const knownKeys: string[] = new Array<string>(KNOWN_KEYS).fill('');
const float = new DataView(new ArrayBuffer(8));

const NOTHING = new Uint8Array(0);

let bytes: Uint8Array = NOTHING;
let at = 0;
let end = 0;
let timestamps = false;
let depth = 0;

/**
 * The one value from `start` up to `stop`; views of `source` where it holds bin. Maps become objects, 64-bit integers
 * numbers, the timestamp (where `dates` allows it) Date. Throws {@link MsgpackError}.
 */
export function readValue(source: Uint8Array, start: number, stop: number, dates: boolean): unknown {
  bytes = source;
  at = start;
  end = stop;
  timestamps = dates;
  depth = 0;
  try {
    const value = read();
    if (at !== end) throw new MsgpackError('more bytes follow the value');
    return value;
  } catch (error) {
    if (error instanceof MsgpackError) throw error;
    // Where Object.prototype is frozen, for one, no map may have a member named as one of its own.
    throw new MsgpackError('the value cannot be made here', { cause: error });
  } finally {
    // The last batch shall not be kept for as long as no other comes.
    bytes = NOTHING;
  }
}

type Utf8Slice = (this: Uint8Array, from: number, to: number) => string;

/** A page's polyfill may bear the name and read no plain Uint8Array, or not from where it is told to. */
function findUtf8Slice(): Utf8Slice | undefined {
  try {
    const { Buffer } = globalThis as { Buffer?: { prototype: { utf8Slice?: Utf8Slice } } };
    const slice = Buffer?.prototype.utf8Slice;
    return slice?.call(Uint8Array.of(0x78, 0xc3, 0xa9, 0x62, 0x78), 1, 4) === 'éb' ? slice : undefined;
  } catch {
    return undefined;
  }
}

function read(): unknown {
  if (at >= end) throw new MsgpackError('the value is cut short');
  const head = bytes[at++]!;
  if (head < 0x80) return head;
  if (head >= 0xe0) return head - 0x100;
  if (head < 0x90) return readMap(head & 0x0f);
  if (head < 0xa0) return readArray(head & 0x0f);
  if (head < 0xc0) return readText(head & 0x1f);
  switch (head) {
    case 0xc0:
      return null;
    case 0xc2:
      return false;
    case 0xc3:
      return true;
    case 0xc4:
    case 0xc5:
    case 0xc6:
      return readBin(readLength(head - 0xc4));
    case 0xd9:
    case 0xda:
    case 0xdb:
      return readText(readLength(head - 0xd9));
    case 0xdc:
    case 0xdd:
      return readArray(readLength(head - 0xdb));
    case 0xde:
    case 0xdf:
      return readMap(readLength(head - 0xdd));
    case 0xcc:
      return bytes[pass(1)]!;
    case 0xcd:
      return readUint16(bytes, pass(2));
    case 0xce:
      return readUint32(bytes, pass(4));
    case 0xcf:
      return readUint64(bytes, pass(8));
    case 0xd0:
      return (bytes[pass(1)]! << 24) >> 24;
    case 0xd1:
      return (readUint16(bytes, pass(2)) << 16) >> 16;
    case 0xd2:
      return readUint32(bytes, pass(4)) | 0;
    case 0xd3:
      return readInt64(pass(8));
    case 0xca:
      float.setUint32(0, readUint32(bytes, pass(4)));
      return float.getFloat32(0);
    case 0xcb: {
      const from = pass(8);
      float.setUint32(0, readUint32(bytes, from));
      float.setUint32(4, readUint32(bytes, from + 4));
      return float.getFloat64(0);
    }
    default:
      return readTimestamp(at - 1);
  }
}

function readInt64(from: number): number {
  return (readUint32(bytes, from) | 0) * 2 ** 32 + readUint32(bytes, from + 4);
}

function readTimestamp(from: number): Date {
  at = skipValue(bytes, from, end, timestamps);
  switch (bytes[from]) {
    case 0xd6:
      return new Date(readUint32(bytes, from + 2) * 1000);
    case 0xd7: {
      const nanoseconds = readUint32(bytes, from + 2) >>> 2;
      const seconds = (bytes[from + 5]! & 3) * 2 ** 32 + readUint32(bytes, from + 6);
      return new Date(seconds * 1000 + nanoseconds / 1e6);
    }
    default:
      return new Date(readInt64(from + 7) * 1000 + readUint32(bytes, from + 3) / 1e6);
  }
}

/** Moves on over `length` bytes; returns where they begin. */
function pass(length: number): number {
  const from = at;
  if (length > end - from) throw new MsgpackError('a length runs past the end');
  at = from + length;
  return from;
}

/** @param size 0, 1, 2: of one, two, four bytes. */
function readLength(size: number): number {
  if (size === 0) return bytes[pass(1)]!;
  return size === 1 ? readUint16(bytes, pass(2)) : readUint32(bytes, pass(4));
}

function readBin(length: number): Uint8Array {
  const from = pass(length);
  return bytes.subarray(from, at);
}

function readText(length: number): string {
  const from = pass(length);
  if (length > SHORT_TEXT_BYTES) return decodeText(from);
  let text = '';
  for (let i = from; i < at; i++) {
    const unit = bytes[i]!;
    if (unit >= 0x80) return decodeText(from);
    text += String.fromCharCode(unit);
  }
  return text;
}

function decodeText(from: number): string {
  return utf8Slice ? utf8Slice.call(bytes, from, at) : utf8Reader.decode(bytes.subarray(from, at));
}

function readArray(count: number): unknown[] {
  enter(count);
  // Grown as items come: a claimed count costs nothing.
  const items: unknown[] = [];
  for (let i = 0; i < count; i++) items.push(read());
  depth--;
  return items;
}

function readMap(count: number): Record<string, unknown> {
  enter(count * 2);
  const map: Record<string, unknown> = {};
  for (let i = 0; i < count; i++) {
    const key = readKey();
    // Set, that name would not become a member but the prototype.
    map[key === '__proto__' ? '__proto_' : key] = read();
  }
  depth--;
  return map;
}

/** Every value takes a byte at least, so a claimed count beyond the bytes left is refused before any loop. */
function enter(values: number): void {
  if (depth >= MAX_NESTING) throw new MsgpackError(`nested deeper than ${MAX_NESTING}`);
  if (values > end - at) throw new MsgpackError('a length runs past the end');
  depth++;
}

function readKey(): string {
  const head = at < end ? bytes[at]! : 0;
  const length = head & 0x1f;
  if (head < 0xa0 || head >= 0xc0) return nameOf(read());
  at++;
  const from = pass(length);
  let hash = length;
  for (let i = from; i < at; i++) hash = (hash * 31 + bytes[i]!) & (KNOWN_KEYS - 1);
  const known = knownKeys[hash]!;
  if (known.length === length && isAt(known, from)) return known;
  at = from;
  const key = readText(length);
  // Only ASCII has as many characters as bytes.
  if (key.length === length) knownKeys[hash] = key;
  return key;
}

function isAt(text: string, from: number): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) !== bytes[from + i]) return false;
  return true;
}

function nameOf(key: unknown): string {
  if (typeof key === 'object' && key !== null) throw new MsgpackError('a key of a map is no simple value');
  return String(key);
}
