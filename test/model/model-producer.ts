/**
 * One idempotent producer of the walk, as PROTOCOL.md asks of a client: keeps each publish until it is answered, and
 * sends all that are not again, in order, when told to. What the hub makes of each is held against what is true.
 */
import assert from 'node:assert/strict';
import type { Hub } from '../../server/hub/hub.ts';
import { publish } from '../../server/hub/publish.ts';
import { Publisher } from '../../server/hub/publisher.ts';
import type { RingcastError } from '../../shared/errors.ts';
import type { Publish, PublishEntry, ServerFrame } from '../../shared/frames.ts';
import type { RecordInput } from '../../shared/terms.ts';
import type { Fact, World } from './world.ts';

/** Refusals after which it is sent again. */
const RETRIED = ['overloaded', 'store-failed', 'out-of-sequence'];

export interface Draft {
  readonly channel: string;
  readonly records: readonly { readonly input: RecordInput; readonly value: unknown }[];
}

interface Outstanding {
  readonly id: number;
  readonly ack: 'memory' | 'disk';
  readonly drafts: readonly (Draft & { readonly sequence: number })[];
  /** Time of the hello on whose connection it was sent first. */
  firstSentMs: number | undefined;
  /** To be called when it is acknowledged from disk, where it was accepted in this life of the hub. */
  synced: (() => void) | undefined;
}

export class ModelProducer {
  readonly #name: string;
  readonly #world: World;
  readonly #sequences = new Map<string, number>();
  #outstanding: Outstanding[] = [];
  #hub!: Hub;
  #publisher!: Publisher;
  #helloMs = 0;
  /** Channels that had their first entry since hello, or since a refusal. */
  #begun = new Set<string>();
  #lastId = 0;
  readonly met: Record<string, number> = {};

  constructor(name: string, world: World) {
    this.#name = name;
    this.#world = world;
  }

  get isSettled(): boolean {
    return this.#outstanding.length === 0;
  }

  /** A new connection; what was not answered may have been taken. */
  connect(hub: Hub): void {
    this.#hub = hub;
    this.#publisher = new Publisher(1e12, { send: (frame) => this.#told(frame) }, this.#name);
    this.#helloMs = hub.clock.nowMs();
    this.#begun = new Set();
    for (const outstanding of this.#outstanding) outstanding.synced = undefined;
  }

  async publish(drafts: readonly Draft[], ack: 'memory' | 'disk'): Promise<void> {
    const numbered = drafts.map((draft) => {
      const sequence = (this.#sequences.get(draft.channel) ?? 0) + 1;
      this.#sequences.set(draft.channel, sequence);
      return { ...draft, sequence };
    });
    const id = ++this.#lastId;
    const outstanding = { id, ack, drafts: numbered, firstSentMs: undefined, synced: undefined };
    this.#outstanding.push(outstanding);
    await this.#send(outstanding);
  }

  async resend(): Promise<void> {
    this.#begun = new Set();
    for (const outstanding of [...this.#outstanding]) await this.#send(outstanding);
  }

  async #send(outstanding: Outstanding): Promise<void> {
    const { id, ack, drafts, firstSentMs } = outstanding;
    const entries: PublishEntry[] = drafts.map(({ channel, records, sequence }) => {
      const first = !this.#begun.has(channel);
      this.#begun.add(channel);
      return { channel, records: records.map(({ input }) => input), sequence, first };
    });
    outstanding.firstSentMs ??= this.#helloMs;
    const resent = firstSentMs === undefined ? {} : { firstSentMs };
    await this.#offer(outstanding, { op: 'publish', id, ack, entries, ...resent });
  }

  /** Hands it to the hub, and holds what the hub does against what is true. */
  async #offer(outstanding: Outstanding, frame: Publish): Promise<void> {
    const hub = this.#hub;
    const { drafts } = outstanding;
    const heldCount = drafts.filter((draft) => this.#world.holds(this.#entryOf(draft))).length;
    const channels = await Promise.all(drafts.map(({ channel }) => hub.openChannel(channel)));
    const facts = this.#factsOf(drafts, new Map(channels.map(({ log }) => [log.name, log.headOffset])));
    const before = hub.publishedRecords;
    const synced = this.#world.accept(facts);
    let refusal: RingcastError | undefined;
    const refuse = ({ error }: { error: RingcastError }) => {
      refusal = error;
    };
    await publish(hub, this.#publisher, frame, () => true, refuse);
    const isTaken = hub.publishedRecords > before;
    if (isTaken) outstanding.synced = synced;
    else this.#world.withdraw(facts);
    for (const { log } of channels) assert.equal(log.headOffset, this.#world.facts(log.name).length);
    if (refusal) {
      assert(!isTaken, `refused with ${refusal.code}, and yet taken`);
      assert(RETRIED.includes(refusal.code), `refused with ${refusal.code}`);
    } else {
      const what = `${this.#entryOf(drafts[0]!)} is ${isTaken ? 'taken' : 'a duplicate'}`;
      assert.equal(heldCount, isTaken ? 0 : drafts.length, what);
    }
    this.#count(refusal?.code ?? (isTaken ? 'taken' : 'duplicate'));
  }

  #entryOf({ channel, sequence }: { readonly channel: string; readonly sequence: number }): string {
    return `${this.#name} ${channel} ${sequence}`;
  }

  #factsOf(drafts: Outstanding['drafts'], heads: ReadonlyMap<string, number>): Fact[] {
    const next = new Map(heads);
    const { epoch } = this.#hub.logs;
    return drafts.flatMap((draft) =>
      draft.records.map(({ input, value }) => {
        const { channel } = draft;
        const offset = next.get(channel)! + 1;
        next.set(channel, offset);
        const entry = this.#entryOf(draft);
        return { channel, epoch, offset, key: input.key, value, bytes: bytesOf(input), entry };
      }),
    );
  }

  #told(frame: ServerFrame): void {
    if (frame.op !== 'published') return;
    for (const { id, firstOffsets } of frame.answers) {
      const at = this.#outstanding.findIndex((each) => each.id === id);
      const [outstanding] = at < 0 ? [] : this.#outstanding.splice(at, 1);
      if (outstanding?.ack !== 'disk') continue;
      this.#count('synced');
      if (firstOffsets.every((offset) => offset !== null)) outstanding.synced?.();
      for (const draft of outstanding.drafts) {
        assert(this.#world.holds(this.#entryOf(draft)), 'acknowledged, and not in the log');
      }
    }
  }

  #count(what: string): void {
    this.met[what] = (this.met[what] ?? 0) + 1;
  }
}

/** As record-run lays it out: array, uint64, key, nil, bin. */
function bytesOf({ key, payload }: RecordInput): number {
  const keyBytes = key === null ? 1 : 1 + key.length;
  const header = payload.length < 256 ? 2 : payload.length < 65_536 ? 3 : 5;
  return 10 + keyBytes + 1 + header + payload.length;
}
