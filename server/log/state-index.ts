/**
 * The state of one channel in memory: which keys it has, where the newest record of each lies, and what the store holds
 * of that. Decides what each write of the channel's records does to the stored state, so that both are at one position.
 * Holds no records but those of a rebuilt state that is not written yet; state-loader fills it, state-page reads.
 *
 *     accepted   ──────────────────────────────────────▶ head          keys, their count
 *     stored     ───────────────▶ storedOffset                         values under `s`, `t` says how far
 */
import { RunReader } from '../../shared/record-run.ts';
import type { Cursor, Epoch, Offset } from '../../shared/terms.ts';
import type { ChannelLog } from './channel-log.ts';
import type { StoreOperation } from './ordered-store.ts';
import type { RunSlice } from './segment.ts';
import { encodeStateOffset, stateKey, stateOffsetKey } from './store-keys.ts';

export interface StateLimits {
  /** Keys that the state of a channel may have. */
  readonly maxKeys: number;
}

interface KeyEntry {
  /** Of the newest accepted record. */
  offset: Offset;
  /** Whether that is anything but a tombstone. */
  isLive: boolean;
  /** Where the record lies that the store holds for the key. */
  stored: Cursor | null;
}

/** The newest record of a key among those of a write; `bytes` are null for a tombstone. */
interface KeyUpdate {
  readonly position: Cursor;
  readonly bytes: Buffer | null;
}

/** What one write does to the stored state. */
export interface StateWrite {
  readonly upTo: Offset;
  readonly updates: ReadonlyMap<string, KeyUpdate>;
  readonly operations: readonly StoreOperation[];
}

const NIL = 0xc0;

/** Whether a payload, with a key, deletes the key from the state. */
export function isTombstone(payload: Uint8Array): boolean {
  return payload.length === 1 && payload[0] === NIL;
}

export class StateIndex {
  readonly maxKeys: number;
  readonly #number: number;
  readonly #keys = new Map<string, KeyEntry>();
  #liveCount = 0;
  /** How far the stored state goes, and how far it goes with what was rebuilt and is not written yet. */
  #storedOffset: Offset;
  #scannedOffset: Offset;
  /** Newest records from a scan of the log, for the next write. */
  readonly #rebuilt = new Map<string, KeyUpdate>();
  /** Positions of which the store may hold a value, and is to hold none but what the next write puts there. */
  readonly #suspects = new Map<Offset, Epoch>();
  #waiting: { offset: Offset; run: () => void }[] = [];

  /** `storedOffset`: what the store says its state is complete to; 0 for an empty one. */
  constructor(number: number, limits: StateLimits, storedOffset: Offset) {
    this.#number = number;
    this.maxKeys = limits.maxKeys;
    this.#storedOffset = storedOffset;
    this.#scannedOffset = storedOffset;
  }

  /** Keys that have a newest record, what is not written yet counted. */
  get keyCount(): number {
    return this.#liveCount;
  }

  get storedOffset(): Offset {
    return this.#storedOffset;
  }

  /** Whether it needs a write though no record is appended. */
  get isUnsaved(): boolean {
    return this.#scannedOffset > this.#storedOffset || this.#suspects.size > 0;
  }

