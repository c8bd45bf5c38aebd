/**
 * The crash test: a hub that is killed, frozen and started again, round after round, under publishers and readers of
 * every kind, and an account of everything at the end. Called by crash.ts (the command) and crash.test.ts.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { connect } from '../../../client/node.ts';
import type { Cursor } from '../../../shared/terms.ts';
import { Random } from '../../support/random.ts';
import { HubProcess } from '../hub-process.ts';
import type { ChannelAccount, LoggedRecord } from './accounts.ts';
import {
  CHANNELS,
  HUB_CONFIG,
  lateReader,
  PUBLISHERS,
  READERS,
  REMOTE_PUBLISHERS,
  REMOTE_READERS,
} from './crash-plan.ts';
import { judge, type Verdict } from './crash-verdict.ts';
import { Crew, type Heads } from './crew.ts';
import { type FaultName, faultsInTurn, inflict } from './faults.ts';
import { accountOf } from './payload.ts';
import { RemoteCrew } from './remote-crew.ts';

export interface CrashOptions {
  readonly rounds: number;
  readonly seed: number;
  /** The folder that `npm run build` wrote. */
  readonly dist: URL;
  /** For the hub's data; must be empty. */
  readonly folder: string;
  /** Told where the test is, whenever that changes. */
  readonly onProgress?: (progress: CrashProgress) => void;
}

export interface CrashProgress {
  /** From 1. */
  readonly round: number;
  readonly doing: FaultName | 'load' | 'settling' | 'reading back' | 'waiting for readers' | 'judging';
  readonly published: number;
}

/** A channel gets some such reader every so many rounds. */
const ROUNDS_PER_LATE_READER = 8;
const LOAD_MIN_MS = 150;
const LOAD_SPREAD_MS = 1100;

export async function runCrashTest(options: CrashOptions): Promise<Verdict> {
  const { dist, folder, seed } = options;
  const hub = await HubProcess.prepare({ dist, folder, config: HUB_CONFIG });
  const run = new CrashRun(options, hub, new Random(seed));
  try {
    await hub.start();
    return await run.run();
  } finally {
    await run.end();
  }
}

class CrashRun {
  readonly #options: CrashOptions;
  readonly #hub: HubProcess;
  readonly #random: Random;
  #crew: Crew | undefined;
  #remote: RemoteCrew | undefined;
  #round = 0;

  constructor(options: CrashOptions, hub: HubProcess, random: Random) {
    this.#options = options;
    this.#hub = hub;
    this.#random = random;
  }

  async run(): Promise<Verdict> {
    const startMs = performance.now();
    const { rounds, seed } = this.#options;
    await this.#startCrews();
    const faults = faultsInTurn(this.#random);
    for (this.#round = 1; this.#round <= rounds; this.#round++) await this.#playRound(faults.next().value);
    const logs = await this.#settle();
    const reports = [this.#crew!.report(), await this.#remote!.report()];
    this.#tell('judging');
    const seconds = Math.round((performance.now() - startMs) / 1000);
    return judge(reports, logs, { rounds, seed, starts: this.#hub.starts, seconds });
  }

  async end(): Promise<void> {
    this.#remote?.kill();
    await this.#crew?.close();
    await this.#hub.kill();
  }

  async #startCrews(): Promise<void> {
    const { dist, seed } = this.#options;
    const common = { url: this.#hub.url, token: await this.#hub.token };
    const remotePlan = { ...common, publishers: REMOTE_PUBLISHERS, readers: REMOTE_READERS };
    this.#remote = await RemoteCrew.start(dist, remotePlan, seed + 1);
    const plan = { ...common, publishers: PUBLISHERS, readers: READERS };
    this.#crew = await Crew.start(plan, new Random(seed + 2));
  }

  async #playRound(fault: FaultName): Promise<void> {
    this.#tell('load');
    if (this.#round % ROUNDS_PER_LATE_READER === 2) {
      await this.#crew!.addReader(lateReader(this.#round, this.#random));
    }
    await pause(LOAD_MIN_MS + this.#random.below(LOAD_SPREAD_MS));
    this.#tell(fault);
    await inflict(fault, { hub: this.#hub, crew: this.#remote!, random: this.#random });
  }

  /** Once all is answered the hub is killed a last time: what it acknowledged must still be there. */
  async #settle(): Promise<ChannelAccount[]> {
    this.#tell('settling');
    await Promise.all([this.#crew!.stopPublishing(), this.#remote!.stopPublishing()]);
    await this.#hub.kill();
    await this.#hub.start();
    this.#tell('reading back');
    const logs = await this.#readBack();
    this.#tell('waiting for readers');
    const heads = headsOf(logs);
    await Promise.all([this.#crew!.catchUp(heads), this.#remote!.catchUp(heads)]);
    return logs;
  }

  async #readBack(): Promise<ChannelAccount[]> {
    const client = await connect(this.#hub.url, { token: await this.#hub.token, client: 'read back' });
    const logs: ChannelAccount[] = [];
    for (const channel of CHANNELS) {
      const records: LoggedRecord[] = [];
      for await (const page of client.pages(channel)) records.push(...page.records.map(accountOf));
      logs.push({ channel, records });
    }
    await client.close();
    return logs;
  }

  #tell(doing: CrashProgress['doing']): void {
    const { rounds, onProgress } = this.#options;
    const published = this.#crew?.published.length ?? 0;
    onProgress?.({ round: Math.min(this.#round, rounds), doing, published });
  }
}

function headsOf(logs: readonly ChannelAccount[]): Heads {
  const heads: Record<string, Cursor> = {};
  for (const { channel, records } of logs) {
    const last = records.at(-1);
    if (last) heads[channel] = { epoch: last.epoch, offset: last.offset };
  }
  return heads;
}
