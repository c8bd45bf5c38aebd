/** Ringcast as it is used: tokens, offsets, cursors, RocksDB write-behind. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createHub, parseConfig } from '../../../server/index.ts';
import { announce } from './serving.ts';

const dataFolder = await mkdtemp(join(tmpdir(), 'ringcast-bench-'));
const hub = await createHub(parseConfig({ port: 0, dataFolder }));
announce(hub.url, hub.developmentToken!);
process.removeAllListeners('disconnect');
process.on('disconnect', async () => {
  await hub.stop();
  await rm(dataFolder, { recursive: true, force: true });
  process.exit(0);
});
