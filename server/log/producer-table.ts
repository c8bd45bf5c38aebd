/**
 * What a channel remembers of its idempotent producers: the last sequence of each, and whether it has forgotten any.
 * Bounded by count and age. Write-behind stores it with the channel's records and never ahead of them: notes about
 * records that a write does not take wait in a journal. Whether a sequence is accepted is the hub's to decide.
 *
 *     notes   ──────────────── written ───────────────│──── journal ────▶
 *     records ─────────────────────────────────────── H ────────────────▶ head
 */
import type { Offset } from '../../shared/terms.ts';
import { encodeProducers } from './store-keys.ts';

/** How much a channel remembers of its producers. */
export interface ProducerLimits {
  /** Producers per channel; the least recently active are forgotten first. */
  readonly maxCount: number;
  /** A producer that was not active for longer may be forgotten, ms. */
  readonly maxAgeMs: number;
}

export const DEFAULT_PRODUCER_LIMITS: ProducerLimits = { maxCount: 1000, maxAgeMs: 24 * 3_600_000 };

export interface ProducerState {
  readonly sequence: number;
  /** When its last entry was taken; never earlier than what the channel took before. */
  readonly activeMs: number;
}

/** One value on disk. */
export interface StoredProducers {
  /** Last activity of the most recently active among the forgotten. */
  readonly forgottenMs: number | undefined;
  /** Least recently active first. */
  readonly states: ReadonlyMap<string, ProducerState>;
}

/** An entry that was appended, and not yet given to a write. */
interface Note {
  readonly producer: string;
  readonly sequence: number;
  /** Of the entry's last record. */
  readonly lastOffset: Offset;
  readonly nowMs: number;
}

export class ProducerTable {
  readonly #limits: ProducerLimits;
  readonly #current: Memory;
  /** As it was at the end of the last write that took it; undefined while nothing was noted since. */
  #written: Memory | undefined;
  #journal: Note[] = [];
  /** A write of it failed: nobody knows which one the store holds. */
  #isInDoubt = false;

  constructor(limits: ProducerLimits, stored?: StoredProducers) {
    this.#limits = limits;
    this.#current = new Memory(new Map(stored?.states), stored?.forgottenMs);
  }

  get count(): number {
    return this.#current.states.size;
  }

  /** Whether the store holds less than this. */
  get isUnsaved(): boolean {
    return this.#journal.length > 0 || this.#isInDoubt;
  }

  /** The newest sequence that was taken; undefined for a producer that is not known (any more). */
  lastSequence(producer: string): number | undefined {
    return this.#current.states.get(producer)?.sequence;
  }

  /**
   * Whether a producer that was active at or after `sinceMs` has been forgotten. `sinceMs` is undefined for an entry
   * that was never sent before: then it does not matter.
   */
  mayHaveForgotten(sinceMs: number | undefined): boolean {
    const { forgottenMs } = this.#current;
    return sinceMs !== undefined && forgottenMs !== undefined && forgottenMs >= sinceMs;
  }

  /** Notes an entry whose records were appended, in the same turn; `lastOffset` is that of its last record. */
  note(producer: string, sequence: number, lastOffset: Offset, nowMs: number): void {
    this.#written ??= this.#current.copy();
    const note = { producer, sequence, lastOffset, nowMs };
    this.#journal.push(note);
    this.#current.take(note, this.#limits);
  }

  /** The value for a write that takes the log up to `lastOffset`; undefined where the store has it already. */
  takeValue(lastOffset: Offset): Buffer | undefined {
    const { length } = this.#journal;
    const later = this.#journal.findIndex((note) => note.lastOffset > lastOffset);
    const taken = this.#journal.splice(0, later < 0 ? length : later);
    if (taken.length === 0 && !this.#isInDoubt) return undefined;
    for (const note of taken) this.#written!.take(note, this.#limits);
    if (this.#journal.length === 0) this.#written = undefined;
    this.#isInDoubt = false;
    return encodeProducers(this.#written ?? this.#current);
  }

  /** The write failed: the next one takes it again. */
  distrust(): void {
    this.#isInDoubt = true;
  }
}

/** The table at one moment. Taking the same notes makes the same of it, whenever they are taken. */
class Memory implements StoredProducers {
  readonly states: Map<string, ProducerState>;
  forgottenMs: number | undefined;
  /** Of all that was taken: activity never goes back, whatever the clock does. */
  #newestMs: number;

  constructor(states: Map<string, ProducerState>, forgottenMs: number | undefined) {
    this.states = states;
    this.forgottenMs = forgottenMs;
    this.#newestMs = forgottenMs ?? 0;
    for (const { activeMs } of states.values()) this.#newestMs = Math.max(this.#newestMs, activeMs);
  }

  take({ producer, sequence, nowMs }: Note, { maxCount, maxAgeMs }: ProducerLimits): void {
    this.#newestMs = Math.max(this.#newestMs, nowMs);
    // Deleted first, so that the order of the map is the order of activity.
    this.states.delete(producer);
    this.states.set(producer, { sequence, activeMs: this.#newestMs });
    for (const [name, { activeMs }] of this.states) {
      if (this.states.size <= maxCount && this.#newestMs - activeMs <= maxAgeMs) return;
      this.states.delete(name);
      this.forgottenMs = Math.max(this.forgottenMs ?? 0, activeMs);
    }
  }

  copy(): Memory {
    return new Memory(new Map(this.states), this.forgottenMs);
  }
}
