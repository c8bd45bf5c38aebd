/**
 * What the bench's own bare servers speak, the least that can be: a message of one byte subscribes to the channel of that
 * number and is answered `ok`; any other is for the channel that its first byte names, and forwarded as it is.
 */
import { frameOf } from '../raw-socket.ts';
import type { Dialect } from './dialect.ts';

export const BARE: Dialect = {
  protocol: undefined,
  times: 'double',
  async open() {},
  async subscribe(socket, channels) {
    const confirmed = socket.expect('ok', channels);
    for (let channel = 0; channel < channels; channel++) socket.send(Buffer.of(channel));
    await confirmed;
  },
  publish: (channel, payload) => frameOf(Buffer.concat([Buffer.of(channel), payload])),
};
