/**
 * A publisher at full speed: keeps up to `depth` frames unanswered, and to what the server allows. Refills in whole
 * bursts: refilled one by one, a loop can settle into a rhythm of one message and measure system calls.
 */
import { openNatsLine } from '../wire/nats-line.ts';
import type { LineOrder, OpenLine, PublishLine } from '../wire/publish-line.ts';
import { openRedisLine } from '../wire/redis-line.ts';
import { openRingcastLine } from '../wire/ringcast-line.ts';
import { answer, usage } from './answering.ts';

export interface PublisherOrder extends LineOrder {
  readonly server: 'ringcast' | 'nats' | 'redis';
  /** Most frames unanswered. */
  readonly depth: number;
}

const LINES: Readonly<Record<PublisherOrder['server'], OpenLine>> = {
  ringcast: openRingcastLine,
  nats: openNatsLine,
  redis: openRedisLine,
};
const LEAST_FRAMES_BYTES = 2 ** 20;

let order: PublisherOrder;
let line: PublishLine;
let sent = 0;
let answered = 0;
/** Frames to send in all; Infinity while it floods. */
let target = 0;
let onAllAnswered: (() => void) | undefined;
let fail: (error: Error) => void = (error) => {
  throw error;
};

function pump(): void {
  const { frames, frameBytes, socket } = line;
  const total = frames.length / frameBytes;
  for (;;) {
    const room = Math.min(order.depth - (sent - answered), line.allowance(), target - sent);
    // Little room now is more room soon, unless these are the last.
    if (room <= 0 || (room < burst() && room < target - sent)) return;
    const from = sent % total;
    const count = Math.min(room, total - from);
    socket.write(frames.subarray(from * frameBytes, (from + count) * frameBytes));
    line.sent(count);
    sent += count;
  }
}

function burst(): number {
  return Math.min(order.depth / 4, Math.ceil(16_384 / line.frameBytes));
}

answer({
  async open(given: PublisherOrder) {
    order = given;
    const recordBytes = order.payload.length * order.recordsPerFrame;
    // Frames are sent again only once they were answered, and enough of them for the socket to hold none by then.
    const least = Math.max(order.depth + 1, Math.ceil(LEAST_FRAMES_BYTES / recordBytes));
    line = await LINES[order.server](order, least, {
      onAnswered(count) {
        answered += count;
        if (answered === target) onAllAnswered?.();
        else pump();
      },
      onAllowance: pump,
      onFailure: (error) => fail(error),
    });
  },
  /** So many frames more; resolves when all are answered. */
  publish(count: number) {
    return new Promise<void>((resolve, reject) => {
      fail = reject;
      onAllAnswered = resolve;
      target = sent + count;
      pump();
    });
  },
  flood() {
    fail = (error) => {
      throw error;
    };
    target = Number.POSITIVE_INFINITY;
    pump();
  },
  count: () => ({ records: answered * order.recordsPerFrame, ...usage() }),
});
