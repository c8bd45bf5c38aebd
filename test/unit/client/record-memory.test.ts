import { afterEach, describe, expect, test, vi } from 'vitest';
import { Outbox } from '../../../client/outbox.ts';
import { Publisher } from '../../../client/publisher.ts';
import type { Requests } from '../../../client/requests.ts';
import { ManualClock } from '../../../shared/clock.ts';
import { msgpackCodec } from '../../../shared/codec.ts';
import type { Publish } from '../../../shared/frames.ts';

const DATA = 'x'.repeat(90);

/** A publisher, and what it sent that no hub has answered. */
function setUp(maxOutboxBytes: number) {
  const add = vi.spyOn(Outbox.prototype, 'add');
  const sent: { channel: string; answer(): void }[] = [];
  let handler: Parameters<Requests['add']>[0] | undefined;
  const requests = {
    add(each: Parameters<Requests['add']>[0]) {
      handler = each;
      return 1;
    },
  } as unknown as Requests;
  const port = {
    ready: true,
    sendBytes(bytes: Uint8Array) {
      const { entries } = msgpackCodec.decodeClient(bytes) as Publish;
      const { answered } = handler!;
      sent.push({
        channel: entries[0]!.channel,
        answer: () => answered({ op: 'ok', epoch: 1, firstOffsets: [1] } as never),
      });
      return bytes.length;
    },
  };
  const settings = { clock: new ManualClock(), backoff: {} as never, maxOutboxBytes };
  const publisher = new Publisher(port, requests, settings);
  publisher.live({ limits: {}, publishCreditBytes: 1e15, timeMs: 1 } as never);
  const expectLittlePinned = () => {
    const outbox = add.mock.contexts[0] as Outbox;
    let pinnedBytes = 0;
    for (const buffer of new Set(outbox.pending.map(({ chunk }) => chunk.buffer)))
      pinnedBytes += buffer.byteLength;
    expect(pinnedBytes).toBeLessThanOrEqual(4 * publisher.outboxBytes + 64 * 1024);
  };
  const publish = (channel: string) => void publisher.publish(channel, DATA, {}).catch(() => {});
  return { publisher, sent, publish, expectLittlePinned };
}

afterEach(() => vi.restoreAllMocks());

describe('publishes that wait pin little beside their own bytes', () => {
  test('where many more are refused for want of room than are taken', async () => {
    const { publisher, sent, publish, expectLittlePinned } = setUp(128 * 1024);
    for (let round = 0; round < 1000; round++) {
      sent.shift()?.answer();
      // Refused as a whole, late: its first items are written already.
      const many = Array.from({ length: 2000 }, () => ({ channel: 'many', data: DATA }));
      if (round % 50 === 0) void publisher.publishMany(many, 'memory').catch(() => {});
      for (let i = 0; i < (round < 900 ? 1 : 200); i++) publish('a');
      await null;
      await null;
      if (round % 50 === 0) expectLittlePinned();
    }
    expectLittlePinned();
  });

  test.each([true, false])(
    'where few are answered late among many answered at once; sent: %s',
    async (isSent) => {
      const { publisher, sent, publish, expectLittlePinned } = setUp(4 * 2 ** 20);
      for (let round = 0; round < 600; round++) {
        for (let i = 0; i < 159; i++) publish('fast');
        publish('slow');
        await null;
        await null;
        for (const each of sent.splice(0)) if (each.channel === 'fast') each.answer();
        if (!isSent && round === 300) publisher.lost();
        expectLittlePinned();
      }
      expect(publisher.outboxBytes).toBeGreaterThan(600 * 90);
    },
  );
});
