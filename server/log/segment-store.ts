/**
 * What the log asks of its store, in the log's own words: channels, runs by position and by time. Turns positions into
 * key ranges and nothing more; when to write is write-behind's business. At most two page reads run at a time.
 */
import { skipRecords } from '../../shared/record-run.ts';
import type { Cursor, Epoch, Offset } from '../../shared/terms.ts';
import type { OrderedStore, StoreEntry, StoreOperation } from './ordered-store.ts';
import type { StoredProducers } from './producer-table.ts';
import { ReadGate } from './read-gate.ts';
import { cutRun, type RunSlice } from './segment.ts';
import {
  type ChannelMeta,
  channelRunRange,
  decodeMeta,
  decodeProducers,
  decodeRun,
  decodeStateOffset,
  nameKey,
  numberRange,
  producersKey,
  readNumberKey,
  readStateKey,
  runKey,
  type StoredRun,
  stateOffsetKey,
  stateRange,
} from './store-keys.ts';

/** Page reads in flight in the whole hub. */
const PAGE_READS = 2;
/** Look-ups of single channels in flight: small, and every first use of a channel waits for one. */
const LOOK_UPS = 4;

/** A page is not worth another value, of which there would hardly be room for any record: it is read and thrown away. */
const NEARLY_FULL = 15 / 16;

export interface ReadOptions {
  readonly epoch: Epoch;
  readonly maxBytes: number;
}

export class SegmentStore {
  readonly store: OrderedStore;
  readonly #pages = new ReadGate(PAGE_READS);
  readonly #lookUps = new ReadGate(LOOK_UPS);

  constructor(store: OrderedStore) {
    this.store = store;
  }

  get durable(): boolean {
    return this.store.durable;
  }

  write(operations: Iterable<StoreOperation>): Promise<void> {
    return this.store.write(operations);
  }

  /** What is stored of a channel, its head taken from its last run; undefined for one never written. */
  findChannel(name: string): Promise<ChannelMeta | undefined> {
    return this.#lookUps.run(async () => {
      const value = await this.store.get(nameKey(name));
      return value && this.#withHead(decodeMeta(value));
    });
  }

  /** The next channels by number, from `from` on, each with its name. */
  async channelsFrom(from: number, limit: number): Promise<{ number: number; name: string }[]> {
    const entries = await this.store.read({ ...numberRange(from), limit });
    return entries.map(({ key, value }) => ({ number: readNumberKey(key), name: value.toString('ascii') }));
  }

  /** The highest channel number in use; 0 for an empty store. */
  async lastNumber(): Promise<number> {
    const [last] = await this.store.read({ ...numberRange(0), reverse: true, limit: 1, keysOnly: true });
    return last ? readNumberKey(last.key) : 0;
  }

  /** How many channels are stored. */
  async channelCount(): Promise<number> {
    const numbers = await this.store.read({ ...numberRange(0), keysOnly: true });
    return numbers.length;
  }

  /** The newest stored record of a channel; 0 when no run is stored. */
  async storedHead(number: number): Promise<Offset> {
    const run = await this.#lastRun(number);
    return run ? run.firstOffset + run.count - 1 : 0;
  }

  /**
   * Records from `offset` to `lastOffset` of one epoch, as slices that lie behind each other, together at most
   * `maxBytes` (but one record). Empty when the store no longer holds `offset`.
   */
  readForward(number: number, offset: Offset, lastOffset: Offset, options: ReadOptions): Promise<RunSlice[]> {
    return this.#pages.run(async () => {
      const { epoch, maxBytes } = options;
      const lt = runKey(number, epoch, lastOffset + 1);
      const range = { gte: runKey(number, epoch, offset), lt, maxBytes: Math.ceil(maxBytes * NEARLY_FULL) };
      const entries = await this.store.read(range);
      let runs = entries.map(({ key, value }) => decodeRun(key, value));
      if (runs[0]?.firstOffset !== offset) {
        const covering = await this.#covering(number, epoch, offset);
        if (!covering) return [];
        runs = [covering, ...runs];
      }
      return joinForward(runs, offset, lastOffset, maxBytes);
    });
  }

  /**
   * As {@link readForward}, but the records that end at `lastOffset`, none before `firstOffset`; ascending. Where the
   * store misses the last of them, those before what is missing.
   */
  readBackward(
    number: number,
    firstOffset: Offset,
    lastOffset: Offset,
    options: ReadOptions,
  ): Promise<RunSlice[]> {
    return this.#pages.run(async () => {
      const { epoch, maxBytes } = options;
      const entries = await this.store.read({
        gte: runKey(number, epoch, 0),
        lte: runKey(number, epoch, lastOffset),
        reverse: true,
        maxBytes,
      });
      return joinBackward(
        entries.map(({ key, value }) => decodeRun(key, value)),
        firstOffset,
        lastOffset,
        maxBytes,
      );
    });
  }

  /** The stored runs from `offset` on, for retention. */
  async runsFrom(number: number, epoch: Epoch, offset: Offset, maxBytes: number): Promise<StoredRun[]> {
    const { lt } = channelRunRange(number);
    const entries = await this.#pages.run(() =>
      this.store.read({ gte: runKey(number, epoch, offset), lt, maxBytes }),
    );
    return entries.map(({ key, value }) => decodeRun(key, value));
  }

  /** The run that holds `offset`, of one epoch. */
  runAt(number: number, epoch: Epoch, offset: Offset): Promise<StoredRun | undefined> {
    return this.#pages.run(() => this.#covering(number, epoch, offset));
  }

  /** What is stored of a channel's producers; undefined where it never had any. */
  producersOf(number: number): Promise<StoredProducers | undefined> {
    return this.#lookUps.run(async () => {
      const value = await this.store.get(producersKey(number));
      return value && decodeProducers(value);
    });
  }

  /** What the stored state of a channel is complete to; 0 where it has none. */
  stateOffset(number: number): Promise<Offset> {
    return this.#lookUps.run(async () => {
      const value = await this.store.get(stateOffsetKey(number));
      return value ? decodeStateOffset(value) : 0;
    });
  }

  /** Where the records of the stored state lie, ascending. */
  async statePositions(number: number): Promise<Cursor[]> {
    const entries = await this.#pages.run(() => this.store.read({ ...stateRange(number), keysOnly: true }));
    return entries.map(({ key }) => readStateKey(key));
  }

  /** Records of the stored state later than `after` and at or before `upTo`, ascending, as {@link StoreEntry}. */
  readState(
    number: number,
    after: Cursor,
    upTo: Cursor | undefined,
    maxBytes: number,
  ): Promise<StoreEntry[]> {
    return this.#pages.run(() => this.store.read({ ...stateRange(number, after, upTo), maxBytes }));
  }

  async #covering(number: number, epoch: Epoch, offset: Offset): Promise<StoredRun | undefined> {
    const range = { gte: runKey(number, epoch, 0), lte: runKey(number, epoch, offset) };
    const [entry] = await this.store.read({ ...range, reverse: true, limit: 1 });
    const run = entry && decodeRun(entry.key, entry.value);
    return run && run.firstOffset + run.count > offset ? run : undefined;
  }

  async #lastRun(number: number): Promise<StoredRun | undefined> {
    const [entry] = await this.store.read({ ...channelRunRange(number), reverse: true, limit: 1 });
    return entry && decodeRun(entry.key, entry.value);
  }

  async #withHead(meta: ChannelMeta): Promise<ChannelMeta> {
    const run = await this.#lastRun(meta.number);
    if (!run) return meta;
    return {
      ...meta,
      headOffset: run.firstOffset + run.count - 1,
      headBytes: run.bytesBefore + run.bytes.length - run.start,
      lastTimeMs: Math.max(run.lastTimeMs, meta.lastTimeMs),
    };
  }
}

