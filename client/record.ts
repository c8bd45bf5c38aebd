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
import { MsgpackError } from '../shared/msgpack-bytes.ts';
import { payloadEnd, payloadStart, RunReader } from '../shared/record-run.ts';
import { type Epoch, formatCursor, type Offset, type RecordMeta } from '../shared/terms.ts';
import { readValue } from '../shared/value-reader.ts';

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

/** The bytes of neighbouring records: their own once it is sealed. */
interface Block {
  bytes: Uint8Array;
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
  readonly #payloadAt: number;
  #reader: RunReader | undefined;
  #meta: RecordMeta | null | typeof UNREAD = UNREAD;
  #data: unknown = UNREAD;

  /** Made by {@link readRun} only. `start`, `payloadAt`: where in the block it and its payload begin. */
  constructor(
    channel: string,
    epoch: Epoch,
    offset: Offset,
    timeMs: number,
    block: object,
    start: number,
    payloadAt: number,
  ) {
    this.channel = channel;
    this.epoch = epoch;
    this.offset = offset;
    this.timeMs = timeMs;
    this.#block = block as Block;
    this.#start = start;
    this.#payloadAt = payloadAt;
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
        meta === null ? null : (readValue(meta, 0, meta.length, false) as RecordMeta),
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
    if (this.#data !== UNREAD) return this.#data;
    try {
      const { bytes } = this.#block;
      const at = this.#payloadAt;
      const data = readValue(bytes, payloadStart(bytes, at), payloadEnd(bytes, at), true);
      this.#data = data;
      return data;
    } catch (cause) {
      throw this.#unreadable(cause);
    }
  }

  #read<T>(part: (reader: RunReader) => T): T {
    try {
      if (!this.#reader) {
        this.#reader = new RunReader(this.#block.bytes, this.#start);
        this.#reader.next();
      }
      return part(this.#reader);
    } catch (cause) {
      throw this.#unreadable(cause);
    }
  }

  #unreadable(cause: unknown): unknown {
    if (!(cause instanceof MsgpackError)) return cause;
    const what = `record ${this.cursor} of ${this.channel}`;
    return new RingcastError('record-invalid', `${what} cannot be read: ${cause.message}; skip it`, {
      cause,
    });
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
  /** Where in the run the block begins. */
  let base = 0;
  let seen = 0;
  while (reader.next()) {
    const index = seen++;
    if (index < skip) continue;
    const { start } = reader;
    if (block && reader.end - base > BLOCK_BYTES) {
      seal(block, run, base, start);
      block = undefined;
    }
    if (!block) {
      block = { bytes: run };
      base = start;
    }
    const offset = offsets ? offsets[index]! : firstOffset + index;
    if (offsets && index > 0 && offset <= offsets[index - 1]!)
      throw new MsgpackError('its offsets do not grow');
    const { timeMs, payloadAt } = reader;
    records.push(new ReceivedRecord(channel, epoch, offset, timeMs, block, start - base, payloadAt - base));
  }
  if (seen !== count) throw new MsgpackError(`it holds ${seen} records, not ${count}`);
  if (block) seal(block, run, base, run.length);
  return records;
}

/** Gives the block bytes of its own, unless it is most of the buffer that it lies in anyway. */
function seal(block: Block, run: Uint8Array, start: number, end: number): void {
  const view = run.subarray(start, end);
  block.bytes = view.length * 2 >= view.buffer.byteLength ? view : view.slice();
}
