/**
 * A hub as it is used (tokens, cursors, RocksDB written behind), with the settings that a scenario needs. It removes its
 * folder when it ends, however its parent ended, unless it was asked to release it to the next.
 */
import { rm } from 'node:fs/promises';
import type { HubConfigInput } from '../../../server/config-schema.ts';
import { createHub, type Hub, parseConfig } from '../../../server/index.ts';
import { answer } from './answering.ts';

export interface HubOrder {
  readonly settings: HubConfigInput;
  readonly dataFolder: string;
}

let hub: Hub | undefined;
let ownFolder: string | undefined;

answer(
  {
    async start({ settings, dataFolder }: HubOrder) {
      ownFolder = dataFolder;
      hub = await createHub(parseConfig({ ...settings, port: 0, dataFolder }));
      return { url: hub.url, token: hub.developmentToken! };
    },
    async release() {
      await hub?.stop();
      ownFolder = undefined;
    },
  },
  async () => {
    await hub?.stop();
    if (ownFolder !== undefined) await rm(ownFolder, { recursive: true, force: true });
  },
);
