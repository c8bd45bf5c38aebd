/**
 * Frames ⇄ bytes, in the two forms of protocol v1. Both are driven by the layouts of frames.ts; only frames that
 * carry a run are put together by hand, so that their records are copied as they are.
 *
 * Decoding throws RingcastError: `bad-frame` for what is malformed, `unknown-opcode` for a client frame of a kind not
 * known here. Unknown server frames are `undefined`: a later hub may send them, and a client passes them over.
 */
import { readBatch } from './batch-reader.ts';
import { RingcastError } from './errors.ts';
import { CLIENT_LAYOUTS, type Layout, SERVER_LAYOUTS } from './frame-layouts.ts';
import type { CarriesRun, ClientFrame, ServerFrame, SUBPROTOCOLS } from './frames.ts';
import { decodeValue, encodeValue } from './msgpack.ts';
import { MsgpackError, readUint16, readUint32, skipValue } from './msgpack-bytes.ts';
import { readPublish } from './publish-reader.ts';
import { writePublished } from './published-writer.ts';
import { RunReader, writeRunHeader } from './record-run.ts';
import type { RecordMeta } from './terms.ts';
import { payloadToJson } from './wire-kinds.ts';

export type CodecForm = keyof typeof SUBPROTOCOLS;

export interface Codec {
  readonly form: CodecForm;
  encodeClient(frame: ClientFrame): Uint8Array;
  decodeClient(bytes: Uint8Array): ClientFrame;
  encodeServer(frame: ServerFrame): Uint8Array;
  decodeServer(bytes: Uint8Array): ServerFrame | undefined;
}

type AnyLayout = Layout<{ op: string }>;
const clientLayouts = CLIENT_LAYOUTS as unknown as Readonly<Record<string, AnyLayout>>;
const serverLayouts = SERVER_LAYOUTS as unknown as Readonly<Record<string, AnyLayout>>;
const clientOps = new Map(Object.entries(clientLayouts).map(([op, { opcode }]) => [opcode, op]));
const serverOps = new Map(Object.entries(serverLayouts).map(([op, { opcode }]) => [opcode, op]));

// msgpack ------------------------------------------------------------------------------------------------------------

export const msgpackCodec: Codec = {
  form: 'msgpack',
  encodeClient: (frame) => encodeArray(clientLayouts[frame.op]!, frame),
  encodeServer(frame) {
    if (frame.op === 'published') return writePublished(frame);
    const layout = serverLayouts[frame.op]!;
    const header = encodeArray(layout, frame);
    return 'run' in frame ? appendRun(header, frame) : header;
  },
  decodeClient(bytes) {
    const publish = readPublish(bytes);
    if (publish) return publish;
    const items = arrayOf(bytes);
    const op = clientOps.get(items[0] as number);
    if (!op) throw unknownOpcode(items[0]);
    return { ...clientLayouts[op]!.kind.fromWire(items.slice(1), op), op } as ClientFrame;
  },
  decodeServer(bytes) {
    const batch = readBatch(bytes);
    if (batch) return batch;
    const op = serverOps.get(bytes[1]!);
    if (op && serverLayouts[op]!.carriesRun) return decodeRunFrame(op, bytes);
    const items = arrayOf(bytes);
    const known = serverOps.get(items[0] as number);
    if (!known) return undefined;
    if (serverLayouts[known]!.carriesRun) {
      throw new RingcastError('bad-frame', `${known} must begin with a one-byte array header and its opcode`);
    }
    return { ...serverLayouts[known]!.kind.fromWire(items.slice(1), known), op: known } as ServerFrame;
  },
};

function encodeArray(layout: AnyLayout, frame: object): Uint8Array {
  return encodeValue([layout.opcode, ...(layout.kind.toWire(frame) as unknown[])]);
}

