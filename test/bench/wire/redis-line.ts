/** A publisher to Redis Streams: XADD, pipelined. */
import { connect } from 'node:net';
import { AnswerCounter } from './answer-counter.ts';
import { frameCount, type LineEvents, type LineOrder, type PublishLine } from './publish-line.ts';

export async function openRedisLine(
  order: LineOrder,
  leastFrames: number,
  events: LineEvents,
): Promise<PublishLine> {
  const url = new URL(order.url);
  const socket = connect({ host: url.hostname, port: Number(url.port), noDelay: true });
  await new Promise<void>((resolve, reject) => socket.once('connect', resolve).once('error', reject));
  // An answer is a bulk string, an id of digits and a dash.
  const counter = new AnswerCounter('$', ['-ERR', '-MISCONF', '-OOM'], events);
  socket.on('data', (bytes) => counter.take(bytes));
  const frames = order.channels.map((channel) => command('XADD', channel, '*', 'd', order.payload));
  const rounds = frameCount(frames.length, leastFrames) / frames.length;
  return {
    socket,
    frames: Buffer.concat(Array.from({ length: rounds }, () => frames).flat()),
    frameBytes: frames[0]!.length,
    allowance: () => Number.POSITIVE_INFINITY,
    sent: () => {},
  };
}

function command(...parts: (string | Buffer)[]): Buffer {
  const pieces = parts.flatMap((part) => {
    const bytes = Buffer.from(part as string);
    return [Buffer.from(`$${bytes.length}\r\n`), bytes, Buffer.from('\r\n')];
  });
  return Buffer.concat([Buffer.from(`*${parts.length}\r\n`), ...pieces]);
}
