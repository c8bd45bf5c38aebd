/**
 * One idempotent producer of the walk, as PROTOCOL.md asks of a client: keeps each publish until it is answered, and
 * sends all that are not again, in order, when told to. What the hub makes of each is held against what is true.
 */
import assert from 'node:assert/strict';
import type { Hub } from '../../server/hub/hub.ts';
import { publish } from '../../server/hub/publish.ts';
import { Publisher } from '../../server/hub/publisher.ts';
import type { RingcastError } from '../../shared/errors.ts';
import type { PublishEntry, ServerFrame } from '../../shared/frames.ts';
import type { RecordInput } from '../../shared/terms.ts';
import type { Fact, World } from './world.ts';

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
    this.#publisher = new Publisher(1e12, (frame) => this.#told(frame), this.#name);
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
    const hub = this.#hub;
    const entries: PublishEntry[] = drafts.map(({ channel, records, sequence }) => {
      const first = !this.#begun.has(channel);
      this.#begun.add(channel);
      return { channel, records: records.map(({ input }) => input), sequence, first };
    });
    outstanding.firstSentMs ??= this.#helloMs;
    let refusal: RingcastError | undefined;
    const before = hub.publishedRecords;
    const frame = {
      op: 'publish',
      id,
      ack,
      entries,
      ...(firstSentMs !== undefined && { firstSentMs }),
    } as const;
    const heads = await Promise.all(drafts.map(async ({ channel }) => (await hub.openChannel(channel)).log));
    const offsets = new Map(heads.map((log) => [log, log.headOffset]));
    await publish(
      hub,
      this.#publisher,
      frame,
      () => true,
      ({ error }) => {
        refusal = error;
      },
    );
    const isTaken = hub.publishedRecords > before;
    if (refusal) this.#refused(refusal, isTaken);
    else if (isTaken) this.#taken(outstanding, offsets);
    else this.#duplicate(outstanding);
  }

  #refused({ code }: RingcastError, isTaken: boolean): void {
    this.#count(code);
    assert(!isTaken, `refused with ${code}, and yet taken`);
    assert(['overloaded', 'store-failed', 'out-of-sequence'].includes(code), `refused with ${code}`);
  }

  #taken(
    outstanding: Outstanding,
    offsets: ReadonlyMap<{ readonly name: string; headOffset: number }, number>,
  ): void {
    this.#count('taken');
    const facts: Fact[] = [];
    const next = new Map([...offsets].map(([log, head]) => [log.name, head + 1]));
    for (const { channel, records, sequence } of outstanding.drafts) {
      const entry = `${this.#name} ${channel} ${sequence}`;
      assert(!this.#world.holds(entry), `${entry} was taken twice`);
      for (const { input, value } of records) {
        const offset = next.get(channel)!;
        next.set(channel, offset + 1);
        const { epoch } = this.#hub.logs;
        facts.push({ channel, epoch, offset, key: input.key, value, bytes: bytesOf(input), entry });
      }
    }
    for (const [log, head] of offsets) {
      const added = facts.filter(({ channel }) => channel === log.name).length;
      assert.equal(log.headOffset, head + added, 'the log grew by something else');
    }
    outstanding.synced = this.#world.accept(facts);
  }

  #duplicate({ drafts }: Outstanding): void {
    this.#count('duplicate');
    for (const { channel, sequence } of drafts) {
      const entry = `${this.#name} ${channel} ${sequence}`;
      assert(this.#world.holds(entry), `${entry} is said to have been taken before, and was not`);
    }
  }

  #told(frame: ServerFrame): void {
    if (frame.op !== 'published') return;
    for (const { id, firstOffsets } of frame.answers) {
      const at = this.#outstanding.findIndex((each) => each.id === id);
      const [outstanding] = at < 0 ? [] : this.#outstanding.splice(at, 1);
      if (!outstanding || outstanding.ack !== 'disk') continue;
      this.#count('synced');
      if (firstOffsets.every((offset) => offset !== null)) outstanding.synced?.();
      for (const { channel, sequence } of outstanding.drafts) {
        assert(this.#world.holds(`${this.#name} ${channel} ${sequence}`), 'acknowledged, and not in the log');
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
