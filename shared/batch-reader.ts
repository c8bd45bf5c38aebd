/**
 * Reads the header of a batch as hubs write it (record-run.ts) straight from the bytes: the frame that a live reader gets
 * with each record or few. Whatever is unusual it leaves to the layouts, which read the same and say what is wrong. Called
 * by the codec only.
 */
import type { Batch } from './frames.ts';
import { readUint16, readUint32, readUint64 } from './msgpack-bytes.ts';
import { BATCH_OPCODE } from './record-run.ts';

/** Where the last call of {@link readUint} ended; NaN once something unusual was met. */
let at = 0;

/** The frame, its run a view of `bytes`; undefined when it takes the slow way. */
export function readBatch(bytes: Uint8Array): Batch | undefined {
  if (bytes[0] !== 0x97 || bytes[1] !== BATCH_OPCODE) return undefined;
  at = 2;
  const channelNumber = readUint(bytes);
  const epoch = readUint(bytes);
  const prevOffset = readUint(bytes);
  const firstOffset = readUint(bytes);
  const count = readUint(bytes);
  const start = at + 5;
  if (!(start <= bytes.length) || bytes[at] !== 0xdd || readUint32(bytes, at + 1) !== count) return undefined;
  return {
    op: 'batch',
    channelNumber,
    epoch,
    prevOffset,
    firstOffset,
    count,
    run: bytes.subarray(start),
  };
}

function readUint(bytes: Uint8Array): number {
  const from = at + 1;
  switch (bytes[at]) {
    case 0xcc:
      at += 2;
      return bytes[from]!;
    case 0xcd:
      at += 3;
      return readUint16(bytes, from);
    case 0xce:
      at += 5;
      return readUint32(bytes, from);
    case 0xcf:
      // No more than 2^53 − 1.
      at = bytes[from] === 0 && bytes[from + 1]! < 0x20 ? at + 9 : Number.NaN;
      return readUint64(bytes, from);
    default: {
      const value = bytes[at]!;
      at = value < 0x80 ? at + 1 : Number.NaN;
      return value;
    }
  }
}
