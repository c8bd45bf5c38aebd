/** Redis: RESP over TCP, publishes pipelined, their answers read and not waited for. */
import { channelDigits, type Dialect } from './dialect.ts';

function command(...words: readonly (string | Buffer)[]): Buffer {
  const parts = words.flatMap((word) => {
    const bytes = Buffer.from(word as string);
    return [Buffer.from(`$${bytes.length}\r\n`), bytes, Buffer.from('\r\n')];
  });
  return Buffer.concat([Buffer.from(`*${words.length}\r\n`), ...parts]);
}

const channelName = (channel: number) => `bench.${channelDigits(channel)}`;

export const REDIS: Dialect = {
  protocol: undefined,
  times: 'double',
  async open(socket) {
    const confirmed = socket.expect('+PONG');
    socket.send(command('PING'));
    await confirmed;
  },
  async subscribe(socket, channels) {
    const confirmed = socket.expect('subscribe\r\n', channels);
    socket.send(command('SUBSCRIBE', ...Array.from({ length: channels }, (_, i) => channelName(i))));
    await confirmed;
  },
  publish: (channel, payload) => command('PUBLISH', channelName(channel), payload),
};
