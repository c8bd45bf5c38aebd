import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { chargedBytes, readRun } from '../../../client/record.ts';
import { RingcastError } from '../../../shared/errors.ts';
import { encodeValue } from '../../../shared/msgpack.ts';
import { maxRecordBytes, writeRecord } from '../../../shared/record-run.ts';
import type { RecordInput } from '../../../shared/terms.ts';

/** A run inside a larger buffer, as a frame is one inside a socket's. */
function runOf(inputs: readonly RecordInput[], slackBytes = 0) {
  const metas = inputs.map(({ meta }) => meta && encodeValue(meta));
  const room = inputs.reduce((sum, { key, payload }, i) => sum + maxRecordBytes(key, metas[i]!, payload), 0);
  const bytes = new Uint8Array(room + slackBytes);
  let at = 0;
  inputs.forEach(({ key, payload }, i) => {
    at = writeRecord(bytes, at, 1000 + i, key, metas[i]!, payload);
  });
  return { epoch: 4, prevOffset: 9, firstOffset: 10, count: inputs.length, run: bytes.subarray(0, at) };
}

const plain = (value: unknown): RecordInput => ({ key: null, meta: null, payload: encodeValue(value) });

describe('received records', () => {
  test('show what was published, with position and time', () => {
    const input = { key: 'AAPL', meta: { source: 'nyse', hops: 2 }, payload: encodeValue({ price: 1.5 }) };
    const [, record] = readRun('prices', runOf([plain(1), input]), 0);
    expect(record).toMatchObject({ channel: 'prices', epoch: 4, offset: 11, timeMs: 1001 });
    expect(record?.cursor).toBe('4-11');
    expect(record?.key).toBe('AAPL');
    expect(record?.meta).toEqual({ source: 'nyse', hops: 2 });
    expect(record?.data).toEqual({ price: 1.5 });
    expect(record?.payload).toEqual(new Uint8Array(input.payload));
  });

  test('data, key and meta survive the run for any values, from any record on', () => {
    const key = fc.option(fc.string({ maxLength: 60, unit: 'grapheme' }));
    // Neither −0, which JSON does not keep, nor the key `__proto__`, which msgpackr renames to be safe.
    const data = fc
      .jsonValue({ maxDepth: 3 })
      .map((value) => JSON.parse(JSON.stringify(value)) as unknown)
      .filter((value) => !JSON.stringify(value).includes('__proto__'));
    const meta = fc.option(
      fc.dictionary(fc.string({ maxLength: 5 }), fc.integer(), { maxKeys: 3, noNullPrototype: true }),
    );
    fc.assert(
      fc.property(
        fc.array(fc.record({ key, data, meta }), { minLength: 1, maxLength: 30 }),
        fc.nat(40),
        (all, skip) => {
          const run = runOf(all.map((each) => ({ ...each, payload: encodeValue(each.data) })));
          const records = readRun('c', run, skip);
          expect(records.map((record) => record.offset)).toEqual(all.map((_, i) => 10 + i).slice(skip));
          expect(
            records.map((record) => ({ key: record.key, data: record.data, meta: record.meta })),
          ).toEqual(all.slice(skip));
        },
      ),
    );
  });

  test('data is decoded once, when it is first asked for', () => {
    const [record] = readRun('c', runOf([plain({ a: 1 })]), 0);
    expect(record?.data).toBe(record?.data);
  });

  test('a malformed payload throws when it is read and no sooner, and spoils nothing else', () => {
    const bad = { key: 'k', meta: null, payload: Uint8Array.of(0xc1, 1) };
    const records = readRun('c', runOf([bad, plain('fine')]), 0);
    expect(records[0]?.key).toBe('k');
    expect(() => records[0]?.data).toThrow(expect.objectContaining({ code: 'record-invalid' }));
    expect(records[0]?.payload).toEqual(bad.payload);
    expect(records[1]?.data).toBe('fine');
  });

  test('more bytes behind the value are malformed as well', () => {
    const [record] = readRun('c', runOf([{ key: null, meta: null, payload: Uint8Array.of(1, 2) }]), 0);
    expect(() => record?.data).toThrow(RingcastError);
  });

  test('a kept record keeps a block of at most 4 KiB, not its frame', () => {
    const run = runOf(Array.from({ length: 600 }, (_, i) => plain('x'.repeat(90) + i)));
    expect(run.run.length).toBeGreaterThan(60_000);
    for (const record of readRun('c', run, 0)) {
      expect(record.payload.buffer.byteLength).toBeLessThanOrEqual(4096);
    }
  });

  test('a large record has a block of its own: its neighbours do not keep it', () => {
    const run = runOf([plain('small'), plain(new Uint8Array(50_000)), plain('small')], 100_000);
    const held = readRun('c', run, 0).map((record) => record.payload.buffer.byteLength);
    expect(held[0]).toBeLessThan(100);
    expect(held[1]).toBeLessThan(51_000);
    expect(held[2]).toBeLessThan(100);
  });

  test('bytes that fill most of their buffer are not copied', () => {
    const run = runOf([plain(new Uint8Array(50_000))]);
    expect(readRun('c', run, 0)[0]?.payload.buffer).toBe(run.run.buffer);
  });

  test('records do not change when the frame they came in is used again', () => {
    const run = runOf([plain('one'), plain('two')], 1000);
    const records = readRun('c', run, 0);
    run.run.fill(0xff);
    expect(records.map((record) => record.data)).toEqual(['one', 'two']);
  });

  test('a run that is cut short, or of another count than said, is refused whole', () => {
    const run = runOf([plain('one'), plain('two')]);
    const bad = expect.objectContaining({ code: 'bad-frame' });
    expect(() => readRun('c', { ...run, run: run.run.subarray(0, -1) }, 0)).toThrow(bad);
    expect(() => readRun('c', { ...run, count: 3 }, 0)).toThrow(bad);
    expect(() => readRun('c', { ...run, count: 1 }, 0)).toThrow(bad);
  });

  test('with offsets of their own are where those say; offsets that do not grow are refused', () => {
    const { run, count, epoch } = runOf([plain('one'), plain('two')]);
    expect(readRun('c', { run, count, epoch, offsets: [5, 9] }, 1).map(({ cursor }) => cursor)).toEqual([
      '4-9',
    ]);
    const bad = expect.objectContaining({ code: 'bad-frame' });
    expect(() => readRun('c', { run, count, epoch, offsets: [5, 5] }, 0)).toThrow(bad);
  });

  test('queues are charged for objects as well as bytes', () => {
    expect(chargedBytes(runOf([plain(1), plain(2)]))).toBeGreaterThan(250);
  });
});
