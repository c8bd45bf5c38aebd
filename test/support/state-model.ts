/**
 * What the state of a channel must be, told from nothing but the records that were ever kept: the newest of each key,
 * whatever retention took. Only where the channel kept no state for a while, and retention took records of that time,
 * the state begins anew with the oldest that was left.
 */
import assert from 'node:assert/strict';
import type { ChannelLog } from '../../server/log/channel-log.ts';
import type { LogReader } from '../../server/log/log-reader.ts';
import type { OrderedStore } from '../../server/log/ordered-store.ts';
import { decodeStateOffset, readStateKey, stateOffsetKey, stateRange } from '../../server/log/store-keys.ts';
import { type Cursor, compareCursors, type Offset, ORIGIN } from '../../shared/terms.ts';
import type { ModelChannel, ModelRecord } from './log-model.ts';
import { recordsIn } from './stored-runs.ts';

/** From which record on the state is one of all records, where the store says it is complete to `offset`. */
interface Stored {
  readonly offset: Offset;
  readonly fromOffset: Offset;
}

export class StateModel {
  #fromOffset = 1;
  #stored: Stored = { offset: 0, fromOffset: 1 };

  /** To be called as a hub has opened `log`, before anything else is done. */
  async opened(store: OrderedStore, log: ChannelLog): Promise<void> {
    const value = await store.get(stateOffsetKey(log.number));
    const offset = value ? decodeStateOffset(value) : 0;
    // Where the store says what it said before, a state that was to begin anew has not been written.
    const fromOffset = offset === this.#stored.offset ? this.#stored.fromOffset : this.#fromOffset;
    this.#stored = { offset, fromOffset };
    if (log.state === null) return;
    const isWhole = offset === log.headOffset || offset >= log.oldestOffset - 1;
    this.#fromOffset = isWhole ? fromOffset : log.oldestOffset;
  }

  /** The newest record of each key at or before `upTo`, tombstones aside. */
  newest(records: readonly ModelRecord[], upTo = records.length): Map<string, ModelRecord> {
    const newest = new Map<string, ModelRecord>();
    for (const record of records.slice(this.#fromOffset - 1, upTo)) {
      const { key, payload } = record;
      if (key === null) continue;
      newest.delete(key);
      if (payload.length !== 1 || payload[0] !== 0xc0) newest.set(key, record);
    }
    return newest;
  }

  /** That a reader who begins now is given all of it, but what a later record replaces. */
  async checkPages(
    reader: LogReader,
    log: ChannelLog,
    channel: ModelChannel,
    maxBytes: number,
  ): Promise<void> {
    const upTo = log.durableCursor;
    const expected = new Map(
      [...this.newest(channel.records, upTo.offset).values()].map((r) => [r.offset, r]),
    );
    let after: Cursor = ORIGIN;
    for (let atEnd = false; !atEnd; ) {
      const page = await reader.readState(log, after, upTo, maxBytes);
      const { records: bytes, count, offsets, epoch } = page;
      assert.equal(offsets.length, count);
      const slice = { bytes, start: 0, end: bytes.length, firstOffset: 1, count };
      recordsIn([slice]).forEach(({ key, payload, timeMs }, i) => {
        const position = { epoch, offset: offsets[i]! };
        assert(compareCursors(position, after) > 0, 'the state is not in order');
        after = position;
        const record = expected.get(position.offset);
        assert(record, `${position.offset} is not the newest record of ${key} up to ${upTo.offset}`);
        assert.deepEqual(
          { epoch, key, timeMs },
          { epoch: record.epoch, key: record.key, timeMs: record.timeMs },
        );
        assert(Buffer.from(record.payload).equals(payload), `the payload of ${position.offset} is another`);
        expected.delete(position.offset);
      });
      if (count > 0) assert.deepEqual(page.next, after);
      atEnd = page.atEnd;
    }
    for (const { key, offset } of expected.values()) {
      const later = channel.records.slice(upTo.offset).some((record) => record.key === key);
      assert(later, `the state up to ${upTo.offset} of ${channel.name} misses ${key} at ${offset}`);
    }
  }

  /** Nothing waits to be written: the store holds exactly the state up to the head. */
  async checkStored(store: OrderedStore, log: ChannelLog, channel: ModelChannel): Promise<void> {
    if (log.state === null) return;
    assert.deepEqual([log.state.storedOffset, log.state.isUnsaved], [log.headOffset, false]);
    const expected = [...this.newest(channel.records).values()];
    assert.equal(log.state.keyCount, expected.length);
    const entries = await store.read(stateRange(log.number));
    assert.deepEqual(
      entries.map(({ key }) => readStateKey(key)),
      expected.map(({ epoch, offset }) => ({ epoch, offset })).sort(compareCursors),
      `the store holds another state of ${channel.name}`,
    );
  }
}
