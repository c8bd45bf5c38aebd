/**
 * Frames ⇄ bytes as JSON, for hubs. Driven by the layouts; records of a run become objects one by one. Called by codec.ts.
 */
import type { AnyLayout } from './client-codec.ts';
import { CLIENT_LAYOUTS } from './client-layouts.ts';
import { RingcastError } from './errors.ts';
import { SERVER_LAYOUTS } from './frame-layouts.ts';
import type { CarriesRun, ClientFrame, ServerFrame, SUBPROTOCOLS } from './frames.ts';
import { jsonForm, payloadToJson } from './json-form.ts';
import { RunReader } from './record-run.ts';
import type { RecordMeta } from './terms.ts';
import { readValue } from './value-reader.ts';

export type CodecForm = keyof typeof SUBPROTOCOLS;

export interface Codec {
  readonly form: CodecForm;
  encodeClient(frame: ClientFrame): Uint8Array;
  decodeClient(bytes: Uint8Array): ClientFrame;
  encodeServer(frame: ServerFrame): Uint8Array;
  decodeServer(bytes: Uint8Array): ServerFrame | undefined;
}

const clientLayouts = CLIENT_LAYOUTS as unknown as Readonly<Record<string, AnyLayout>>;
const serverLayouts = SERVER_LAYOUTS as unknown as Readonly<Record<string, AnyLayout>>;
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
    return { ...clientLayouts[op]!.kind.read(source, op, jsonForm), op } as ClientFrame;
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
    return { ...layout.kind.read(source, source.op, jsonForm), op: source.op } as ServerFrame;
  },
};

function encodeObject(layout: AnyLayout, frame: { op: string }, more: object = {}): Uint8Array {
  return utf8.encode(
    JSON.stringify({ op: frame.op, ...(layout.kind.write(frame, jsonForm) as object), ...more }),
  );
}

function jsonRecords(
  frame: CarriesRun & ({ firstOffset: number } | { offsets: readonly number[] }),
): object[] {
  const records: object[] = [];
  for (const reader = new RunReader(frame.run); reader.next(); ) {
    const index = records.length;
    const offset = 'offsets' in frame ? frame.offsets[index] : frame.firstOffset + index;
    const meta =
      reader.meta === null ? null : (readValue(reader.meta, 0, reader.meta.length, false) as RecordMeta);
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

/** Says only what is short: the opcode comes from outside, and may be a value as large as the frame. */
export function unknownOpcode(opcode: unknown): RingcastError {
  const short = typeof opcode === 'number' || (typeof opcode === 'string' && opcode.length <= 64);
  const name = short ? JSON.stringify(opcode) : 'without a readable opcode';
  return new RingcastError('unknown-opcode', `this hub knows no frame ${name}`);
}
