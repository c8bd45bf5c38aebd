/**
 * Frames ⇄ bytes, in the two forms of protocol v1: the whole of it, for hubs. Both are driven by the layouts; only frames
 * that carry a run are put together by hand, so that their records are copied as they are.
 *
 * Decoding throws RingcastError: `bad-frame` for what is malformed, `unknown-opcode` for a client frame of a kind not
 * known here. Unknown server frames are `undefined`.
 */
import { type AnyLayout, arrayOf, decodeArray, decodeServer } from './client-codec.ts';
import { CLIENT_LAYOUTS } from './client-layouts.ts';
import { SERVER_LAYOUTS } from './frame-layouts.ts';
import type { CarriesRun, ClientFrame } from './frames.ts';
import { type Codec, type CodecForm, jsonCodec, unknownOpcode } from './json-codec.ts';
import { readPublish } from './publish-reader.ts';
import { writePublished } from './published-writer.ts';
import { writeRunHeader } from './record-run.ts';
import { valueBytes } from './value-writer.ts';
import { wireForm } from './wire-kinds.ts';

export { type Codec, type CodecForm, jsonCodec };

const clientLayouts = CLIENT_LAYOUTS as unknown as Readonly<Record<string, AnyLayout>>;
const serverLayouts = SERVER_LAYOUTS as unknown as Readonly<Record<string, AnyLayout>>;
const clientOps = new Map(Object.entries(clientLayouts).map(([op, { opcode }]) => [opcode, op]));

export const msgpackCodec: Codec = {
  form: 'msgpack',
  encodeClient: (frame) => encodeArray(clientLayouts[frame.op]!, frame),
  encodeServer(frame) {
    if (frame.op === 'published') return writePublished(frame);
    const header = encodeArray(serverLayouts[frame.op]!, frame);
    return 'run' in frame ? appendRun(header, frame) : header;
  },
  decodeClient(bytes) {
    const publish = readPublish(bytes);
    if (publish) return publish;
    const items = arrayOf(bytes);
    const op = clientOps.get(items[0] as number);
    if (!op) throw unknownOpcode(items[0]);
    return decodeArray(clientLayouts[op]!, items, op) as ClientFrame;
  },
  decodeServer,
};

function encodeArray(layout: AnyLayout, frame: object): Uint8Array {
  return valueBytes([layout.opcode, ...(layout.kind.write(frame, wireForm) as unknown[])]);
}

/** The header is an array of fewer than 15 elements: one more is one more in its first byte. */
function appendRun(header: Uint8Array, { count, run }: CarriesRun): Uint8Array {
  const bytes = new Uint8Array(header.length + 5 + run.length);
  bytes.set(header);
  bytes[0]! += 1;
  bytes.set(run, writeRunHeader(bytes, header.length, count));
  return bytes;
}

export function codecOf(form: CodecForm): Codec {
  return form === 'msgpack' ? msgpackCodec : jsonCodec;
}
