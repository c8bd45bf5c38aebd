/** k: how many objects a program reads a second with the client library of each, decoded and looked into. */
import { encodeValue } from '../../../shared/msgpack.ts';
import { startNats } from '../daemons/nats.ts';
import { HubRun } from '../hub-run.ts';
import { Child, type Keep, type MeasuredProcess, withProcesses } from '../processes/child.ts';
import type { FloodOrder } from '../processes/nats-flood.ts';
import { SAMPLE } from '../processes/sample.ts';
import type { ReadOrder } from '../processes/sdk-reader.ts';
import type { Scenario } from '../scenario.ts';
import { measureRecords } from './record-pace.ts';

const RECORDS = 3_000_000;
const RING_BYTES = 1024 * 1024 * 1024;

type Started = { readonly measured: MeasuredProcess; readonly order: ReadOrder };

/**
 * The server is on core 0, the reader alone on core 1. Ringcast replays a channel from its ring, Socket.IO emits in a
 * loop, NATS passes on what a publisher (on core 0, too) floods it with.
 */
export const sdkConsumer: Scenario = {
  letter: 'k',
  what: `objects of ${encodeValue(SAMPLE).length} B (msgpack) read with the client library and decoded`,
  compares: { figure: 'recordsPerSecond', better: 'more' },
  servers: ['ringcast', 'socketio', 'nats'],
  measure: (server, run) =>
    withProcesses(async (keep) => {
      run.progress('starting');
      const reader = keep(Child.start('./sdk-reader.js', 1));
      const { measured, order } = await START[server]!(keep);
      await reader.ask(server, order);
      if (server === 'nats') await flood(order, keep);
      return await measureRecords(measured, reader, run);
    }),
};

const START: Readonly<Record<string, (keep: Keep) => Promise<Started>>> = {
  async ringcast(keep) {
    const hub = keep(
      await HubRun.start({
        memory: { ringBytes: RING_BYTES },
        channels: [{ pattern: 'bench', ring: { maxBytes: RING_BYTES } }],
      }),
    );
    await hub.fill('bench', Buffer.from(encodeValue(SAMPLE)), RECORDS);
    return { measured: hub, order: { ...hub.address, records: RECORDS } };
  },
  async socketio(keep) {
    const measured = keep(Child.start('./object-server.js', 0));
    return { measured, order: { url: await measured.ask<string>('start'), token: '', records: 0 } };
  },
  async nats(keep) {
    const { daemon, port } = await startNats();
    return { measured: keep(daemon), order: { url: `nats://127.0.0.1:${port}`, token: '', records: 0 } };
  },
};

async function flood({ url }: ReadOrder, keep: Keep): Promise<void> {
  const publisher = keep(Child.start('./nats-flood.js', 0));
  const order: FloodOrder = { port: Number(new URL(url).port), payload: Buffer.from(JSON.stringify(SAMPLE)) };
  await publisher.ask('start', order);
}
