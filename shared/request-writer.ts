/**
 * What clients send, but for `publish`, as msgpack: the same bytes as by the layouts (client-layouts.ts), which carry all
 * that reads it along. Called by the SDK's connection.
 */
import type { RequestFrame } from './frames.ts';
import { formatCursor } from './terms.ts';
import { valueBytes } from './value-writer.ts';
import { writeFrom } from './wire-kinds.ts';

/** Its opcode, and its fields in the order of the wire. */
const REQUESTS: {
  readonly [F in RequestFrame as F['op']]: readonly [
    opcode: number,
    ...fields: readonly Exclude<keyof F, 'op'>[],
  ];
} = {
  hello: [0x01, 'token', 'client', 'features', 'producerId'],
  subscribe: [0x02, 'id', 'channel', 'from', 'options'],
  unsubscribe: [0x03, 'id', 'channelNumber'],
  pull: [0x05, 'id', 'channel', 'from', 'limit', 'reverse', 'upTo', 'durable'],
  credit: [0x06, 'channelNumber', 'bytes'],
  refresh: [0x07, 'id', 'token'],
  ping: [0x08, 'id'],
};

export function encodeRequest(frame: RequestFrame): Uint8Array {
  const [opcode, ...fields] = REQUESTS[frame.op];
  const items: unknown[] = [opcode];
  for (const field of fields) {
    const value: unknown = frame[field as keyof RequestFrame];
    // Left off the end of the array.
    if (value !== undefined) items.push(value);
  }
  if ('from' in frame) items[3] = writeFrom(frame.from);
  if ('upTo' in frame && frame.upTo) items[6] = formatCursor(frame.upTo);
  return valueBytes(items);
}
