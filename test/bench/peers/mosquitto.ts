/**
 * mosquitto with a listener for MQTT over WebSocket. What differs from its defaults: clients without a password (else it lets
 * none in), no bound on what waits for a client (at 1,000 it would drop messages instead of slowing down), no log but of errors. The
 * second listener, which nobody uses, is there because mosquitto 2.0 ends when it has no other than WebSocket.
 */
import { startDaemon } from './daemon.ts';
import type { Peer } from './peer.ts';

export const startMosquitto = (): Promise<Peer> =>
  startDaemon({
    command: 'mosquitto',
    scheme: 'ws',
    config: (port, _folder, sparePort) =>
      [
        `listener ${sparePort} 127.0.0.1`,
        `listener ${port} 127.0.0.1`,
        'protocol websockets',
        'allow_anonymous true',
        'max_queued_messages 0',
        'log_dest stderr',
        'log_type error',
        '',
      ].join('\n'),
    args: (_port, _folder, configFile) => ['-c', configFile],
  });
