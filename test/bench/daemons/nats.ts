/** nats-server, as it comes: beside port and folders nothing is set but JetStream or the WebSocket port, where asked for. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Daemon, freePort } from './daemon.ts';

export interface Nats {
  readonly daemon: Daemon;
  readonly port: number;
  /** 0 without. */
  readonly webSocketPort: number;
}

export async function startNats(options: { jetStream?: boolean; webSocket?: boolean } = {}): Promise<Nats> {
  const port = await freePort();
  const webSocketPort = options.webSocket ? await freePort() : 0;
  const daemon = await Daemon.start(
    'nats-server',
    (folder) => {
      const file = join(folder, 'nats.conf');
      writeFileSync(
        file,
        [
          `listen: "127.0.0.1:${port}"`,
          options.jetStream ? `jetstream { store_dir: "${folder}" }` : '',
          options.webSocket ? `websocket { listen: "127.0.0.1:${webSocketPort}", no_tls: true }` : '',
        ].join('\n'),
      );
      return ['--config', file];
    },
    port,
  );
  return { daemon, port, webSocketPort };
}
