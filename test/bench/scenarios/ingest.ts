/** f: what one connection can publish when each record is acknowledged from disk. */
import { startNats } from '../daemons/nats.ts';
import { startRedis } from '../daemons/redis.ts';
import { HubRun } from '../hub-run.ts';
import { payloadOf } from '../marker.ts';
import { recordPayload } from '../marker-record.ts';
import { Child, type Keep, type MeasuredProcess, withProcesses } from '../processes/child.ts';
import type { PublisherOrder } from '../processes/publisher.ts';
import type { BenchRun, Figures, Scenario } from '../scenario.ts';
import { measureRecords } from './record-pace.ts';

const PAYLOAD_BYTES = 100;
/** Publishes unanswered at most, the same for all. */
const DEPTH = 16_384;

type Server = 'ringcast' | 'ringcast-sdk' | 'nats' | 'redis';

/**
 * What "from disk" means differs: Ringcast and Redis (appendfsync always) have synced a record before they answer,
 * JetStream has written it to its file.
 */
export const durableIngest: Scenario = {
  letter: 'f',
  what: '1 publisher, 1 record of 100 B a frame, pipelined, acknowledged from disk',
  compares: { figure: 'recordsPerSecond', better: 'more' },
  servers: ['ringcast', 'ringcast-sdk', 'nats', 'redis'],
  measure: (server, run) => withProcesses((keep) => measure(server as Server, run, keep)),
};

async function measure(server: Server, run: BenchRun, keep: Keep): Promise<Figures> {
  const { measured, ...address } = await start(server, keep);
  run.progress(`up to ${DEPTH} publishes unanswered`);
  if (server === 'ringcast-sdk') {
    const load = keep(Child.start('./sdk-publisher.js', 1));
    await load.ask('open', address);
    await load.ask('flood', { channel: 'bench', data: payloadOf(PAYLOAD_BYTES - 2), depth: DEPTH });
    return await measureRecords(measured, load, run);
  }
  const load = keep(Child.start('./publisher.js', 1));
  const order: PublisherOrder = {
    ...address,
    server,
    channels: ['bench'],
    payload: server === 'ringcast' ? recordPayload(PAYLOAD_BYTES) : payloadOf(PAYLOAD_BYTES),
    recordsPerFrame: 1,
    ack: 'disk',
    depth: DEPTH,
  };
  await load.ask('open', order);
  await load.ask('flood');
  return await measureRecords(measured, load, run);
}

async function start(
  server: Server,
  keep: Keep,
): Promise<{ measured: MeasuredProcess; url: string; token: string }> {
  if (server === 'nats') {
    const { daemon, port } = await startNats({ jetStream: true });
    return { measured: keep(daemon), url: `tcp://127.0.0.1:${port}`, token: '' };
  }
  if (server === 'redis') {
    const { daemon, port } = await startRedis({ durable: true });
    return { measured: keep(daemon), url: `tcp://127.0.0.1:${port}`, token: '' };
  }
  const hub = keep(await HubRun.start());
  return { measured: hub, ...hub.address };
}
