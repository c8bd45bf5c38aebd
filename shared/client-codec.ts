/**
 * Bytes → frames as msgpack, of what a client is sent; what it sends is request-writer's. Written
 * so that the SDK for browsers needs no library for it. Driven by the layouts; only frames that carry a run are taken apart
 * by hand, so that their records stay as they are. Called by the SDK's connection, and by codec.ts.
 *
 * Decoding throws RingcastError `bad-frame` for what is malformed. Unknown frames are `undefined`: a later hub may send
 * them, and a client passes them over.
 */
import { readBatch } from './batch-reader.ts';
import { RingcastError } from './errors.ts';
import { type Layout, SERVER_LAYOUTS } from './frame-layouts.ts';
import type { ServerFrame } from './frames.ts';
import { MsgpackError, readUint16, readUint32, skipValue } from './msgpack-bytes.ts';
import { readValue } from './value-reader.ts';
import { wireForm } from './wire-kinds.ts';

export type AnyLayout = Layout<{ op: string }>;
const serverLayouts = SERVER_LAYOUTS as unknown as Readonly<Record<string, AnyLayout>>;
const serverOps = new Map(Object.entries(serverLayouts).map(([op, { opcode }]) => [opcode, op]));

export function decodeServer(bytes: Uint8Array): ServerFrame | undefined {
  const batch = readBatch(bytes);
  if (batch) return batch;
  const op = serverOps.get(bytes[1]!);
  if (op && serverLayouts[op]!.carriesRun) return decodeRunFrame(op, bytes);
  const items = arrayOf(bytes);
  const known = serverOps.get(items[0] as number);
  if (!known) return undefined;
  if (serverLayouts[known]!.carriesRun) {
    throw new RingcastError('bad-frame', `${known} must begin with one byte and its opcode`);
  }
  return decodeArray(serverLayouts[known]!, items, known) as ServerFrame;
}

/** @param items with the opcode. */
export function decodeArray(layout: AnyLayout, items: readonly unknown[], op: string): object {
  return { ...layout.kind.read(items.slice(1), op, wireForm), op };
}

function decodeRunFrame(op: string, bytes: Uint8Array): ServerFrame {
  return guarded(() => {
    const elements = bytes[0]! & 0x0f;
    if ((bytes[0]! & 0xf0) !== 0x90 || elements < 3) throw new MsgpackError('not an array of a few elements');
    let at = 1;
    for (let i = 1; i < elements; i++) at = skipValue(bytes, at, bytes.length);
    // A copy even of a Node Buffer, whose own slice() is a view: what the caller handed in stays as it was.
    const header = new Uint8Array(bytes.subarray(0, at));
    header[0]! -= 1;
    const items = (readValue(header, 0, at, false) as unknown[]).slice(1);
    const { count, start } = runStart(bytes, at);
    const fields = serverLayouts[op]!.kind.read(items, op, wireForm) as {
      count: number;
      offsets?: unknown[];
    };
    if (fields.count !== count) throw new MsgpackError('the count is not that of the records');
    if (fields.offsets && fields.offsets.length !== count)
      throw new MsgpackError('not an offset for each record');
    return { ...fields, run: bytes.subarray(start), op } as unknown as ServerFrame;
  });
}

function runStart(bytes: Uint8Array, at: number): { count: number; start: number } {
  const head = bytes[at]!;
  const end = bytes.length;
  if (head >= 0x90 && head < 0xa0) return { count: head & 0x0f, start: at + 1 };
  if (head === 0xdc && at + 3 <= end) return { count: readUint16(bytes, at + 1), start: at + 3 };
  if (head === 0xdd && at + 5 <= end) return { count: readUint32(bytes, at + 1), start: at + 5 };
  throw new MsgpackError('the records are not an array');
}

export function arrayOf(bytes: Uint8Array): unknown[] {
  const value = guarded(() => readValue(bytes, 0, bytes.length, false));
  if (!Array.isArray(value) || value.length === 0) {
    throw new RingcastError('bad-frame', 'a frame must be a msgpack array [opcode, …]');
  }
  return value;
}

function guarded<T>(read: () => T): T {
  try {
    return read();
  } catch (cause) {
    if (cause instanceof MsgpackError) {
      throw new RingcastError('bad-frame', `a frame must be one msgpack value: ${cause.message}`, { cause });
    }
    throw cause;
  }
}
