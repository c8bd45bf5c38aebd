/**
 * A publisher of JetStream in NATS's own protocol, to a stream in a file. Each publish has a reply subject, and the
 * stream's answer to it is counted. JetStream answers once it has written to the file, and syncs every 2 minutes: there
 * is no setting in 2.9 to sync before the answer.
 */
import { connect } from 'node:net';
import { AnswerCounter } from './answer-counter.ts';
import { frameCount, type LineEvents, type LineOrder, type PublishLine } from './publish-line.ts';

const CONNECT = 'CONNECT {"verbose":false,"pedantic":false}\r\n';

export async function openNatsLine(
  order: LineOrder,
  leastFrames: number,
  events: LineEvents,
): Promise<PublishLine> {
  const { channels, payload } = order;
  const url = new URL(order.url);
  const socket = connect({ host: url.hostname, port: Number(url.port), noDelay: true });
  const stream = JSON.stringify({ name: 'bench', subjects: channels, storage: 'file', retention: 'limits' });
  await new Promise<void>((resolve, reject) => {
    let text = '';
    const onCreated = (bytes: Buffer) => {
      text += bytes.toString('latin1');
      if (!/"created":.*\r\n/.test(text)) {
        if (/-ERR|"error":.*\r\n/.test(text)) reject(new Error(text));
        return;
      }
      socket.off('data', onCreated);
      resolve();
    };
    socket.on('data', onCreated);
    socket.once('error', reject);
    socket.write(`${CONNECT}SUB answers.* 1\r\n`);
    socket.write(`PUB $JS.API.STREAM.CREATE.bench answers.0 ${stream.length}\r\n${stream}\r\n`);
  });
  const counter = new AnswerCounter('{"stream":', ['-ERR', '"error":'], events);
  socket.on('data', (bytes) => counter.take(bytes));
  const frames = channels.map((channel) =>
    Buffer.concat([
      Buffer.from(`PUB ${channel} answers.1 ${payload.length}\r\n`),
      payload,
      Buffer.from('\r\n'),
    ]),
  );
  const rounds = frameCount(channels.length, leastFrames) / channels.length;
  return {
    socket,
    frames: Buffer.concat(Array.from({ length: rounds }, () => frames).flat()),
    frameBytes: frames[0]!.length,
    allowance: () => Number.POSITIVE_INFINITY,
    sent: () => {},
  };
}
