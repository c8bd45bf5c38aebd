/**
 * A hub as it is used (tokens, cursors, RocksDB written behind), with the settings that a scenario needs. Its folder is
 * kept over a restart, and removed at the end.
 */
import type { HubConfigInput } from '../../../server/config-schema.ts';
import { createHub, type Hub, parseConfig } from '../../../server/index.ts';
import { answer } from './answering.ts';

let hub: Hub | undefined;

answer(
  {
    async start({ settings, dataFolder }: { settings: HubConfigInput; dataFolder: string }) {
      hub = await createHub(parseConfig({ ...settings, port: 0, dataFolder }));
      return { url: hub.url, token: hub.developmentToken! };
    },
    stop: () => hub!.stop(),
  },
  async () => {
    await hub?.stop();
  },
);
