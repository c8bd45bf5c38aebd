/** j: what it costs to publish to many channels in turn, beside one. */

import { HubRun } from '../hub-run.ts';
import { recordPayload } from '../marker-record.ts';
import { Child, withProcesses } from '../processes/child.ts';
import type { PublisherOrder } from '../processes/publisher.ts';
import type { Scenario } from '../scenario.ts';
import { measureRecords } from './record-pace.ts';

const PAYLOAD_BYTES = 100;
const COUNTS = [1, 10, 10_000, 100_000];
const DEPTH = 16_384;

/** Each frame is one record for the next channel; answered from memory. */
export const manyChannels: Scenario = {
  letter: 'j',
  what: '1 publisher, 1 record of 100 B a frame, to 1 … 100,000 channels in turn',
  compares: { figure: 'recordsPerCpuSecond', better: 'more' },
  servers: COUNTS.map((count) => `ringcast-${count}`),
  measure: (server, run) =>
    withProcesses(async (keep) => {
      const count = Number(server.slice('ringcast-'.length));
      const hub = keep(await HubRun.start({ limits: { maxChannels: 2 * count } }));
      const load = keep(Child.start('./publisher.js', 1));
      const order: PublisherOrder = {
        ...hub.address,
        server: 'ringcast',
        channels: Array.from({ length: count }, (_, i) => `bench.${String(i).padStart(6, '0')}`),
        payload: recordPayload(PAYLOAD_BYTES),
        recordsPerFrame: 1,
        ack: 'memory',
        depth: DEPTH,
      };
      await load.ask('open', order);
      run.progress(`opening ${count} channels`);
      await load.ask('publish', count);
      await load.ask('flood');
      return await measureRecords(hub, load, run);
    }),
};
