/**
 * What one subscription was shown, held against the delivery contract as each frame comes: records follow each other
 * by (epoch, offset), none comes twice, and no hole goes without a gap. Stricter than a client has to be, since the hub
 * never needs a reader to skip.
 */
import type { Batch, GapFrame } from '../../shared/frames.ts';
import { decodeValue } from '../../shared/msgpack.ts';
import { RunReader } from '../../shared/record-run.ts';
import { type Cursor, compareCursors, formatCursor, type Gap, parseCursor } from '../../shared/terms.ts';

export interface Shown {
  readonly epoch: number;
  readonly offset: number;
  readonly value: unknown;
}

export class HistoryError extends Error {
  override readonly name = 'HistoryError';
}

export class History {
  readonly records: Shown[] = [];
  readonly gaps: Gap[] = [];
  #cursor: Cursor;

  /** @param cursor what the answer to subscribe says */
  constructor(cursor: Cursor | string) {
    this.#cursor = typeof cursor === 'string' ? parseCursor(cursor)! : cursor;
  }

  get cursor(): Cursor {
    return this.#cursor;
  }

  get values(): unknown[] {
    return this.records.map(({ value }) => value);
  }

  /** Throws HistoryError where the frame breaks the contract. */
  take(frame: Batch | GapFrame): void {
    if (frame.op === 'gap') this.#takeGap(frame);
    else this.#takeBatch(frame);
  }

  #takeBatch({ epoch, prevOffset, firstOffset, count, run }: Batch): void {
    const { epoch: atEpoch, offset: atOffset } = this.#cursor;
    const follows = epoch === atEpoch ? prevOffset === atOffset : atEpoch === 0 && epoch > 0;
    if (!follows || firstOffset !== prevOffset + 1 || count === 0) {
      throw new HistoryError(
        `at ${formatCursor(this.#cursor)} came a batch ${epoch}-${firstOffset} of ${count} after ${prevOffset}`,
      );
    }
    let offset = firstOffset;
    for (const reader = new RunReader(run); reader.next(); offset++) {
      this.records.push({ epoch, offset, value: decodeValue(reader.payload, { timestamps: true }) });
    }
    if (offset !== firstOffset + count) {
      throw new HistoryError(`a batch says ${count} records and holds ${offset - firstOffset}`);
    }
    this.#cursor = { epoch, offset: offset - 1 };
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
