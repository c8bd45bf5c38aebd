/**
 * Writes a `published` frame straight into bytes: under a load of acknowledged publishes it holds hundreds of answers, and
 * comes as often as a batch does. The layouts write and read the same. Called by the codec only.
 */
import type { Published } from './frames.ts';
import { writeUint, writeUint32 } from './msgpack-bytes.ts';

const PUBLISHED_OPCODE = 0x46;
/** Opcode, and an array32 header. */
const HEADER_BYTES = 1 + 1 + 5;
/** Of an answer beside its offsets: two array headers (one array16), two integers. */
const ANSWER_BYTES = 1 + 9 + 9 + 3;
const UINT_BYTES = 9;

export function writePublished({ answers }: Published): Uint8Array {
  let maxBytes = HEADER_BYTES;
  for (const { firstOffsets } of answers) maxBytes += ANSWER_BYTES + UINT_BYTES * firstOffsets.length;
  const bytes = new Uint8Array(maxBytes);
  bytes[0] = 0x92;
  bytes[1] = PUBLISHED_OPCODE;
  let at = writeArray(bytes, 2, answers.length);
  for (const { id, epoch, firstOffsets } of answers) {
    bytes[at] = 0x93;
    at = writeUint(bytes, at + 1, id);
    at = writeUint(bytes, at, epoch);
    at = writeArray(bytes, at, firstOffsets.length);
    for (const offset of firstOffsets) {
      if (offset === null) bytes[at++] = 0xc0;
      else at = writeUint(bytes, at, offset);
    }
  }
  return bytes.subarray(0, at);
}

function writeArray(bytes: Uint8Array, at: number, count: number): number {
  if (count < 16) {
    bytes[at] = 0x90 | count;
    return at + 1;
  }
  if (count < 0x10000) {
    bytes[at] = 0xdc;
    bytes[at + 1] = count >>> 8;
    bytes[at + 2] = count;
    return at + 3;
  }
  bytes[at] = 0xdd;
  writeUint32(bytes, at + 1, count);
  return at + 5;
}
