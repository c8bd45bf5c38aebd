import fc, { type Arbitrary } from 'fast-check';
import { Unpackr } from 'msgpackr';
import { describe, expect, it } from 'vitest';
import { CLIENT_LAYOUTS } from '../../../shared/client-layouts.ts';
import { type Codec, codecOf, jsonCodec, msgpackCodec } from '../../../shared/codec.ts';
import { RingcastError } from '../../../shared/errors.ts';
import { SERVER_LAYOUTS } from '../../../shared/frame-layouts.ts';
import {
  type ClientFrame,
  type RequestFrame,
  type ServerFrame,
  SUBPROTOCOLS,
} from '../../../shared/frames.ts';
import { payloadToJson } from '../../../shared/json-form.ts';
import { decodeValue, encodeValue } from '../../../shared/msgpack.ts';
import { encodeRequest } from '../../../shared/request-writer.ts';
import type { LogRecord } from '../../../shared/terms.ts';
import { anyClientFields, anyRecord, anyServerFields, plain, runOf } from './wire-arbitraries.ts';

const clientOps = Object.keys(CLIENT_LAYOUTS) as ClientFrame['op'][];
const serverOps = Object.keys(SERVER_LAYOUTS) as ServerFrame['op'][];
const runOps = serverOps.filter((op) => SERVER_LAYOUTS[op].carriesRun);
const plainOps = serverOps.filter((op) => !SERVER_LAYOUTS[op].carriesRun);

/** Each of their records has an offset of its own; those of the others count on from the first. */
const sparseOps: ServerFrame['op'][] = ['sparse-batch', 'state'];

/** `template` with other records, whose offsets grow by `step`. */
function withRecords(template: ServerFrame, records: readonly LogRecord[], firstOffset = 1, step = 1) {
  const position = sparseOps.includes(template.op)
    ? { offsets: records.map((_, i) => firstOffset + i * step) }
    : { firstOffset };
  return { ...template, ...position, count: records.length, run: runOf(records) } as ServerFrame;
}

function clientFrames(op: ClientFrame['op']): Arbitrary<ClientFrame> {
  return (anyClientFields[op] as Arbitrary<object>).map((fields) => ({ op, ...fields }) as ClientFrame);
}

function serverFrames(op: ServerFrame['op']): Arbitrary<ServerFrame> {
  return (anyServerFields[op] as Arbitrary<object>).map((fields) => ({ op, ...fields }) as ServerFrame);
}

const codecs: Codec[] = [msgpackCodec, jsonCodec];

describe.each(codecs)('the $form form', (codec) => {
  it.each(clientOps)('brings back a %s frame as it was', (op) => {
    fc.assert(
      fc.property(clientFrames(op), (frame) => {
        expect(plain(codec.decodeClient(codec.encodeClient(frame)))).toEqual(plain(frame));
      }),
    );
  });

  it.each(plainOps)('brings back a %s frame as it was', (op) => {
    fc.assert(
      fc.property(serverFrames(op), (frame) => {
        expect(plain(codec.decodeServer(codec.encodeServer(frame)))).toEqual(plain(frame));
      }),
    );
  });

  it('is found by its name, which has a subprotocol', () => {
    expect(codecOf(codec.form)).toBe(codec);
    expect(SUBPROTOCOLS[codec.form]).toBe(`ringcast.v1.${codec.form}`);
  });
});

describe('what the SDK writes without the layouts', () => {
  const requestOps = clientOps.filter((op) => op !== 'publish');

  it.each(requestOps)('is of a %s frame what a whole codec writes', (op) => {
    fc.assert(
      fc.property(clientFrames(op), (frame) => {
        expect(plain(encodeRequest(frame as RequestFrame))).toEqual(plain(msgpackCodec.encodeClient(frame)));
      }),
    );
  });
});

