/**
 * What is true of a hub, as plain arrays: every record that it accepted and has not lost in a crash, trimmed or not. The
 * walk tells it what was accepted; it judges what readers are shown and what a crash has left.
 */
import assert from 'node:assert/strict';
import { type Cursor, compareCursors, type Offset } from '../../shared/terms.ts';

/** A record that was accepted. */
export interface Fact extends Cursor {
  readonly channel: string;
  readonly key: string | null;
  /** Unlike that of any other; null for a tombstone. */
  readonly value: unknown;
  /** In the log. */
  readonly bytes: number;
  /** `producer sequence` of the entry it came with. */
  readonly entry: string;
}

export class World {
  readonly #facts: ReadonlyMap<string, Fact[]>;
  /** What was accepted since the hub started, one publish each, in order. */
  #publishes: (readonly Fact[])[] = [];
  /** So many of them were acknowledged from disk. */
  #syncedCount = 0;

  constructor(names: readonly string[]) {
    this.#facts = new Map(names.map((name) => [name, []]));
  }

  /** By offset, from 1. */
  facts(channel: string): readonly Fact[] {
    return this.#facts.get(channel)!;
  }

  at(channel: string, offset: Offset): Fact {
    const fact = this.facts(channel)[offset - 1];
    assert(fact, `${channel} never kept a record ${offset}`);
    return fact;
  }

  bytesBetween(channel: string, after: Offset, upTo: Offset): number {
    let bytes = 0;
    for (let offset = after + 1; offset <= upTo; offset++) bytes += this.at(channel, offset).bytes;
    return bytes;
  }

  /** Whether an entry of a producer is in the log. */
  holds(entry: string): boolean {
    return [...this.#facts.values()].some((facts) => facts.some((fact) => fact.entry === entry));
  }

  /**
   * A publish is handed to the hub, which may push its records before it says that it took them. Returns what is to be
   * called once it is acknowledged from disk.
   */
  accept(facts: readonly Fact[]): () => void {
    const publishes = this.#publishes;
    const count = publishes.push(facts);
    for (const fact of facts) this.#facts.get(fact.channel)!.push(fact);
    return () => {
      assert.equal(publishes, this.#publishes, 'a publish was acknowledged after the end');
      this.#syncedCount = Math.max(this.#syncedCount, count);
    };
  }

  /** The hub did not take the last publish. */
  withdraw(facts: readonly Fact[]): void {
    assert.equal(this.#publishes.pop(), facts);
    for (const { channel } of facts) this.#facts.get(channel)!.pop();
  }

  /** All that was accepted until now is acknowledged from disk. */
  synced(): void {
    this.#syncedCount = this.#publishes.length;
  }

  get publishCount(): number {
    return this.#publishes.length;
  }

  /** A clean stop keeps everything. */
  stopped(): void {
    this.#publishes = [];
    this.#syncedCount = 0;
  }

  /** I12: a crash keeps a prefix of all publishes, with all that was acknowledged from disk; the rest is gone. */
  crashed(heads: ReadonlyMap<string, Offset>): void {
    const isKept = ({ channel, offset }: Fact) => offset <= heads.get(channel)!;
    const firstLost = this.#publishes.findIndex((facts) => !facts.every(isKept));
    const keptCount = firstLost < 0 ? this.#publishes.length : firstLost;
    assert(
      keptCount >= this.#syncedCount,
      `publish ${firstLost} is lost, though ${this.#syncedCount} were acknowledged from disk`,
    );
    for (const facts of this.#publishes.slice(keptCount)) {
      assert(!facts.some(isKept), `publish ${keptCount} is lost, and one behind it is not`);
    }
    this.truncate(heads);
  }

  /** The folder was exchanged for an older one. */
  truncate(heads: ReadonlyMap<string, Offset>): void {
    for (const [channel, facts] of this.#facts) {
      const head = heads.get(channel)!;
      assert(head <= facts.length, `${channel} has a head ${head} that was never accepted`);
      facts.length = head;
    }
    this.stopped();
  }

  /** Whether a later record than the one at `offset`, and none beyond `head`, has its key. */
  isSuperseded(channel: string, offset: Offset, head: Offset): boolean {
    const { key } = this.at(channel, offset);
    if (key === null) return false;
    return this.facts(channel)
      .slice(offset, head)
      .some((later) => later.key === key);
  }

  /** The newest record of each key at or before `upTo`, tombstones left out, in order. */
  state(channel: string, upTo: Cursor): readonly Fact[] {
    const newest = new Map<string, Fact>();
    for (const fact of this.facts(channel)) {
      if (compareCursors(fact, upTo) > 0 || fact.key === null) continue;
      newest.delete(fact.key);
      if (fact.value !== null) newest.set(fact.key, fact);
    }
    return [...newest.values()].sort(compareCursors);
  }
}
