/**
 * Reads a publish frame in its usual msgpack form straight from the bytes: the one client frame that comes a hundred
 * thousand times a second. Whatever is unusual (other number types, meta, an expected cursor, further elements, anything malformed) it
 * leaves to the layouts, which read the same and say what is wrong. Called by the codec only.
 */
import { MAX_PUBLISH_ENTRIES, type Publish, type PublishEntry } from './frames.ts';
import { readText, readUint16, readUint32 } from './msgpack-bytes.ts';
import type { RecordInput } from './terms.ts';

/** Where the last call of a read function ended; −1 once something unusual was met. */
let at = 0;

/** The frame, its payloads views of `bytes`; undefined when it takes the slow way. */
export function readPublish(bytes: Uint8Array): Publish | undefined {
  if (bytes[0] !== 0x94 || bytes[1] !== 0x04) return undefined;
  at = 2;
  const id = readUint(bytes);
  const ack = readAck(bytes);
  if (at < 0 || (ack !== 'memory' && ack !== 'disk')) return undefined;
  const count = readArray(bytes);
  if (count > MAX_PUBLISH_ENTRIES) return undefined;
  const entries: PublishEntry[] = [];
  for (let i = 0; i < count && at >= 0; i++) {
    const entry = readEntry(bytes);
    if (entry) entries.push(entry);
  }
  if (at !== bytes.length || entries.length === 0) return undefined;
  return { op: 'publish', id, ack, entries };
}

function readEntry(bytes: Uint8Array): PublishEntry | undefined {
  const elements = readArray(bytes);
  if (elements < 2 || elements > 4) return unusual();
  const channel = readName(bytes);
  const count = at < 0 ? 0 : readArray(bytes);
  const records: RecordInput[] = [];
  for (let i = 0; i < count && at >= 0; i++) {
    const record = readRecord(bytes);
    if (record) records.push(record);
  }
  if (records.length === 0) return unusual();
  if (elements === 2) return { channel, records };
  const sequence = at < 0 ? 0 : readUint(bytes);
  if (elements === 3) return { channel, records, sequence };
  const first = bytes[at];
  if (first !== 0xc2 && first !== 0xc3) return unusual();
  at++;
  return { channel, records, sequence, first: first === 0xc3 };
}

function readRecord(bytes: Uint8Array): RecordInput | undefined {
  if (bytes[at] !== 0x93) return unusual();
  at++;
  let key: string | null = null;
  if (bytes[at] === 0xc0) at++;
  else key = readString(bytes);
  if (at < 0 || bytes[at] !== 0xc0) return unusual();
  at++;
  const payload = readBin(bytes);
  return payload && { key, meta: null, payload };
}

function readBin(bytes: Uint8Array): Uint8Array | undefined {
  const head = bytes[at];
  let start: number;
  let length: number;
  if (head === 0xc4) {
    start = at + 2;
    length = bytes[at + 1]!;
  } else if (head === 0xc5) {
    start = at + 3;
    length = readUint16(bytes, at + 1);
  } else if (head === 0xc6) {
    start = at + 5;
    length = readUint32(bytes, at + 1);
  } else {
    return unusual();
  }
  // Also false for a length that was cut short and so is not a number.
  if (!(start + length <= bytes.length)) return unusual();
  at = start + length;
  return bytes.subarray(start, at);
}

/** An ack level, without making a string of it. */
function readAck(bytes: Uint8Array): string {
  const length = bytes[at]! & 0x1f;
  for (const ack of ['memory', 'disk']) {
    if (bytes[at] === (0xa0 | ack.length) && isText(bytes, at + 1, at + 1 + length, ack)) {
      at += 1 + length;
      return ack;
    }
  }
  return readString(bytes);
}

/** Names that came before, by what their bytes add up to: the next of the same name makes no string. */
const NAME_SLOTS = 16_384;
const names: (string | undefined)[] = new Array(NAME_SLOTS).fill(undefined);

/** A str as {@link readString}, that is likely to come again. */
function readName(bytes: Uint8Array): string {
  const head = bytes[at]!;
  const short = head >= 0xa0 && head < 0xc0;
  const start = short ? at + 1 : at + 2;
  const end = start + (short ? head & 0x1f : head === 0xd9 ? bytes[at + 1]! : Number.NaN);
  if (!(end <= bytes.length)) return readString(bytes);
  let sum = 0;
  for (let i = start; i < end; i++) sum = (Math.imul(sum, 31) + bytes[i]!) | 0;
  const slot = sum & (NAME_SLOTS - 1);
  const known = names[slot];
  if (known !== undefined && isText(bytes, start, end, known)) {
    at = end;
    return known;
  }
  const name = readString(bytes);
  if (at >= 0) names[slot] = name;
  return name;
}

function isText(bytes: Uint8Array, start: number, end: number, text: string): boolean {
  if (text.length !== end - start) return false;
  for (let i = start; i < end; i++) if (bytes[i] !== text.charCodeAt(i - start)) return false;
  return true;
}

/** A str of up to 255 bytes of ASCII. */
function readString(bytes: Uint8Array): string {
  const head = bytes[at]!;
  const short = head >= 0xa0 && head < 0xc0;
  const start = short ? at + 1 : at + 2;
  const length = short ? head & 0x1f : head === 0xd9 ? bytes[at + 1]! : Number.NaN;
  if (!(start + length <= bytes.length)) {
    at = -1;
    return '';
  }
  for (let i = start; i < start + length; i++) {
    if (bytes[i]! >= 0x80) {
      at = -1;
      return '';
    }
  }
  at = start + length;
  return readText(bytes, start, length);
}

function readUint(bytes: Uint8Array): number {
  const head = bytes[at]!;
  const size = head < 0x80 ? 0 : head === 0xcc ? 1 : head === 0xcd ? 2 : head === 0xce ? 4 : Number.NaN;
  if (!(at + 1 + size <= bytes.length)) {
    at = -1;
    return 0;
  }
  const from = at + 1;
  at = from + size;
  if (size === 0) return head;
  return size === 1 ? bytes[from]! : size === 2 ? readUint16(bytes, from) : readUint32(bytes, from);
}

/** The count of an array; 0 for anything else, which is then unusual. */
function readArray(bytes: Uint8Array): number {
  const head = bytes[at]!;
  if (head >= 0x90 && head < 0xa0) {
    at++;
    return head & 0x0f;
  }
  // A claimed count needs no bound of its own: the loop ends where the bytes do.
  if (head === 0xdc && at + 3 <= bytes.length) {
    at += 3;
    return readUint16(bytes, at - 2);
  }
  at = -1;
  return 0;
}

function unusual(): undefined {
  at = -1;
  return undefined;
}
