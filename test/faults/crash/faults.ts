/** What befalls the hub and its clients in a round of the crash test. Called by the crash test only. */
import { setTimeout as pause } from 'node:timers/promises';
import type { Random } from '../../support/random.ts';
import type { HubProcess } from '../hub-process.ts';
import type { RemoteCrew } from './remote-crew.ts';

export interface Victims {
  readonly hub: HubProcess;
  readonly crew: RemoteCrew;
  readonly random: Random;
}

const FAULTS = {
  kill: async ({ hub }) => {
    await hub.kill();
    await hub.start();
  },
  'kill-twice': async ({ hub, random }) => {
    await hub.kill();
    await hub.start();
    await pause(random.below(150));
    await hub.kill();
    await hub.start();
  },
  'kill-while-starting': async ({ hub, random }) => {
    await hub.kill();
    hub.spawn();
    await pause(random.below(600));
    await hub.kill();
    await hub.start();
  },
  'freeze-hub': async ({ hub, random }) => {
    hub.freeze();
    await pause(1050 + random.below(400));
    hub.thaw();
    await pause(random.below(200));
  },
  'freeze-hub-and-kill': async ({ hub, random }) => {
    hub.freeze();
    await pause(1050 + random.below(400));
    hub.thaw();
    await pause(random.below(100));
    await hub.kill();
    await hub.start();
  },
  'freeze-clients': async ({ hub, crew, random }) => {
    crew.freeze();
    try {
      await pause(600 + random.below(300));
      if (random.chance(0.5)) {
        await hub.kill();
        await hub.start();
      }
      await pause(600);
    } finally {
      crew.thaw();
    }
  },
  stop: async ({ hub }) => {
    await hub.stop();
    await hub.start();
  },
} as const satisfies Record<string, (victims: Victims) => Promise<void>>;

export type FaultName = keyof typeof FAULTS;

/** Kills come often, each other fault once. */
const DECK: readonly FaultName[] = ['kill', 'kill', 'kill', ...(Object.keys(FAULTS) as FaultName[])];

/** Every fault in a random order, again and again. */
export function* faultsInTurn(random: Random): Generator<FaultName, never> {
  for (;;) {
    const deck = [...DECK];
    while (deck.length > 0) yield deck.splice(random.below(deck.length), 1)[0]!;
  }
}

/** Returns once the hub listens again. */
export async function inflict(name: FaultName, victims: Victims): Promise<void> {
  await FAULTS[name](victims);
}
