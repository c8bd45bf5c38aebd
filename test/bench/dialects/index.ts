/** Which server speaks what. */
import { BARE } from './bare.ts';
import type { Dialect } from './dialect.ts';
import { MQTT } from './mqtt.ts';
import { NATS, NATS_WS } from './nats.ts';
import { REDIS } from './redis.ts';
import { RINGCAST } from './ringcast.ts';
import { SOCKETIO } from './socketio.ts';

const DIALECTS: Readonly<Record<string, Dialect>> = {
  floor: BARE,
  uws: BARE,
  'uws-batched': BARE,
  ws: BARE,
  socketio: SOCKETIO,
  nats: NATS,
  'nats-ws': NATS_WS,
  redis: REDIS,
  'mosquitto-ws': MQTT,
};

export function dialectOf(server: string): Dialect {
  const dialect = /^ringcast(-|$)/.test(server) ? RINGCAST : DIALECTS[server];
  if (!dialect) throw new TypeError(`nobody knows how to speak to ${server}`);
  return dialect;
}