  /** Whether records with these keys, none of them tombstones, may be appended. */
  hasRoomFor(keys: Iterable<string>): boolean {
    let added: Set<string> | undefined;
    for (const key of keys) {
      if (this.#keys.get(key)?.isLive) continue;
      added ??= new Set();
      added.add(key);
    }
    return added === undefined || this.#liveCount + added.size <= this.maxKeys;
  }

  /** A record was appended. */
  appended(key: string | null, payload: Uint8Array, offset: Offset): void {
    if (key !== null) this.#accept(key, offset, !isTombstone(payload));
  }

  /** Resolves once the stored state is complete to `offset`; undefined where it is. */
  whenStored(offset: Offset): Promise<void> | undefined {
    if (this.#storedOffset >= offset) return undefined;
    return new Promise((run) => this.#waiting.push({ offset, run }));
  }

  /** Loading: what the store holds. */
  addStored(key: string, position: Cursor): void {
    this.#accept(key, position.offset, true);
    this.#keys.get(key)!.stored = position;
  }

  /** Loading: all that the store holds is to go, as nobody knows what became of its keys since. */
  discard(): void {
    for (const { stored } of this.#keys.values()) if (stored) this.#suspects.set(stored.offset, stored.epoch);
    this.#keys.clear();
    this.#liveCount = 0;
    this.#storedOffset = 0;
  }

  /** Loading: a run of the log behind what was added before; its newest records wait for the next write. */
  addScanned({ bytes, start, end, firstOffset }: RunSlice, epoch: Epoch): void {
    eachKeyed(bytes, start, end, firstOffset, (key, offset, records) => {
      const isLive = !isTombstone(records.payload);
      this.#accept(key, offset, isLive);
      const record = isLive ? Buffer.from(bytes.subarray(records.start, records.end)) : null;
      this.#rebuilt.set(key, { position: { epoch, offset }, bytes: record });
    });
  }

  /** Loading: the scan is complete to `offset`. */
  endScan(offset: Offset): void {
    this.#scannedOffset = offset;
  }

  /** What a write that takes `log` up to `upTo` has to do; undefined where nothing. */
  plan(log: ChannelLog, upTo: Offset): StateWrite | undefined {
    if (upTo === this.#storedOffset && !this.isUnsaved) return undefined;
    const updates = new Map(this.#rebuilt);
    this.#collect(log, upTo, updates);
    return { upTo, updates, operations: this.#operations(updates, upTo) };
  }

  /** The write is synced. */
  apply({ upTo, updates }: StateWrite): void {
    for (const [key, { position, bytes }] of updates) {
      const entry = this.#keys.get(key);
      if (!entry) continue;
      entry.stored = bytes && position;
      if (!entry.isLive && entry.offset <= upTo) this.#keys.delete(key);
    }
    this.#suspects.clear();
    this.#rebuilt.clear();
    this.#storedOffset = upTo;
    this.#scannedOffset = upTo;
    const waiting = this.#waiting;
    this.#waiting = waiting.filter(({ offset }) => offset > upTo);
    for (const { offset, run } of waiting) if (offset <= upTo) run();
  }

  /** The write failed: nobody knows which of its values the store holds. */
  abandon({ updates }: StateWrite): void {
    for (const { position, bytes } of updates.values()) {
      if (bytes) this.#suspects.set(position.offset, position.epoch);
    }
  }

  /** The store says that it is complete to `offset` only, which is before what it said, and holds these. */
  distrust(offset: Offset, positions: readonly Cursor[]): void {
    const known = new Set<Offset>();
    for (const { stored } of this.#keys.values()) if (stored) known.add(stored.offset);
    for (const { epoch, offset } of positions) if (!known.has(offset)) this.#suspects.set(offset, epoch);
    this.#storedOffset = offset;
    this.#scannedOffset = offset;
  }

  /** The newest of each key among the records of the ring up to `upTo` that were not scanned; views of it. */
  #collect(log: ChannelLog, upTo: Offset, updates: Map<string, KeyUpdate>): void {
    for (let from = Math.max(this.#scannedOffset + 1, log.ringFirstOffset); from <= upTo; ) {
      const segment = log.segmentAt(from)!;
      const { epoch } = segment;
      const { bytes, start, end, count } = segment.read(from, upTo, Number.POSITIVE_INFINITY);
      eachKeyed(bytes, start, end, from, (key, offset, records) => {
        const newest = this.#keys.get(key)?.offset ?? offset;
        if (newest > offset && newest <= upTo) return;
        const record = isTombstone(records.payload) ? null : bytes.subarray(records.start, records.end);
        updates.set(key, { position: { epoch, offset }, bytes: record });
      });
      from += count;
    }
  }

  #accept(key: string, offset: Offset, isLive: boolean): void {
    const entry = this.#keys.get(key);
    if (entry) {
      if (entry.isLive !== isLive) this.#liveCount += isLive ? 1 : -1;
      entry.isLive = isLive;
      entry.offset = offset;
      return;
    }
    // A tombstone of what never was.
    if (!isLive) return;
    this.#keys.set(key, { offset, isLive, stored: null });
    this.#liveCount++;
  }

  #operations(updates: ReadonlyMap<string, KeyUpdate>, upTo: Offset): StoreOperation[] {
    const operations: StoreOperation[] = [];
    const remove = (position: Cursor) =>
      operations.push({ type: 'del', key: stateKey(this.#number, position) });
    for (const [offset, epoch] of this.#suspects) remove({ epoch, offset });
    for (const key of updates.keys()) {
      const stored = this.#keys.get(key)?.stored;
      if (stored) remove(stored);
    }
    // Behind what is removed: a position may be put again.
    for (const { position, bytes } of updates.values()) {
      if (bytes) operations.push({ type: 'put', key: stateKey(this.#number, position), value: bytes });
    }
    operations.push({ type: 'put', key: stateOffsetKey(this.#number), value: encodeStateOffset(upTo) });
    return operations;
  }
}

function eachKeyed(
  bytes: Buffer,
  start: number,
  end: number,
  firstOffset: Offset,
  visit: (key: string, offset: Offset, records: RunReader) => void,
): void {
  const records = new RunReader(bytes, start, end);
  for (let offset = firstOffset; records.next(); offset++) {
    const { key } = records;
    if (key !== null) visit(key, offset, records);
  }
}
