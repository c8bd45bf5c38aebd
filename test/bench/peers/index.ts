/** Starts a server by its name. */
import { startMosquitto } from './mosquitto.ts';
import { startNats, startNatsWebSocket } from './nats.ts';
import type { Peer } from './peer.ts';
import { startProgram } from './program.ts';
import { startRedis } from './redis.ts';

const DAEMONS: Readonly<Record<string, () => Promise<Peer>>> = {
  nats: startNats,
  'nats-ws': startNatsWebSocket,
  redis: startRedis,
  'mosquitto-ws': startMosquitto,
};

export function startPeer(server: string): Promise<Peer> {
  const interval = /^ringcast-(\d+)ms$/.exec(server);
  if (interval) return startProgram('ringcast', ['--push-interval-ms', interval[1]!]);
  return DAEMONS[server]?.() ?? startProgram(server);
}