/** The header is an array of fewer than 15 elements: one more is one more in its first byte. */
function appendRun(header: Uint8Array, { count, run }: CarriesRun): Uint8Array {
  const bytes = new Uint8Array(header.length + 5 + run.length);
  bytes.set(header);
  bytes[0]! += 1;
  bytes.set(run, writeRunHeader(bytes, header.length, count));
  return bytes;
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
    const items = (decodeValue(header, { timestamps: false }) as unknown[]).slice(1);
    const { count, start } = runStart(bytes, at);
    const fields = serverLayouts[op]!.kind.fromWire(items, op) as { count: number; offsets?: unknown[] };
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

function arrayOf(bytes: Uint8Array): unknown[] {
  const value = guarded(() => decodeValue(bytes, { timestamps: false }));
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

/** Says only what is short: the opcode comes from outside, and may be a value as large as the frame. */
function unknownOpcode(opcode: unknown): RingcastError {
  const short = typeof opcode === 'number' || (typeof opcode === 'string' && opcode.length <= 64);
  const name = short ? JSON.stringify(opcode) : 'without a readable opcode';
  return new RingcastError('unknown-opcode', `this hub knows no frame ${name}`);
}

// JSON ---------------------------------------------------------------------------------------------------------------

const utf8 = new TextEncoder();
const utf8Reader = new TextDecoder('utf-8', { fatal: true });

export const jsonCodec: Codec = {
  form: 'json',
  encodeClient: (frame) => encodeObject(clientLayouts[frame.op]!, frame),
  encodeServer: (frame) =>
    encodeObject(serverLayouts[frame.op]!, frame, 'run' in frame ? { records: jsonRecords(frame) } : {}),
  decodeClient(bytes) {
    const source = objectOf(bytes);
    const layout = typeof source.op === 'string' && Object.hasOwn(clientLayouts, source.op);
    if (!layout) throw unknownOpcode(source.op);
    const op = source.op as string;
    return { ...clientLayouts[op]!.kind.fromJson(source, op), op } as ClientFrame;
  },
  decodeServer(bytes) {
    const source = objectOf(bytes);
    if (typeof source.op !== 'string' || !Object.hasOwn(serverLayouts, source.op)) return undefined;
    const layout = serverLayouts[source.op]!;
    if (layout.carriesRun) {
      // The hub never reads these, and the SDK speaks msgpack.
      throw new RingcastError(
        'bad-frame',
        `the JSON form of ${source.op} is for reading as JSON, not for this codec`,
      );
    }
    return { ...layout.kind.fromJson(source, source.op), op: source.op } as ServerFrame;
  },
};

function encodeObject(layout: AnyLayout, frame: { op: string }, more: object = {}): Uint8Array {
  return utf8.encode(JSON.stringify({ op: frame.op, ...(layout.kind.toJson(frame) as object), ...more }));
}

function jsonRecords(
  frame: CarriesRun & ({ firstOffset: number } | { offsets: readonly number[] }),
): object[] {
  const records: object[] = [];
  for (const reader = new RunReader(frame.run); reader.next(); ) {
    const index = records.length;
    const offset = 'offsets' in frame ? frame.offsets[index] : frame.firstOffset + index;
    const meta =
      reader.meta === null ? null : (decodeValue(reader.meta, { timestamps: false }) as RecordMeta);
    records.push({
      offset,
      timeMs: reader.timeMs,
      key: reader.key,
      meta,
      ...payloadToJson(reader.payload),
    });
  }
  return records;
}

function objectOf(bytes: Uint8Array): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(utf8Reader.decode(bytes));
  } catch (cause) {
    throw new RingcastError('bad-frame', 'a frame must be one JSON object in UTF-8', { cause });
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new RingcastError('bad-frame', 'a frame must be a JSON object {"op": …}');
  }
  return value as Record<string, unknown>;
}

export function codecOf(form: CodecForm): Codec {
  return form === 'msgpack' ? msgpackCodec : jsonCodec;
}
