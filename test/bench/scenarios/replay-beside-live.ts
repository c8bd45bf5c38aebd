/** h: what the readers of one channel notice when another is replayed as fast as it goes. */

import type { Percentiles } from '../percentiles.ts';
import { Child, withProcesses } from '../processes/child.ts';
import type { LatencyOrder } from '../processes/live-latency.ts';
import type { ReplayOrder } from '../processes/replay-sink.ts';
import type { Scenario } from '../scenario.ts';
import { REPLAYED, startFilledHub } from './replay.ts';
import { cpuShareOf, pause, percent } from './saturation.ts';

const WARM_UP_MS = 1500;

export const replayBesideLive: Scenario = {
  letter: 'h',
  what: '1 → 10 at 1,000 records/s while a reader replays another channel from RocksDB',
  compares: { figure: 'p99Us', better: 'less' },
  servers: ['ringcast', 'ringcast-quiet'],
  measure: (server, run) =>
    withProcesses(async (keep) => {
      run.progress('filling');
      const hub = keep(await startFilledHub('store'));
      const { channel, records, bytes } = REPLAYED;
      const sink = keep(Child.start('./replay-sink.js', 1));
      const replay: ReplayOrder = { ...hub.address, channel, records, bytes };
      await sink.ask('check', replay);
      const live = keep(Child.start('./live-latency.js', 1));
      const order: LatencyOrder = {
        ...hub.address,
        channel: 'live',
        readers: 10,
        ratePerSecond: 1000,
        payloadBytes: 100,
      };
      await live.ask('open', order);
      // It shares its core with those whose latency is measured, and must not be what holds them up.
      if (server === 'ringcast') sink.ask('flood', true).catch(() => {});
      await pause(WARM_UP_MS);
      const before = await hub.usage();
      const replayed = await sink.ask<{ bytes: number }>('count');
      await live.ask('begin');
      await pause(run.seconds * 1000);
      const { deliveries, ...percentiles } = await live.ask<Percentiles & { deliveries: number }>('end');
      const after = await hub.usage();
      const megabytes = ((await sink.ask<{ bytes: number }>('count')).bytes - replayed.bytes) / 1e6;
      const cpuShare = cpuShareOf(before, after);
      run.progress(
        `${deliveries} deliveries, ${Math.round(megabytes / run.seconds)} MB/s replayed, the hub used ${percent(cpuShare)} of a core`,
      );
      return { ...percentiles, cpuShare, rssBytes: after.rssBytes };
    }),
};
