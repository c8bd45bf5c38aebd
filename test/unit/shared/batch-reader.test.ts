import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readBatch } from '../../../shared/batch-reader.ts';
import { msgpackCodec } from '../../../shared/codec.ts';
import type { Batch } from '../../../shared/frames.ts';
import { BATCH_HEADER_MAX_BYTES, writeBatchHeader } from '../../../shared/record-run.ts';
import { anyUint } from './wire-arbitraries.ts';

function write(fields: Omit<Batch, 'op' | 'run'>, run: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(BATCH_HEADER_MAX_BYTES + run.length);
  const { channelNumber, epoch, prevOffset, firstOffset, count } = fields;
  const at = writeBatchHeader(bytes, 0, channelNumber, epoch, prevOffset, firstOffset, count);
  bytes.set(run, at);
  return bytes.subarray(0, at + run.length);
}

const numbers = fc.record({
  channelNumber: anyUint,
  epoch: anyUint,
  prevOffset: anyUint,
  firstOffset: anyUint,
  count: fc.nat(2 ** 32 - 1),
});

describe('readBatch', () => {
  it('reads every header that a hub writes', () => {
    fc.assert(
      fc.property(numbers, fc.uint8Array({ maxLength: 20 }), (fields, run) => {
        expect(readBatch(write(fields, run))).toEqual({ op: 'batch', ...fields, run });
      }),
    );
  });

  it('reads nothing of bytes cut short or changed that the layouts would not read as well, to the same', () => {
    fc.assert(
      fc.property(numbers, fc.nat(60), fc.nat(60), fc.nat(255), (fields, length, index, unit) => {
        const bytes = write(fields, Uint8Array.of(1, 2, 3)).slice(0, length);
        if (index < bytes.length) bytes[index] = unit;
        const batch = readBatch(bytes);
        if (!batch) return;
        // The same in another form, an array16 for the records, is read by the layouts.
        const start = batch.run.byteOffset - bytes.byteOffset - 5;
        expect(readBatch(bytes.subarray(0, start))).toBeUndefined();
        expect(msgpackCodec.decodeServer(bytes)).toEqual(batch);
        if (batch.count > 0xffff) return;
        const other = Uint8Array.of(
          ...bytes.subarray(0, start),
          0xdc,
          batch.count >> 8,
          batch.count,
          ...batch.run,
        );
        expect(readBatch(other)).toBeUndefined();
        expect(msgpackCodec.decodeServer(other)).toEqual(batch);
      }),
      { numRuns: 2000 },
    );
  });

  it('leaves a count that is not that of the records to the layouts, which refuse it', () => {
    const fields = { channelNumber: 1, epoch: 2, prevOffset: 3, firstOffset: 4, count: 5 };
    const bytes = write(fields, new Uint8Array(0)).slice();
    bytes[bytes.length - 1] = 6;
    expect(readBatch(bytes)).toBeUndefined();
    expect(() => msgpackCodec.decodeServer(bytes)).toThrow(expect.objectContaining({ code: 'bad-frame' }));
  });
});
