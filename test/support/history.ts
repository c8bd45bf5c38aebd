/**
 * What one subscription was shown, held against the delivery contract as each frame comes: records follow each other
 * by (epoch, offset), none comes twice, and no hole goes without a gap. Stricter than a client has to be, since the hub
 * never needs a reader to skip.
 */
import type { Batch, GapFrame, SparseBatch, StateFrame } from '../../shared/frames.ts';
import { decodeValue } from '../../shared/msgpack.ts';
import { RunReader } from '../../shared/record-run.ts';
import {
  type Cursor,
  compareCursors,
  formatCursor,
  type Gap,
  ORIGIN,
  parseCursor,
} from '../../shared/terms.ts';

export interface Shown {
  readonly epoch: number;
  readonly offset: number;
  readonly key: string | null;
  readonly value: unknown;
}

/** The frames that a subscription is sent. */
export type Delivered = Batch | SparseBatch | StateFrame | GapFrame;

export function isDelivered(frame: { readonly op: string }): frame is Delivered {
  return ['batch', 'sparse-batch', 'state', 'gap'].includes(frame.op);
}

export class HistoryError extends Error {
  override readonly name = 'HistoryError';
}

export class History {
  readonly records: Shown[] = [];
  readonly gaps: Gap[] = [];
  /** The records of state frames, before those of the log. */
  readonly state: Shown[] = [];
  /** Whether the state is whole; true from the start where none is expected. */
  isStateWhole: boolean;
  #cursor: Cursor;

  /** @param cursor what the answer to subscribe says; `hasState` whether state frames come first */
  constructor(cursor: Cursor | string, hasState = false) {
    this.#cursor = typeof cursor === 'string' ? parseCursor(cursor)! : cursor;
    this.isStateWhole = !hasState;
  }

  get cursor(): Cursor {
    return this.#cursor;
  }

  get values(): unknown[] {
    return this.records.map(({ value }) => value);
  }

  /** Throws HistoryError where the frame breaks the contract. */
  take(frame: Delivered): void {
    if (frame.op === 'state') {
      this.#takeState(frame);
      return;
    }
    if (!this.isStateWhole) throw new HistoryError(`a ${frame.op} came before the state was whole`);
    if (frame.op === 'gap') this.#takeGap(frame);
    else if (frame.op === 'batch') this.#takeBatch(frame);
    else this.#takeSparse(frame);
  }

  #takeBatch({ epoch, prevOffset, firstOffset, count, run }: Batch): void {
    if (!this.#follows(epoch, prevOffset) || firstOffset !== prevOffset + 1 || count === 0) {
      throw new HistoryError(
        `at ${formatCursor(this.#cursor)} came a batch ${epoch}-${firstOffset} of ${count} after ${prevOffset}`,
      );
    }
    const shown = readShown(
      run,
      epoch,
      Array.from({ length: count }, (_, i) => firstOffset + i),
    );
    this.records.push(...shown);
    this.#cursor = { epoch, offset: firstOffset + count - 1 };
  }

  #takeSparse({ epoch, prevOffset, offsets, missing, run, count }: SparseBatch): void {
    if (!this.#follows(epoch, prevOffset) || count === 0) {
      throw new HistoryError(
        `at ${formatCursor(this.#cursor)} came a sparse batch of ${epoch} after ${prevOffset}`,
      );
    }
    const shown = readShown(run, epoch, offsets);
    let at = prevOffset;
    shown.forEach((record, index) => {
      const hole = missing.find((each) => each.index === index);
      const upTo = { epoch, offset: record.offset - 1 };
      if (upTo.offset > at) {
        if (!hole || hole.count !== upTo.offset - at) {
          throw new HistoryError(
            `a sparse batch leaves ${upTo.offset - at} records out, and says ${hole?.count}`,
          );
        }
        this.gaps.push({ after: { epoch, offset: at }, upTo, count: hole.count, reason: hole.reason });
      } else if (hole || upTo.offset < at) {
        throw new HistoryError(`a sparse batch shows ${record.offset} after ${at}`);
      }
      this.records.push(record);
      at = record.offset;
    });
    this.#cursor = { epoch, offset: at };
  }

  #takeState({ epoch, atEnd, offsets, run }: StateFrame): void {
    if (this.isStateWhole) throw new HistoryError('a state frame came though the state was whole');
    for (const record of readShown(run, epoch, offsets)) {
      const last = this.state.at(-1) ?? ORIGIN;
      if (compareCursors(record, last) <= 0 || compareCursors(record, this.#cursor) > 0) {
        throw new HistoryError(`the state shows ${formatCursor(record)} after ${formatCursor(last)}`);
      }
      this.state.push(record);
    }
    this.isStateWhole = atEnd;
  }

  #follows(epoch: number, prevOffset: number): boolean {
    const { epoch: atEpoch, offset: atOffset } = this.#cursor;
    return epoch === atEpoch ? prevOffset === atOffset : atEpoch === 0 && epoch > 0;
  }

  #takeGap({ after, upTo, count, reason }: GapFrame): void {
    const moves = compareCursors(upTo, this.#cursor) > 0;
    const joins = reason === 'lost' ? compareCursors(after, this.#cursor) <= 0 : this.#isHere(after);
    if (!moves || !joins || count === 0) {
      throw new HistoryError(
        `at ${formatCursor(this.#cursor)} came a gap ${formatCursor(after)} to ${formatCursor(upTo)}, ${reason}`,
      );
    }
    this.gaps.push({ after, upTo, count, reason });
    this.#cursor = upTo;
  }

  #isHere(cursor: Cursor): boolean {
    return this.#cursor.epoch === 0 || compareCursors(cursor, this.#cursor) === 0;
  }
}

function readShown(run: Uint8Array, epoch: number, offsets: readonly number[]): Shown[] {
  const shown: Shown[] = [];
  for (const reader = new RunReader(run); reader.next(); ) {
    const value = decodeValue(reader.payload, { timestamps: true });
    shown.push({ epoch, offset: offsets[shown.length]!, key: reader.key, value });
  }
  if (shown.length === offsets.length) return shown;
  throw new HistoryError(`a frame says ${offsets.length} records and holds ${shown.length}`);
}