describe('frames that carry records', () => {
  it.each(runOps)('a %s comes back from msgpack with its run byte for byte', (op) => {
    fc.assert(
      fc.property(serverFrames(op), (frame) => {
        expect(plain(msgpackCodec.decodeServer(msgpackCodec.encodeServer(frame)))).toEqual(plain(frame));
      }),
    );
  });

  it.each(runOps)('a %s is one msgpack value, its records last, to any library', (op) => {
    const library = new Unpackr({ useRecords: false, int64AsType: 'number' });
    fc.assert(
      fc.property(serverFrames(op), fc.array(anyRecord, { maxLength: 20 }), (template, records) => {
        const frame = withRecords(template, records);
        const read = library.unpack(msgpackCodec.encodeServer(frame)) as unknown[];
        expect(read[0]).toBe(SERVER_LAYOUTS[op].opcode);
        expect(plain(read.at(-1))).toEqual(
          plain(records.map(({ timeMs, key, meta, payload }) => [timeMs, key, meta, payload])),
        );
      }),
    );
  });

  it.each(runOps)('a %s shows in JSON each record with its offset and its payload as a value', (op) => {
    fc.assert(
      fc.property(
        serverFrames(op),
        fc.nat(),
        fc.integer({ min: 1, max: 1000 }),
        fc.array(anyRecord, { maxLength: 8 }),
        (template, firstOffset, step, records) => {
          const frame = withRecords(template, records, firstOffset, step);
          const apart = sparseOps.includes(op) ? step : 1;
          const json = JSON.parse(new TextDecoder().decode(jsonCodec.encodeServer(frame)));
          expect(json.op).toBe(op);
          expect(json.records).toEqual(
            records.map(({ timeMs, key, meta, payload }, i) => ({
              offset: firstOffset + i * apart,
              timeMs,
              key,
              meta,
              ...payloadToJson(payload),
            })),
          );
        },
      ),
    );
  });

  it.each(runOps)('a %s is not read from JSON by this codec', (op) => {
    const [frame] = fc.sample(serverFrames(op), { numRuns: 1, seed: 1 });
    expect(() => jsonCodec.decodeServer(jsonCodec.encodeServer(frame!))).toThrow(
      expect.objectContaining({ code: 'bad-frame' }),
    );
  });

  it('decoding a Node Buffer leaves its bytes as they were, so that it can be decoded again', () => {
    const run = runOf([{ timeMs: 1, key: 'k', meta: null, payload: encodeValue(1) }]);
    const frame: ServerFrame = {
      op: 'batch',
      channelNumber: 1,
      epoch: 2,
      prevOffset: 3,
      firstOffset: 4,
      count: 1,
      run,
    };
    const bytes = Buffer.from(msgpackCodec.encodeServer(frame));
    const before = bytes.toString('hex');
    const first = plain(msgpackCodec.decodeServer(bytes));
    expect(bytes.toString('hex')).toBe(before);
    expect(plain(msgpackCodec.decodeServer(bytes))).toEqual(first);
  });

  it('decoding reads a view in the middle of a larger buffer', () => {
    const run = runOf([{ timeMs: 7, key: 'k', meta: { a: 1 }, payload: encodeValue('x') }]);
    const frame: ServerFrame = {
      op: 'batch',
      channelNumber: 1,
      epoch: 2,
      prevOffset: 3,
      firstOffset: 4,
      count: 1,
      run,
    };
    const bytes = msgpackCodec.encodeServer(frame);
    const larger = new Uint8Array(bytes.length + 20).fill(0xff);
    larger.set(bytes, 10);
    expect(plain(msgpackCodec.decodeServer(larger.subarray(10, 10 + bytes.length)))).toEqual(plain(frame));
  });
});

