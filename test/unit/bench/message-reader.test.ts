import { describe, expect, it } from 'vitest';
import { MessageReader } from '../../bench/wire/message-reader.ts';

/** As a server sends it. */
function serverFrame(payload: Buffer): Buffer {
  const { length } = payload;
  if (length < 126) return Buffer.concat([Buffer.of(0x82, length), payload]);
  if (length < 65_536) return Buffer.concat([Buffer.of(0x82, 126, length >> 8, length & 255), payload]);
  const head = Buffer.from([0x82, 127, 0, 0, 0, 0, 0, 0, 0, 0]);
  head.writeUInt32BE(length, 6);
  return Buffer.concat([head, payload]);
}

function read(bytes: Buffer, pieceBytes: number): number[] {
  const lengths: number[] = [];
  const reader = new MessageReader((payload) => lengths.push(payload.length));
  for (let at = 0; at < bytes.length; at += pieceBytes) reader.take(bytes.subarray(at, at + pieceBytes));
  return lengths;
}

describe('MessageReader', () => {
  const lengths = [0, 1, 125, 126, 65_535, 65_536, 3];
  const bytes = Buffer.concat(lengths.map((length) => serverFrame(Buffer.alloc(length, 7))));

  it.each([1, 3, 1000, 1_000_000])('finds messages of every length in pieces of %i bytes', (pieceBytes) => {
    expect(read(bytes, pieceBytes)).toEqual(lengths);
  });

  it('keeps what is cut off, though the buffer that it came in is written over', () => {
    const found: string[] = [];
    const reader = new MessageReader((payload) => found.push(payload.toString()));
    const piece = serverFrame(Buffer.from('one'));
    const buffer = Buffer.from(piece.subarray(0, 4));
    reader.take(buffer);
    buffer.fill(0);
    reader.take(piece.subarray(4));
    expect(found).toEqual(['one']);
  });
});
