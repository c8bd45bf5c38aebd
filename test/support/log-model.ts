/**
 * What a set of logs must hold, as plain arrays: every record that was accepted and not taken back by a crash, trimmed
 * or not. Judges what a crash has left, and what readers are given.
 */
import assert from 'node:assert/strict';
import type { LogBounds } from '../../server/log/log-bounds.ts';
import type { Cursor, Epoch, Gap, LogRecord, Offset } from '../../shared/terms.ts';
import type { ModelNote } from './producer-model.ts';
import type { PositionedRecord } from './stored-runs.ts';

export interface ModelRecord extends LogRecord {
  readonly channel: string;
  readonly epoch: Epoch;
  readonly offset: Offset;
  /** In the log. */
  readonly bytes: number;
}

export class ModelChannel {
  readonly name: string;
  /** `records[i]` has offset i + 1. */
  records: ModelRecord[] = [];
  /** Entries of producers, oldest first. */
  notes: ModelNote[] = [];

  constructor(name: string) {
    this.name = name;
  }

  get headOffset(): Offset {
    return this.records.length;
  }

  get bytes(): number {
    return this.records.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  at(offset: Offset): ModelRecord {
    const record = this.records[offset - 1];
    assert(record, `${this.name} never kept a record ${offset}`);
    return record;
  }

  /** The last kept record of `epoch`, or of those before where it kept none. */
  keptEnd(epoch: Epoch): Offset {
    return this.records.findLast((record) => record.epoch <= epoch)?.offset ?? 0;
  }

  /** That these are the records from `firstOffset` on, of one epoch. */
  checkRecords(records: readonly PositionedRecord[], firstOffset: Offset, epoch: Epoch): void {
    records.forEach(({ payload, ...given }, i) => {
      const { channel, bytes, payload: wanted, ...expected } = this.at(firstOffset + i);
      assert.deepEqual({ epoch, ...given }, expected);
      assert(Buffer.from(wanted).equals(payload), `the payload of ${channel} ${expected.offset} is another`);
    });
  }

  /** That a gap told to a reader at `at` is true, and as exact as the log can know. */
  checkGap({ after, upTo, count, reason }: Gap, at: Cursor, { oldestOffset, epochs }: LogBounds): void {
    if (at.epoch !== 0) assert.equal(after.epoch, at.epoch);
    for (let offset = Math.max(after.offset + 1, oldestOffset); offset <= upTo.offset; offset++) {
      assert(this.at(offset).epoch < after.epoch, `a gap hides the readable record ${offset}`);
    }
    if (reason === 'retention') {
      if (at.epoch !== 0) assert.deepEqual(after, at);
      assert.equal(upTo.epoch, after.epoch);
      assert.equal(count, upTo.offset - after.offset);
      for (let offset = after.offset + 1; offset <= upTo.offset; offset++) {
        assert.equal(this.at(offset).epoch, after.epoch);
      }
      return;
    }
    assert.equal(reason, 'lost');
    assert.equal(count, null, 'the store misses what it should hold');
    // Either an epoch ended here, or the cursor was made up: before its epoch began.
    if (upTo.epoch === after.epoch) assert(this.at(upTo.offset).epoch < upTo.epoch);
    if (after.offset < at.offset) {
      const [first] = epochs;
      // Where the epochs before were forgotten, the beginning of the first stands for the ends of all.
      const end = first && at.epoch < first.epoch ? first.prevOffset : this.keptEnd(at.epoch);
      assert.equal(after.offset, end, 'withdrawn to a wrong place');
    }
    assert(after.offset <= at.offset);
  }
}

export class LogModel {
  readonly channels: ReadonlyMap<string, ModelChannel>;
  /** What was accepted since the last start, one publish each, in order. */
  #publishes: (readonly ModelRecord[])[] = [];
  /** So many of them are known to be synced. */
  #syncedCount = 0;

  constructor(names: readonly string[]) {
    this.channels = new Map(names.map((name) => [name, new ModelChannel(name)]));
  }

  channel(name: string): ModelChannel {
    return this.channels.get(name)!;
  }

  /** Takes a publish; returns a function to be called once it is said to be synced. */
  publish(records: readonly ModelRecord[]): () => void {
    const count = this.#publishes.push(records);
    const publishes = this.#publishes;
    for (const record of records) this.channel(record.channel).records.push(record);
    return () => {
      assert.equal(publishes, this.#publishes, 'a sync was told after the end');
      this.#syncedCount = Math.max(this.#syncedCount, count);
    };
  }

  /** A clean stop has kept everything. */
  stopped(): void {
    this.#publishes = [];
    this.#syncedCount = 0;
  }

  /** That a crash has kept a prefix of all publishes, with all that was synced; takes back the rest. */
  crashed(heads: ReadonlyMap<string, Offset>): void {
    const isKept = ({ channel, offset }: ModelRecord) => offset <= heads.get(channel)!;
    const firstLost = this.#publishes.findIndex((records) => !records.every(isKept));
    const keptCount = firstLost < 0 ? this.#publishes.length : firstLost;
    assert(
      keptCount >= this.#syncedCount,
      `publish ${firstLost} is lost, though ${this.#syncedCount} were synced`,
    );
    this.#publishes.slice(keptCount).forEach((records, i) => {
      assert(!records.some(isKept), `publish ${keptCount} is lost, and some of ${keptCount + i} is not`);
    });
    for (const channel of this.channels.values()) {
      const head = heads.get(channel.name)!;
      assert(head <= channel.headOffset, `${channel.name} has a head ${head} that was never accepted`);
      channel.records.length = head;
      channel.notes = channel.notes.filter(({ lastOffset }) => lastOffset <= head);
    }
    this.stopped();
  }
}
