/**
 * Ringcast as it is used: tokens, offsets, cursors, RocksDB write-behind, nothing switched off.
 * `--push-interval-ms 10` gathers pushes for so long, in all channels.
 */
import { parseArgs } from 'node:util';
import { createHub, parseConfig } from '../../../server/index.ts';
import { announce } from './serving.ts';

const { values } = parseArgs({ options: { 'push-interval-ms': { type: 'string' } } });
const pushIntervalMs = values['push-interval-ms'];
const channels =
  pushIntervalMs === undefined ? [] : [{ pattern: '>', pushIntervalMs: Number(pushIntervalMs) }];

const dataFolder = process.env.BENCH_FOLDER!;
const hub = await createHub(parseConfig({ port: 0, dataFolder, channels }));
announce(hub.url, hub.developmentToken!);
process.removeAllListeners('disconnect');
process.on('disconnect', async () => {
  await hub.stop();
  process.exit(0);
});
