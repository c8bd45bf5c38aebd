/**
 * A publisher that floods a nats-server with a payload, in NATS's own protocol, so that it costs next to nothing. It
 * stays within a window of what its one subscriber has told to have read: nats-server cuts off one that is too slow.
 */
import { connect } from 'node:net';
import { answer } from './answering.ts';

export interface FloodOrder {
  readonly port: number;
  readonly payload: Buffer;
}

/** Records. */
const WINDOW = 50_000;
const BURST = 500;

answer({
  start({ port, payload }: FloodOrder) {
    const socket = connect({ host: '127.0.0.1', port, noDelay: true });
    const frame = Buffer.concat([
      Buffer.from(`PUB bench ${payload.length}\r\n`),
      payload,
      Buffer.from('\r\n'),
    ]);
    const burst = Buffer.concat(Array.from({ length: BURST }, () => frame));
    let sent = 0;
    let read = 0;
    const pump = () => {
      for (; sent - read < WINDOW; sent += BURST) socket.write(burst);
    };
    socket.write('CONNECT {"verbose":false,"pedantic":false}\r\nSUB progress 1\r\n');
    let text = '';
    socket.on('data', (bytes) => {
      text += bytes.toString('latin1');
      const messages = text.split('\r\n');
      text = messages.pop()!;
      for (const message of messages) {
        if (message === 'PING') socket.write('PONG\r\n');
        if (/^\d+$/.test(message)) read = Number(message);
      }
      pump();
    });
    pump();
  },
});
