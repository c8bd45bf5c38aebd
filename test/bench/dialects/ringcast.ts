/** Ringcast's msgpack form: one record in each frame, no answer wanted. */
import { msgpackCodec } from '../../../shared/codec.ts';
import { type ClientFrame, SUBPROTOCOLS } from '../../../shared/frames.ts';
import { frameOf } from '../raw-socket.ts';
import { channelDigits, type Dialect } from './dialect.ts';
import { PublishCredit } from './publish-credit.ts';

export function subscribeFrame(id: number, channel: string): Uint8Array {
  const subscribe: ClientFrame = { op: 'subscribe', id, channel, from: 'latest', options: null };
  return msgpackCodec.encodeClient(subscribe);
}

export const RINGCAST: Dialect = {
  protocol: SUBPROTOCOLS.msgpack,
  times: 'double',
  async open(socket, token) {
    const hello: ClientFrame = { op: 'hello', token, client: 'bench', features: [], producerId: null };
    // A welcome ends with the hub's name.
    const welcomed = socket.expect('ringcast');
    socket.send(msgpackCodec.encodeClient(hello));
    await welcomed;
  },
  async subscribe(socket, channels) {
    const confirmed = socket.expect('channelNumber', channels);
    for (let i = 0; i < channels; i++) socket.send(subscribeFrame(i + 1, `bench.${channelDigits(i)}`));
    await confirmed;
  },
  credit: () => new PublishCredit(),
  publish(channel, payload) {
    const records = [{ key: null, meta: null, payload }];
    const entries = [{ channel: `bench.${channelDigits(channel)}`, records }];
    return frameOf(msgpackCodec.encodeClient({ op: 'publish', id: 0, ack: 'memory', entries }));
  },
};
