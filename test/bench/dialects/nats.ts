/** NATS: the same text over TCP, and within WebSocket frames, there one for each publish. */
import { frameOf } from '../raw-socket.ts';
import { channelDigits, type Dialect } from './dialect.ts';

const subject = (channel: number) => `bench.${channelDigits(channel)}`;

function speak(frame: (bytes: Buffer) => Buffer): Dialect {
  return {
    protocol: undefined,
    times: 'double',
    // Unasked: it asks by PING every two minutes, and any PONG will do.
    keepAlive: { everyMs: 60_000, bytes: frame(Buffer.from('PONG\r\n')) },
    async open(socket) {
      const confirmed = socket.expect('PONG\r\n');
      socket.send(Buffer.from('CONNECT {"verbose":false,"pedantic":false,"echo":true}\r\nPING\r\n'));
      await confirmed;
    },
    async subscribe(socket, channels) {
      const confirmed = socket.expect('PONG\r\n');
      const subs = Array.from({ length: channels }, (_, i) => `SUB ${subject(i)} ${i}\r\n`);
      socket.send(Buffer.from(`${subs.join('')}PING\r\n`));
      await confirmed;
    },
    publish(channel, payload) {
      const head = Buffer.from(`PUB ${subject(channel)} ${payload.length}\r\n`);
      return frame(Buffer.concat([head, payload, Buffer.from('\r\n')]));
    },
  };
}

export const NATS = speak((bytes) => bytes);
export const NATS_WS = speak(frameOf);
