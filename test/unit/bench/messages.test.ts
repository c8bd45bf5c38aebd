import { describe, expect, it } from 'vitest';
import { msgpackCodec } from '../../../shared/codec.ts';
import { Messages } from '../../bench/dialects/dialect.ts';
import { dialectOf } from '../../bench/dialects/index.ts';
import { PublishCredit } from '../../bench/dialects/publish-credit.ts';
import { frameOf } from '../../bench/raw-socket.ts';

const subjects = (burst: Buffer) => burst.toString('latin1').match(/bench\.\d\d/g);

describe('messages to several channels', () => {
  it('go to them in turn across bursts', () => {
    const messages = new Messages(dialectOf('nats'), 100, 3, 4);
    expect(subjects(messages.burst(4))).toEqual(['bench.00', 'bench.01', 'bench.02', 'bench.00']);
    expect(subjects(messages.burst(4))).toEqual(['bench.01', 'bench.02', 'bench.00', 'bench.01']);
  });

  it('are copied when they are stamped, so that one that waits keeps its time', () => {
    const messages = new Messages(dialectOf('nats'), 100, 1, 1);
    const first = messages.stamped(1000);
    const before = Buffer.from(first);
    messages.stamped(2000);
    expect(first).toEqual(before);
  });
});

/** As a server sends it: without a mask. */
function serverFrame(payload: Uint8Array): Buffer {
  return Buffer.concat([Buffer.of(0x82, payload.length), payload]);
}

describe('the credit of a publisher', () => {
  const given = (bytes: number) => serverFrame(msgpackCodec.encodeServer({ op: 'publish-credit', bytes }));

  it('is given in pieces of any size and spent by what the frames hold', () => {
    const credit = new PublishCredit();
    for (const byte of given(300)) credit.take(Buffer.of(byte));
    expect(credit.maySend).toBe(true);
    const frames = Buffer.concat([frameOf(Buffer.alloc(149)), frameOf(Buffer.alloc(149))]);
    credit.spend(frames, 2);
    expect(credit.maySend, 'with 2 of 300 bytes left').toBe(true);
    credit.spend(frameOf(Buffer.alloc(2)), 1);
    expect(credit.maySend, 'with none left').toBe(false);
    credit.take(given(1));
    expect(credit.maySend).toBe(true);
  });
});
