/**
 * Socket.IO 4 (engine.io 4) over WebSocket from the start, no polling. The payload is a string: bytes would be an attachment,
 * two frames for each message. So times are digits here, for 8 bytes of a double are no text.
 */
import { frameOf } from '../raw-socket.ts';
import { channelDigits, type Dialect } from './dialect.ts';

const EVENT = '42';
const room = (channel: number) => `bench.${channelDigits(channel)}`;

export const SOCKETIO: Dialect = {
  protocol: undefined,
  times: 'digits',
  // The pong to its ping, before it is asked: engine.io asks every 25 s, counted anew from each pong.
  keepAlive: { everyMs: 15_000, bytes: frameOf(Buffer.from('3'), false) },
  async open(socket) {
    const confirmed = socket.expect('40{"sid"');
    socket.send(Buffer.from('40'), false);
    await confirmed;
  },
  async subscribe(socket, channels) {
    for (let i = 0; i < channels; i++) {
      const confirmed = socket.expect(`43${i}[`);
      socket.send(Buffer.from(`${EVENT}${i}${JSON.stringify(['sub', room(i)])}`), false);
      await confirmed;
    }
  },
  publish(channel, payload) {
    const event = JSON.stringify(['pub', room(channel), payload.toString('utf8')]);
    return frameOf(Buffer.from(`${EVENT}${event}`), false);
  },
};
