/** redis-server; its defaults but for the address and its folder. Publishes change no data, so nothing is saved. */
import { startDaemon } from './daemon.ts';
import type { Peer } from './peer.ts';

export const startRedis = (): Promise<Peer> =>
  startDaemon({
    command: 'redis-server',
    scheme: 'tcp',
    config: () => null,
    args: (port, folder) => ['--bind', '127.0.0.1', '--port', String(port), '--dir', folder],
  });