describe('evolution', () => {
  it.each(clientOps)('elements behind those of a %s are passed over', (op) => {
    const [frame] = fc.sample(clientFrames(op), { numRuns: 1, seed: 2 });
    const items = decodeValue(msgpackCodec.encodeClient(frame!), { timestamps: false }) as unknown[];
    const longer = encodeValue([...items, 'later', { more: [1] }]);
    expect(plain(msgpackCodec.decodeClient(longer))).toEqual(plain(frame));
  });

  it.each(plainOps)('elements behind those of a %s are passed over', (op) => {
    const [frame] = fc.sample(serverFrames(op), { numRuns: 1, seed: 2 });
    const items = decodeValue(msgpackCodec.encodeServer(frame!), { timestamps: false }) as unknown[];
    expect(plain(msgpackCodec.decodeServer(encodeValue([...items, 'later', null])))).toEqual(plain(frame));
  });

  it.each(runOps)('elements between the fields of a %s and its records are passed over', (op) => {
    const [template] = fc.sample(serverFrames(op), { numRuns: 1, seed: 2 });
    const record = { timeMs: 1, key: null, meta: null, payload: encodeValue(1) };
    const frame = withRecords(template!, [record]);
    const bytes = Buffer.from(msgpackCodec.encodeServer(frame));
    const recordsAt = bytes.length - runOf([record]).length - 5;
    const longer = Buffer.concat([
      bytes.subarray(0, recordsAt),
      encodeValue('later'),
      bytes.subarray(recordsAt),
    ]);
    longer[0]! += 1;
    expect(plain(msgpackCodec.decodeServer(longer))).toEqual(plain(frame));
  });

  it('a frame from the hub with an opcode that is unknown here is undefined', () => {
    expect(msgpackCodec.decodeServer(encodeValue([0x4f, 1, 2, 3]))).toBeUndefined();
    expect(jsonCodec.decodeServer(Buffer.from('{"op":"delta-batch","id":1}'))).toBeUndefined();
    expect(jsonCodec.decodeServer(Buffer.from('{"op":"toString"}'))).toBeUndefined();
  });

  it('an error code that is unknown here reads as internal, its message kept', () => {
    const read = msgpackCodec.decodeServer(encodeValue([0x43, 1, 'of-a-later-hub', 'why', null]));
    expect(read).toEqual({ op: 'error', id: 1, code: 'internal', message: 'why', details: null });
    expect(() => msgpackCodec.decodeServer(encodeValue([0x43, 1, 5, 'why', null]))).toThrow(RingcastError);
  });

  it('absent fields at the end are null', () => {
    expect(msgpackCodec.decodeClient(encodeValue([5, 1, 'c', 'latest']))).toEqual({
      op: 'pull',
      id: 1,
      channel: 'c',
      from: 'latest',
      limit: null,
      reverse: null,
      upTo: null,
    });
    expect(
      jsonCodec.decodeClient(Buffer.from('{"op":"subscribe","id":1,"channel":"c","from":"latest"}')),
    ).toEqual({
      op: 'subscribe',
      id: 1,
      channel: 'c',
      from: 'latest',
      options: null,
    });
  });

  it('fields added later are absent when they are not sent, whichever way that is said', () => {
    const welcome = [0x41, 'k', [], {}, 1, null, 'hub'];
    const read = msgpackCodec.decodeServer(encodeValue(welcome));
    expect(read).not.toHaveProperty('timeMs');
    expect(msgpackCodec.decodeServer(encodeValue([...welcome, null]))).toEqual(read);
    expect(msgpackCodec.decodeServer(encodeValue([...welcome, 5]))).toEqual({ ...read, timeMs: 5 });

    const entry = ['c', [[null, null, encodeValue(1)]]];
    const publish = msgpackCodec.decodeClient(encodeValue([4, 1, 'memory', [entry]]));
    expect(publish).not.toHaveProperty('firstSentMs');
    const nils = encodeValue([4, 1, 'memory', [[...entry, null, null, null]], null]);
    expect(plain(msgpackCodec.decodeClient(nils))).toEqual(plain(publish));
    const nulls =
      '{"op":"publish","id":1,"ack":"memory","firstSentMs":null,"entries":[{"channel":"c","records":[{"data":1}],"sequence":null,"first":null,"expectedCursor":null}]}';
    expect(plain(jsonCodec.decodeClient(Buffer.from(nulls)))).toEqual(plain(publish));
  });

  it('a field added later is not written when it is absent, so that an older hub sees what it knows', () => {
    const record = { key: null, meta: null, payload: encodeValue(1) };
    const old = [4, 1, 'memory', [['c', [[null, null, record.payload]]]]];
    const entries = [{ channel: 'c', records: [record] }];
    const bytes = msgpackCodec.encodeClient({ op: 'publish', id: 1, ack: 'memory', entries });
    expect(plain(bytes)).toEqual(plain(encodeValue(old)));
    const text = new TextDecoder().decode(
      jsonCodec.encodeClient({ op: 'publish', id: 1, ack: 'memory', entries }),
    );
    expect(Object.keys(JSON.parse(text))).toEqual(['op', 'id', 'ack', 'entries']);
  });

  it('a later field without the ones before it stands in its place, nil before it', () => {
    const record = { key: null, meta: null, payload: encodeValue(1) };
    const entries = [{ channel: 'c', records: [record], expectedCursor: { epoch: 3, offset: 5 } }];
    const bytes = msgpackCodec.encodeClient({ op: 'publish', id: 1, ack: 'memory', entries });
    const [, , , [entry]] = decodeValue(bytes, { timestamps: false }) as [0, 0, 0, unknown[][]];
    expect(entry!.slice(2)).toEqual([null, null, '3-5']);
  });

  it('a client frame is read in any msgpack number type and array header', () => {
    const ping = { op: 'ping', id: 300 };
    for (const hex of [
      '9208cd012c',
      '92cc08cd012c',
      'dc0002cd0008cf000000000000012c',
      'dd00000002cb4020000000000000cb4072c00000000000',
    ]) {
      expect(msgpackCodec.decodeClient(Buffer.from(hex, 'hex')), hex).toEqual(ping);
    }
  });
});