function joinForward(
  runs: readonly StoredRun[],
  offset: Offset,
  lastOffset: Offset,
  maxBytes: number,
): RunSlice[] {
  const slices: RunSlice[] = [];
  let next = offset;
  let room = maxBytes;
  for (const run of runs) {
    if (run.firstOffset > next || next > lastOffset) break;
    const slice = sliceOf(run, next, Math.min(lastOffset, run.firstOffset + run.count - 1));
    const { end, count } =
      slice.end - slice.start <= room ? slice : cutRun(slice.bytes, slice.start, slice.end, room);
    if (slices.length > 0 && end - slice.start > room) break;
    slices.push({ ...slice, end, count });
    next += count;
    room -= end - slice.start;
    if (count < slice.count || room <= 0) break;
  }
  return slices;
}

/** `runs` are newest first. */
function joinBackward(
  runs: readonly StoredRun[],
  firstOffset: Offset,
  lastOffset: Offset,
  maxBytes: number,
): RunSlice[] {
  const slices: RunSlice[] = [];
  let last = lastOffset;
  let room = maxBytes;
  for (const run of runs) {
    const endOffset = run.firstOffset + run.count - 1;
    if (slices.length === 0) last = Math.min(last, endOffset);
    if (endOffset < last || last < firstOffset) break;
    const slice = sliceOf(run, Math.max(firstOffset, run.firstOffset), last);
    if (slices.length > 0 && slice.end - slice.start > room) break;
    slices.unshift(slice);
    room -= slice.end - slice.start;
    last = slice.firstOffset - 1;
  }
  return slices;
}

/** The records `first` to `last` of a stored run. */
function sliceOf(run: StoredRun, first: Offset, last: Offset): RunSlice {
  const { bytes } = run;
  const start = skipRecords(bytes, run.start, bytes.length, first - run.firstOffset);
  const count = last - first + 1;
  const whole = last === run.firstOffset + run.count - 1;
  const end = whole ? bytes.length : skipRecords(bytes, start, bytes.length, count);
  return { bytes, start, end, firstOffset: first, count };
}
