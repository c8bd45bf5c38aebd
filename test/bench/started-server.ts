/** Starts a server of the fan-out and idle scenarios by its name, on core 0; whoever starts it ends it. */
import { startMosquitto } from './daemons/mosquitto.ts';
import { startNats } from './daemons/nats.ts';
import { startRedis } from './daemons/redis.ts';
import { HubRun } from './hub-run.ts';
import { Child, type MeasuredProcess } from './processes/child.ts';

export interface StartedServer {
  readonly process: MeasuredProcess;
  /** Where the load connects: `ws:`, or `tcp:` for what is spoken without WebSocket. */
  readonly url: string;
  /** Empty where there are none. */
  readonly token: string;
}

/** `maxClients` for who has a bound by default. */
export async function startServer(server: string, maxClients: number): Promise<StartedServer> {
  const interval = /^ringcast(?:-(\d+)ms)?$/.exec(server);
  if (interval) return await startHub(Number(interval[1] ?? 0));
  switch (server) {
    case 'nats': {
      const { daemon, port } = await startNats();
      return { process: daemon, url: `tcp://127.0.0.1:${port}/`, token: '' };
    }
    case 'nats-ws': {
      const { daemon, webSocketPort } = await startNats({ webSocket: true });
      return { process: daemon, url: `ws://127.0.0.1:${webSocketPort}/`, token: '' };
    }
    case 'redis': {
      const { daemon, port } = await startRedis({ maxClients });
      return { process: daemon, url: `tcp://127.0.0.1:${port}/`, token: '' };
    }
    case 'mosquitto-ws': {
      const { daemon, webSocketPort } = await startMosquitto();
      return { process: daemon, url: `ws://127.0.0.1:${webSocketPort}/`, token: '' };
    }
    default:
      return await startOwn(server);
  }
}

async function startHub(pushIntervalMs: number): Promise<StartedServer> {
  const hub = await HubRun.start(pushIntervalMs > 0 ? { channels: [{ pattern: '>', pushIntervalMs }] } : {});
  return { process: hub, ...hub.address };
}

/** One of the bench's own, in servers/. */
async function startOwn(server: string): Promise<StartedServer> {
  const child = Child.start(`../servers/${server}.js`, 0);
  try {
    return { process: child, url: await child.ask<string>('start'), token: '' };
  } catch (cause) {
    await child.end();
    throw cause;
  }
}
