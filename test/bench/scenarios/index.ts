/** All scenarios, in the order in which they run. */
import type { Scenario } from '../scenario.ts';
import { FAN_OUT, OFFERED_LOAD } from './fan-out.ts';
import { idleMemory, idleMemoryOfMany } from './idle-memory.ts';
import { durableIngest } from './ingest.ts';
import { manyChannels } from './many-channels.ts';
import { replayFromRing, replayFromStore } from './replay.ts';
import { replayBesideLive } from './replay-beside-live.ts';
import { sdkConsumer } from './sdk-consumer.ts';

export const SCENARIOS: readonly Scenario[] = [
  ...FAN_OUT,
  durableIngest,
  replayFromRing,
  replayFromStore,
  replayBesideLive,
  idleMemory,
  idleMemoryOfMany,
  manyChannels,
  sdkConsumer,
  ...OFFERED_LOAD,
];
