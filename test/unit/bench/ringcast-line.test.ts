import { describe, expect, it } from 'vitest';
import { msgpackCodec } from '../../../shared/codec.ts';
import { decodeValue } from '../../../shared/msgpack.ts';
import { RunReader } from '../../../shared/record-run.ts';
import { recordPayload, recordRun } from '../../bench/marker-record.ts';
import { publishedCount } from '../../bench/wire/ringcast-line.ts';

describe('publishedCount', () => {
  it.each([1, 15, 16, 65_535, 65_536])('reads %i answers as the codec writes them', (length) => {
    const answers = Array.from({ length }, (_, i) => ({ id: 65_536 + i, epoch: 1, firstOffsets: [i + 1] }));
    const frame = Buffer.from(msgpackCodec.encodeServer({ op: 'published', answers }));
    expect(publishedCount(frame)).toBe(length);
  });

  it('is 0 for another frame', () => {
    expect(publishedCount(Buffer.from(msgpackCodec.encodeServer({ op: 'publish-credit', bytes: 5 })))).toBe(
      0,
    );
  });
});

describe('recordRun', () => {
  it('is records as the log holds them, each with one msgpack value of the length asked for', () => {
    const reader = new RunReader(recordRun(100, 3));
    let count = 0;
    while (reader.next()) {
      count++;
      expect(reader.key).toBeNull();
      expect(reader.meta).toBeNull();
      expect(Buffer.compare(reader.payload, recordPayload(100))).toBe(0);
      expect(decodeValue(reader.payload, { timestamps: true })).toHaveLength(98);
    }
    expect(count).toBe(3);
  });
});
