/**
 * An ordered map of buffers in memory: a sorted list, cut into chunks so that a change moves few neighbours.
 *
 *     chunks   [ a…f ] [ g…p ] [ q…z ]     searched by first key, then within; never empty
 *
 * A seek is two binary searches. An insert shifts at most one chunk, and once in many a list of chunks some
 * hundred times shorter than the map.
 *
 * Not its job: owning bytes. It keeps and returns the buffers it is given; memory-store copies.
 */
import type { StoreEntry } from './ordered-store.ts';
import type { NormalRange } from './store-arguments.ts';

const DEFAULT_CHUNK_ENTRIES = 512;

interface Chunk {
  entries: StoreEntry[];
  /** Of keys and values. */
  bytes: number;
}

/** Where an entry is or would be inserted; `index` may be one past the chunk's end. */
interface Position {
  readonly chunk: number;
  readonly index: number;
}

export class SortedEntries {
  readonly #maxChunkEntries: number;
  readonly #chunks: Chunk[] = [];

  /** A chunk of more than `maxChunkEntries` is cut in two; neighbours with half as many together are joined. */
  constructor(maxChunkEntries = DEFAULT_CHUNK_ENTRIES) {
    this.#maxChunkEntries = maxChunkEntries;
  }

  get(key: Buffer): Buffer | undefined {
    const { chunk, index } = this.#seek(key, false);
    const entry = this.#chunks[chunk]?.entries[index];
    return entry?.key.equals(key) ? entry.value : undefined;
  }

  put(key: Buffer, value: Buffer): void {
    const { chunk: number, index } = this.#seek(key, false);
    const chunk = this.#chunks[number];
    if (!chunk) {
      this.#chunks.push({ entries: [{ key, value }], bytes: key.length + value.length });
      return;
    }
    const present = chunk.entries[index];
    if (present?.key.equals(key)) {
      chunk.entries[index] = { key, value };
      chunk.bytes += value.length - present.value.length;
      return;
    }
    chunk.entries.splice(index, 0, { key, value });
    chunk.bytes += key.length + value.length;
    if (chunk.entries.length > this.#maxChunkEntries) this.#split(number, chunk);
  }

  delete(key: Buffer): void {
    const { chunk: number, index } = this.#seek(key, false);
    const chunk = this.#chunks[number];
    const present = chunk?.entries[index];
    if (!chunk || !present?.key.equals(key)) return;
    chunk.entries.splice(index, 1);
    chunk.bytes -= entryBytes(present);
    if (chunk.entries.length === 0) this.#chunks.splice(number, 1);
    else this.#join(Math.max(0, number - 1));
  }

  /** The entries of a range in its order; of its limits it knows none. The map must not change meanwhile. */
  *entriesIn(range: NormalRange): Generator<StoreEntry, void, undefined> {
    const { gte, upper } = range;
    const from = this.#seek(gte, false);
    const to = upper ? this.#seek(upper.key, upper.inclusive) : this.#end();
    if (isBefore(from, to)) yield* range.reverse ? this.#down(from, to) : this.#up(from, to);
  }

  /** Bytes of the keys and values from `gte` up to, not including, `lt`. */
  bytesBetween(gte: Buffer, lt: Buffer): number {
    const from = this.#seek(gte, false);
    const to = this.#seek(lt, false);
    if (!isBefore(from, to)) return 0;
    let bytes = 0;
    for (let number = from.chunk; number <= to.chunk; number += 1) {
      const chunk = this.#chunks[number]!;
      const start = number === from.chunk ? from.index : 0;
      const end = number === to.chunk ? to.index : chunk.entries.length;
      if (end - start === chunk.entries.length) bytes += chunk.bytes;
      else for (let index = start; index < end; index += 1) bytes += entryBytes(chunk.entries[index]!);
    }
    return bytes;
  }

  /**
   * The position of the first key at or after `key` (`after`: only after). It lies in the last chunk that begins at or
   * before `key`, so that a key equal to the first of a chunk is found there and not past the end of the one before.
   */
  #seek(key: Buffer, after: boolean): Position {
    const following = firstWhere(this.#chunks, (chunk) => Buffer.compare(chunk.entries[0]!.key, key) > 0);
    const chunk = Math.max(0, following - 1);
    const entries = this.#chunks[chunk]?.entries ?? [];
    const passes = after ? 1 : 0;
    return { chunk, index: firstWhere(entries, (entry) => Buffer.compare(entry.key, key) >= passes) };
  }

  #end(): Position {
    const last = this.#chunks.at(-1);
    return { chunk: Math.max(0, this.#chunks.length - 1), index: last?.entries.length ?? 0 };
  }

  *#up(from: Position, to: Position): Generator<StoreEntry, void, undefined> {
    for (let number = from.chunk; number <= to.chunk; number += 1) {
      const { entries } = this.#chunks[number]!;
      const end = number === to.chunk ? to.index : entries.length;
      for (let index = number === from.chunk ? from.index : 0; index < end; index += 1) yield entries[index]!;
    }
  }

  *#down(from: Position, to: Position): Generator<StoreEntry, void, undefined> {
    for (let number = to.chunk; number >= from.chunk; number -= 1) {
      const { entries } = this.#chunks[number]!;
      const start = number === from.chunk ? from.index : 0;
      for (let index = (number === to.chunk ? to.index : entries.length) - 1; index >= start; index -= 1) {
        yield entries[index]!;
      }
    }
  }

  #split(number: number, chunk: Chunk): void {
    const entries = chunk.entries.splice(chunk.entries.length >> 1);
    const bytes = entries.reduce((sum, entry) => sum + entryBytes(entry), 0);
    chunk.bytes -= bytes;
    this.#chunks.splice(number + 1, 0, { entries, bytes });
  }

  /** Joins a chunk with the next one if both are small: scattered deletes must not leave a trail of tiny chunks. */
  #join(number: number): void {
    const chunk = this.#chunks[number];
    const next = this.#chunks[number + 1];
    if (!chunk || !next || chunk.entries.length + next.entries.length > this.#maxChunkEntries >> 1) return;
    chunk.entries.push(...next.entries);
    chunk.bytes += next.bytes;
    this.#chunks.splice(number + 1, 1);
  }
}

function isBefore(a: Position, b: Position): boolean {
  return a.chunk < b.chunk || (a.chunk === b.chunk && a.index < b.index);
}

function entryBytes(entry: StoreEntry): number {
  return entry.key.length + entry.value.length;
}

/** The first index whose item passes, where all after it do too; the length when none does. */
function firstWhere<Item>(items: readonly Item[], passes: (item: Item) => boolean): number {
  let low = 0;
  let high = items.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (passes(items[middle]!)) high = middle;
    else low = middle + 1;
  }
  return low;
}
