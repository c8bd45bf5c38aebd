/**
 * redis-server, as it comes but for: the append-only file, synced before every answer, where `durable` is asked for
 * (the default is none); no RDB snapshots and no rewriting of that file, which would write everything a second time; clients from all of 127.*, and as many as asked.
 */
import { Daemon, freePort } from './daemon.ts';

const NO_REWRITE = ['--auto-aof-rewrite-percentage', '0'];

export interface Redis {
  readonly daemon: Daemon;
  readonly port: number;
}

export async function startRedis(options: { durable?: boolean; maxClients?: number } = {}): Promise<Redis> {
  const port = await freePort();
  const daemon = await Daemon.start(
    'redis-server',
    (folder) => [
      ...['--port', String(port), '--bind', '127.0.0.1', '--dir', folder, '--save', ''],
      ...(options.durable ? ['--appendonly', 'yes', '--appendfsync', 'always', ...NO_REWRITE] : []),
      // It takes 127.0.0.2 for another machine.
      ...['--protected-mode', 'no'],
      ...(options.maxClients ? ['--maxclients', String(options.maxClients)] : []),
    ],
    port,
  );
  return { daemon, port };
}
