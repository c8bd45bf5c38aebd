/**
 * mosquitto with a listener for MQTT over WebSocket. What differs from its defaults: clients without a password (else it lets
 * none in), no bound on what waits for a client (at 1,000 it would drop messages instead of slowing down), no log but of errors. The
 * second listener, which nobody uses, is there because mosquitto 2.0 ends when it has no other than WebSocket.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Daemon, freePort } from './daemon.ts';

export interface Mosquitto {
  readonly daemon: Daemon;
  readonly webSocketPort: number;
}

export async function startMosquitto(): Promise<Mosquitto> {
  const [port, webSocketPort] = [await freePort(), await freePort()];
  const daemon = await Daemon.start(
    'mosquitto',
    (folder) => {
      const file = join(folder, 'mosquitto.conf');
      writeFileSync(
        file,
        [
          `listener ${port} 127.0.0.1`,
          `listener ${webSocketPort} 127.0.0.1`,
          'protocol websockets',
          'allow_anonymous true',
          'max_queued_messages 0',
          'log_dest stderr',
          'log_type error',
          '',
        ].join('\n'),
      );
      return ['-c', file];
    },
    webSocketPort,
  );
  return { daemon, webSocketPort };
}
