/**
 * The record as applications get it, and the reading of a run into such records. Data, key and meta are read from the
 * bytes when first asked for: whoever only forwards or counts pays for none of it.
 *
 * Who owns the bytes. A record may be kept for ever, and a view into its frame would keep the whole frame (64 KiB, in
 * Node also the socket's read buffer behind it). Copying each record by itself costs more than all the rest of the
 * reading; copying when it outlives its callback is impossible, as nothing tells. So a run is copied in blocks of whole
 * records, at most 4 KiB each or one larger record: one copy for some 30 records, and a kept record keeps no more than
 * its block.
 */
import { RingcastError } from '../shared/errors.ts';
import type { CarriesRun } from '../shared/frames.ts';
import { decodeValue } from '../shared/msgpack.ts';
import { MsgpackError } from '../shared/msgpack-bytes.ts';
import { RunReader } from '../shared/record-run.ts';
import { type Epoch, formatCursor, type Offset, type RecordMeta } from '../shared/terms.ts';

const BLOCK_BYTES = 4096;
/** What a record's object takes beside its bytes, roughly; charged to queues with them. */
export const RECORD_OBJECT_BYTES = 128;

/** What a queue is charged for the records of a run. */
export function chargedBytes({ run, count }: CarriesRun): number {
  return run.length + count * RECORD_OBJECT_BYTES;
}

/** A frame's records: one behind the other from `firstOffset` on, or each with an offset of its own. */
export type RecordRun = CarriesRun & { readonly epoch: Epoch } & (
    | { readonly firstOffset: Offset }
    | { readonly offsets: readonly Offset[] }
  );

/** The bytes of neighbouring records; `base` is the index in the run where they begin. */
interface Block {
  bytes: Uint8Array;
  base: number;
}

const UNREAD = Symbol('unread');

/**
 * A record of a channel. All who subscribe to the channel on one client get the same object: do not change what
 * `data`, `meta` or `payload` return.
 */
export class ReceivedRecord {
  readonly channel: string;
  readonly epoch: Epoch;
  readonly offset: Offset;
  /** The hub's Unix time of the append, ms; never decreasing within a channel. */
  readonly timeMs: number;
  readonly #block: Block;
  readonly #start: number;
  #reader: RunReader | undefined;
  #meta: RecordMeta | null | typeof UNREAD = UNREAD;
  #data: unknown = UNREAD;

  /** Made by {@link readRun} only. */
  constructor(channel: string, epoch: Epoch, offset: Offset, timeMs: number, block: object, start: number) {
    this.channel = channel;
    this.epoch = epoch;
    this.offset = offset;
    this.timeMs = timeMs;
    this.#block = block as Block;
    this.#start = start;
  }

  /** The position to resume from once this record is dealt with. */
  get cursor(): string {
    return formatCursor(this);
  }

  /** Throws `record-invalid` when it is not text, as `meta`, `payload` and `data` do for what they return. */
  get key(): string | null {
    return this.#read((reader) => reader.key);
  }

  get meta(): RecordMeta | null {
    if (this.#meta === UNREAD) {
      this.#meta = this.#read(({ meta }) =>
        meta === null ? null : (decodeValue(meta, { timestamps: false }) as RecordMeta),
      );
    }
    return this.#meta;
  }

  /** The msgpack value as it was published, undecoded. */
  get payload(): Uint8Array {
    return this.#read((reader) => reader.payload);
  }

  /**
   * The published value, decoded when first asked for. Throws RingcastError `record-invalid` when its publisher sent
   * something else than one msgpack value; the record's other members are not touched by that.
   */
  get data(): unknown {
    if (this.#data === UNREAD) {
      this.#data = this.#read((reader) => decodeValue(reader.payload, { timestamps: true }));
    }
    return this.#data;
  }

  #read<T>(part: (reader: RunReader) => T): T {
    try {
      if (!this.#reader) {
        this.#reader = new RunReader(this.#block.bytes, this.#start - this.#block.base);
        this.#reader.next();
      }
      return part(this.#reader);
    } catch (cause) {
      if (!(cause instanceof MsgpackError)) throw cause;
      const what = `record ${this.cursor} of ${this.channel}`;
      throw new RingcastError('record-invalid', `${what} cannot be read: ${cause.message}; skip it`, {
        cause,
      });
    }
  }
}

/**
 * The records of a run but the first `skip`. Throws RingcastError `bad-frame` when the bytes are not `count` records.
 * Once over the bytes, one object per record.
 */
export function readRun(channel: string, fields: RecordRun, skip: number): ReceivedRecord[] {
  try {
    return read(channel, fields, skip);
  } catch (cause) {
    if (!(cause instanceof MsgpackError)) throw cause;
    throw new RingcastError('bad-frame', `a batch of ${channel} is damaged: ${cause.message}`, { cause });
  }
}

function read(channel: string, fields: RecordRun, skip: number): ReceivedRecord[] {
  const { epoch, count, run } = fields;
  const offsets = 'offsets' in fields ? fields.offsets : undefined;
  const firstOffset = 'offsets' in fields ? 0 : fields.firstOffset;
  const records: ReceivedRecord[] = [];
  const reader = new RunReader(run);
  let block: Block | undefined;
  let seen = 0;
  while (reader.next()) {
    const index = seen++;
    if (index < skip) continue;
    const { start } = reader;
    if (!block) {
      block = { bytes: run, base: start };
    } else if (reader.end - block.base > BLOCK_BYTES) {
      seal(block, run, start);
      block = { bytes: run, base: start };
    }
    const offset = offsets ? offsets[index]! : firstOffset + index;
    if (offsets && index > 0 && offset <= offsets[index - 1]!)
      throw new MsgpackError('its offsets do not grow');
    records.push(new ReceivedRecord(channel, epoch, offset, reader.timeMs, block, start));
  }
  if (seen !== count) throw new MsgpackError(`it holds ${seen} records, not ${count}`);
  if (block) seal(block, run, run.length);
  return records;
}

/** Gives the block bytes of its own, unless it is most of the buffer that it lies in anyway. */
function seal(block: Block, run: Uint8Array, end: number): void {
  const view = run.subarray(block.base, end);
  block.bytes = view.length * 2 >= view.buffer.byteLength ? view : view.slice();
}
