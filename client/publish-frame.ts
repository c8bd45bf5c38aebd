/**
 * A publish frame's bytes, put together from records that are written already (layout: PROTOCOL.md, publish). Called by the
 * publisher.
 */
import { writeUint } from '../shared/msgpack-bytes.ts';
import { type Cursor, formatCursor } from '../shared/terms.ts';
import { writeCount, writeString } from '../shared/value-writer.ts';
import type { WrittenRecord } from './record-writer.ts';

const PUBLISH_OPCODE = 0x04;
/** Beside the records, at most: of the frame, and of an entry beside its channel. */
const FRAME_BYTES = 32;
const ENTRY_BYTES = 64;

/** What a frame publishes to one channel; without a sequence where no acknowledgement is wanted. */
export interface FrameEntry {
  readonly channel: string;
  readonly records: readonly WrittenRecord[];
  readonly sequence: number | undefined;
  readonly first: boolean;
  readonly expectedCursor: Cursor | undefined;
}

/** @param firstSentMs undefined for a frame that was never sent before. */
export function publishFrame(
  id: number,
  ack: 'memory' | 'disk',
  entries: readonly FrameEntry[],
  firstSentMs: number | undefined,
): Uint8Array {
  const bytes = new Uint8Array(entries.reduce((sum, entry) => sum + roomFor(entry), FRAME_BYTES));
  bytes[0] = firstSentMs === undefined ? 0x94 : 0x95;
  bytes[1] = PUBLISH_OPCODE;
  let at = writeString(bytes, writeUint(bytes, 2, id), ack);
  at = writeCount(bytes, at, entries.length, 0x90, 0xdc);
  for (const entry of entries) at = writeEntry(bytes, at, entry);
  if (firstSentMs !== undefined) at = writeUint(bytes, at, firstSentMs);
  return bytes.subarray(0, at);
}

function roomFor({ channel, records }: FrameEntry): number {
  let room = ENTRY_BYTES + channel.length * 3;
  for (let i = 0; i < records.length; i++) room += records[i]!.end - records[i]!.start;
  return room;
}

function writeEntry(bytes: Uint8Array, at: number, entry: FrameEntry): number {
  const { channel, records, sequence, first, expectedCursor } = entry;
  const elements = sequence === undefined ? 2 : expectedCursor ? 5 : first ? 4 : 3;
  bytes[at] = 0x90 | elements;
  let next = writeString(bytes, at + 1, channel);
  next = writeCount(bytes, next, records.length, 0x90, 0xdc);
  next = copyRecords(bytes, next, records);
  if (sequence === undefined) return next;
  next = writeUint(bytes, next, sequence);
  if (elements > 3) bytes[next++] = first ? 0xc3 : 0xc2;
  return expectedCursor ? writeString(bytes, next, formatCursor(expectedCursor)) : next;
}

/** Those that lie one behind the other in one go. */
function copyRecords(bytes: Uint8Array, at: number, records: readonly WrittenRecord[]): number {
  let next = at;
  for (let i = 0; i < records.length; ) {
    const { chunk, start } = records[i]!;
    let { end } = records[i++]!;
    while (i < records.length && records[i]!.chunk === chunk && records[i]!.start === end)
      end = records[i++]!.end;
    bytes.set(chunk.subarray(start, end), next);
    next += end - start;
  }
  return next;
}
