/** nats-server, core NATS without JetStream; its defaults but for the address, and no log of its own. */
import { type DaemonPlan, startDaemon } from './daemon.ts';
import type { Peer } from './peer.ts';

const TCP: DaemonPlan = {
  command: 'nats-server',
  scheme: 'tcp',
  config: () => null,
  args: (port) => ['--addr', '127.0.0.1', '--port', String(port), '--log', '/dev/null'],
};

/** The TCP port, which it must have, is any. */
const WEBSOCKET: DaemonPlan = {
  command: 'nats-server',
  scheme: 'ws',
  config: (port) =>
    `host: "127.0.0.1"\nport: -1\nlog_file: "/dev/null"\nwebsocket { host: "127.0.0.1", port: ${port}, no_tls: true }\n`,
  args: (_port, _folder, configFile) => ['--config', configFile],
};

export const startNats = (): Promise<Peer> => startDaemon(TCP);
export const startNatsWebSocket = (): Promise<Peer> => startDaemon(WEBSOCKET);
