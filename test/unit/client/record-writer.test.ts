import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { publishFrame } from '../../../client/publish-frame.ts';
import { RecordWriter, type WrittenRecord } from '../../../client/record-writer.ts';
import { msgpackCodec } from '../../../shared/codec.ts';
import type { Publish } from '../../../shared/frames.ts';
import { decodeValue, encodeValue } from '../../../shared/msgpack.ts';

function written({ chunk, start, end }: WrittenRecord): WrittenRecord {
  return { chunk, start, end };
}

/** What a hub reads of a frame that publishes them. */
function read(records: readonly WrittenRecord[]) {
  const entry = { channel: 'c', records, sequence: 7, first: false, expectedCursor: undefined };
  const frame = msgpackCodec.decodeClient(publishFrame(1, 'disk', [entry], undefined)) as Publish;
  return frame.entries[0]!.records.map(({ key, meta, payload }) => ({
    key,
    meta,
    data: decodeValue(payload, { timestamps: true }),
  }));
}

describe('written records', () => {
  test('are read as they were handed in, in any mix of sizes', () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 200 }),
      fc.nat(70_000).map((n) => 'x'.repeat(n)),
    );
    const record = fc.record({
      key: fc.option(fc.string({ maxLength: 40 })),
      meta: fc.constantFrom(null, { source: 'nyse', hops: 2 }),
      data: fc.oneof(text, fc.record({ text, n: fc.integer() }), fc.date({ noInvalidDate: true })),
    });
    fc.assert(
      fc.property(fc.array(record, { minLength: 1, maxLength: 60 }), (inputs) => {
        const writer = new RecordWriter();
        const records = inputs.map(({ key, meta, data }) => {
          writer.write(key, meta && encodeValue(meta), data);
          return written(writer);
        });
        expect(read(records)).toEqual(inputs);
      }),
      { numRuns: 200 },
    );
  });

  test('lie one behind the other in chunks that small ones do not outgrow', () => {
    const writer = new RecordWriter();
    const chunks = new Set<Uint8Array>();
    for (let i = 0; i < 1000; i++) {
      writer.write(null, null, 'x'.repeat(98));
      chunks.add(writer.chunk);
    }
    expect(chunks.size).toBeLessThan(10);
    for (const chunk of chunks) expect(chunk.length).toBeLessThanOrEqual(16 * 1024);
  });

  test('stay what they are when a getter of the data writes another', () => {
    const writer = new RecordWriter();
    writer.write(null, null, 'before');
    const records = [written(writer)];
    const data = {
      a: 'outer',
      get b() {
        writer.write(null, null, 'inner '.repeat(20));
        records.push(written(writer));
        return 'end';
      },
    };
    writer.write(null, null, data);
    records.push(written(writer));
    writer.write(null, null, 'after');
    records.push(written(writer));
    expect(read(records).map((record) => record.data)).toEqual([
      'before',
      'inner '.repeat(20),
      { a: 'outer', b: 'end' },
      'after',
    ]);
  });

  test('are not spoiled by one that cannot be written', () => {
    const writer = new RecordWriter();
    writer.write(null, null, 'one');
    const first = written(writer);
    expect(() => writer.write(null, null, { a: 1, f: () => 1 })).toThrow(TypeError);
    writer.write(null, null, 'two');
    expect(read([first, written(writer)]).map(({ data }) => data)).toEqual(['one', 'two']);
  });
});

describe('publish frames', () => {
  test.each([
    { sequence: undefined, first: false, expectedCursor: undefined },
    { sequence: 1, first: true, expectedCursor: undefined },
    { sequence: 70_000, first: false, expectedCursor: { epoch: 1_700_000_000, offset: 9 } },
    { sequence: 2 ** 40, first: true, expectedCursor: { epoch: 0, offset: 0 } },
  ])('say of their entries what they are handed: %o', (fields) => {
    const writer = new RecordWriter();
    writer.write('k', null, 1);
    const entries = Array.from({ length: 20 }, (_, i) => ({
      channel: `channel.${'x'.repeat(i * 8)}`,
      records: [written(writer)],
      ...fields,
    }));
    for (const firstSentMs of [undefined, 1_764_000_000_000]) {
      const frame = msgpackCodec.decodeClient(publishFrame(300, 'memory', entries, firstSentMs)) as Publish;
      expect(frame).toMatchObject({ op: 'publish', id: 300, ack: 'memory' });
      expect(frame.firstSentMs).toBe(firstSentMs);
      expect(frame.entries.map(({ channel }) => channel)).toEqual(entries.map(({ channel }) => channel));
      for (const entry of frame.entries) {
        expect(entry.sequence).toBe(fields.sequence);
        expect(entry.first ?? false).toBe(fields.first);
        expect(entry.expectedCursor).toEqual(fields.expectedCursor);
        expect(entry.records).toEqual([{ key: 'k', meta: null, payload: Uint8Array.of(1) }]);
      }
    }
  });
});
