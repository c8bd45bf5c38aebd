/**
 * Publishers and readers of the crash test that live in one process, each with a client of its own: started together,
 * told to stop publishing, waited for until they have read everything, and asked for their accounts. Called by the crash
 * test, in its own process and in others.
 */
import { type Client, connect } from '../../../client/node.ts';
import type { Cursor } from '../../../shared/terms.ts';
import type { Random } from '../../support/random.ts';
import { until } from '../../support/until.ts';
import type { Published, ReaderAccount } from './accounts.ts';
import { LoadPublisher, type PublisherPlan } from './load-publisher.ts';
import { LoadReader, type ReaderPlan } from './load-reader.ts';

export interface CrewPlan {
  readonly url: string;
  readonly token: string;
  readonly publishers: readonly PublisherPlan[];
  readonly readers: readonly ReaderPlan[];
  /** One of them for each client. Default: so short that a frozen hub is taken for dead, or the SDK's own default. */
  readonly pingIntervalsMs?: readonly number[];
}

export interface CrewReport {
  readonly published: readonly Published[];
  readonly readers: readonly ReaderAccount[];
  /** Clients whose connection ended for good by itself, and other errors that nobody else is told of. */
  readonly failures: readonly string[];
  /** How often a reader was disconnected for its lag. */
  readonly laggingCuts: number;
}

/** Where each channel ends. */
export type Heads = Readonly<Record<string, Cursor>>;

/** A hub that is away is back within a second or two. */
const BACKOFF = { baseMs: 50, capMs: 300, resetAfterMs: 1000 };
const PING_INTERVALS_MS = [400, 20_000];
/** Little credit makes a reader lag that is slower than its channel. */
const SLOW_QUEUE_BYTES = 16_384;
const CATCH_UP_TIMEOUT_MS = 60_000;

export class Crew {
  readonly #plan: Pick<CrewPlan, 'url' | 'token' | 'pingIntervalsMs'>;
  readonly #random: Random;
  readonly #clients: Client[] = [];
  readonly #publishers: LoadPublisher[] = [];
  readonly #readers: LoadReader[] = [];
  readonly #failures: string[] = [];
  #laggingCuts = 0;

  private constructor(plan: CrewPlan, random: Random) {
    this.#plan = plan;
    this.#random = random;
  }

  /** The hub must be listening. */
  static async start(plan: CrewPlan, random: Random): Promise<Crew> {
    const crew = new Crew(plan, random);
    for (const reader of plan.readers) await crew.addReader(reader);
    for (const publisher of plan.publishers) await crew.#addPublisher(publisher);
    return crew;
  }

  get published(): readonly Published[] {
    return this.#publishers.flatMap(({ published }) => published);
  }

  async addReader(plan: ReaderPlan): Promise<void> {
    const client = await this.#connect(plan.name, (plan.workMs ?? 0) > 0 ? SLOW_QUEUE_BYTES : undefined);
    this.#readers.push(new LoadReader(client, plan));
  }

  /** Nothing new is published; resolves when all that was has been answered. */
  async stopPublishing(): Promise<void> {
    await Promise.all(this.#publishers.map((publisher) => publisher.stop()));
  }

  /** Resolves when every reader stands at the head of its channel, or is late for good. */
  async catchUp(heads: Heads): Promise<void> {
    for (const reader of this.#readers) reader.hurry();
    const isThere = (reader: LoadReader) => {
      const { channel, failure } = reader.account;
      return failure !== null || !heads[channel] || reader.isAt(heads[channel]);
    };
    const all = () => this.#readers.every(isThere);
    await until(all, { what: 'the readers', timeoutMs: CATCH_UP_TIMEOUT_MS }).catch(() => {});
  }

  report(): CrewReport {
    return {
      published: this.published,
      readers: this.#readers.map(({ account }) => account),
      failures: this.#failures,
      laggingCuts: this.#laggingCuts,
    };
  }

  async close(): Promise<void> {
    await Promise.all(this.#clients.map((client) => client.close({ timeoutMs: 100 })));
  }

  async #addPublisher(plan: PublisherPlan): Promise<void> {
    const publisher = new LoadPublisher(await this.#connect(plan.name), plan, this.#random);
    this.#publishers.push(publisher);
    publisher.start();
  }

  async #connect(name: string, maxQueuedBytes?: number): Promise<Client> {
    const { url, token, pingIntervalsMs = PING_INTERVALS_MS } = this.#plan;
    const pingIntervalMs = this.#random.pick(pingIntervalsMs);
    const options = { token, client: name, backoff: BACKOFF, pingIntervalMs, maxQueuedBytes };
    const client = await connect(url, { ...options, timeoutMs: 60_000, attemptTimeoutMs: 1000 });
    client.on('status', (status, failure) => {
      if (status === 'closed' && failure) this.#failures.push(`${name}: ${failure.code}`);
      if (status === 'offline' && failure?.code === 'lagging') this.#laggingCuts++;
    });
    client.on('error', (error, channel) => this.#failures.push(`${name} ${channel}: ${error}`));
    this.#clients.push(client);
    return client;
  }
}
