/** MQTT 3.1.1 in WebSocket frames, one packet each, QoS 0. */
import { frameOf } from '../raw-socket.ts';
import { channelDigits, type Dialect } from './dialect.ts';

const CONNECT = 0x10;
const CONNACK = '\x20\x02\x00\x00';
const PUBLISH_QOS_0 = 0x30;
const SUBSCRIBE = 0x82;
const SUBACK = '\x90';
/** CONNECT's fields: the protocol's name and level 4, a clean session, no keep-alive, a client id that the server chooses. */
const CONNECT_FIELDS = Buffer.from('\x00\x04MQTT\x04\x02\x00\x00\x00\x00', 'latin1');

function packet(type: number, ...parts: readonly Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  const { length } = body;
  // Lengths have 7 bits a byte; 100 B payloads need one or two.
  const head = length < 128 ? [type, length] : [type, 0x80 | (length & 127), length >> 7];
  return Buffer.concat([Buffer.from(head), body]);
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([Buffer.of(bytes.length >> 8, bytes.length & 255), bytes]);
}

const topic = (channel: number) => text(`bench/${channelDigits(channel)}`);

export const MQTT: Dialect = {
  protocol: 'mqtt',
  times: 'double',
  async open(socket) {
    const confirmed = socket.expect(CONNACK);
    socket.send(packet(CONNECT, CONNECT_FIELDS));
    await confirmed;
  },
  async subscribe(socket, channels) {
    for (let i = 0; i < channels; i++) {
      const confirmed = socket.expect(SUBACK);
      socket.send(packet(SUBSCRIBE, Buffer.of(0, i + 1), topic(i), Buffer.of(0)));
      await confirmed;
    }
  },
  publish: (channel, payload) => frameOf(packet(PUBLISH_QOS_0, topic(channel), payload)),
};
