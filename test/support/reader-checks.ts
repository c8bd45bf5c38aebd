/** What readers of a log are given, from any place, beside what its model says. Part of the random walk. */
import assert from 'node:assert/strict';
import type { ChannelLog } from '../../server/log/channel-log.ts';
import { headCursor, type LogBounds } from '../../server/log/log-bounds.ts';
import type { LogReader } from '../../server/log/log-reader.ts';
import type { Cursor } from '../../shared/terms.ts';
import type { ModelChannel } from './log-model.ts';
import type { Random } from './random.ts';
import { recordsOf } from './stored-runs.ts';

export class ReaderChecks {
  readonly #random: Random;
  readonly #reader: LogReader;

  constructor(random: Random, reader: LogReader) {
    this.#random = random;
    this.#reader = reader;
  }

  async check(log: ChannelLog, channel: ModelChannel): Promise<void> {
    await this.#checkForward(log, channel, this.#cursor(log, channel));
    if (this.#random.chance(0.2)) await this.#checkForward(log, channel, { epoch: 0, offset: 0 });
    await this.#checkBackward(log, channel, this.#cursor(log, channel));
    await this.#checkTime(log, channel);
    await this.#checkBytes(log, channel);
  }

  /** One that is kept, trimmed, of another epoch, beyond a kept end, made up. */
  #cursor(log: ChannelLog, channel: ModelChannel): Cursor {
    const random = this.#random;
    const epochs = [...new Set(channel.records.map(({ epoch }) => epoch))];
    const offset = random.below(channel.headOffset + 3);
    if (random.chance(0.7) && offset > 0 && offset <= channel.headOffset) {
      return { epoch: channel.at(offset).epoch, offset };
    }
    const epoch = random.pick([...epochs, log.currentEpoch]);
    return { epoch: epoch - random.below(2), offset };
  }

  async #checkForward(log: ChannelLog, channel: ModelChannel, from: Cursor): Promise<void> {
    const reader = this.#reader;
    const maxBytes = this.#random.pick([1, 5000, 65_536, 65_536]);
    let at = from;
    for (let steps = 0; ; steps++) {
      assert(steps <= 3 * channel.headOffset + 9, 'a reader comes to no end');
      const { oldestOffset } = log;
      const result = await reader.read(log, boundsOf(log), at, maxBytes);
      if (result.kind === 'head') {
        if (at.epoch === 0) assert(log.oldestOffset > log.headOffset);
        else assert.deepEqual(at, headCursor(log));
        return;
      }
      if (result.kind === 'unknown-cursor') {
        assert(at === from && from.epoch === log.currentEpoch && from.offset > log.headOffset);
        return;
      }
      if (result.kind === 'gap') {
        channel.checkGap(result.gap, at, log);
        at = result.gap.upTo;
        continue;
      }
      if (at.epoch !== 0) assert.deepEqual([result.epoch, result.prevOffset], [at.epoch, at.offset]);
      else assert(result.firstOffset >= oldestOffset && result.firstOffset <= log.oldestOffset);
      assert(result.bytes <= maxBytes || result.count === 1, 'a page is larger than asked for');
      channel.checkRecords(recordsOf(result), result.firstOffset, result.epoch);
      at = { epoch: result.epoch, offset: result.prevOffset + result.count };
    }
  }

  async #checkBackward(log: ChannelLog, channel: ModelChannel, from: Cursor): Promise<void> {
    const reader = this.#reader;
    const limit = this.#random.pick([3, 1000, 1000]);
    let at = from;
    for (let steps = 0; ; steps++) {
      assert(steps <= 2 * channel.headOffset + 9, 'a reader comes to no end');
      const { oldestOffset } = log;
      const result = await reader.readBackward(log, boundsOf(log), at, limit, 5000);
      if ('kind' in result) {
        assert(at === from && from.epoch === log.currentEpoch && from.offset > log.headOffset);
        return;
      }
      const { page, gaps, next, atEnd } = result;
      // What the cursor's epoch has kept before it comes next; a gap says so where that is not just before it.
      const lastOffset = at.epoch === 0 ? 0 : Math.min(at.offset, channel.keptEnd(at.epoch));
      const isReadable = lastOffset >= oldestOffset;
      const last = isReadable ? channel.at(lastOffset) : undefined;
      if (page && last) {
        assert.equal(page.prevOffset + page.count, lastOffset);
        assert(page.count <= limit);
        channel.checkRecords(recordsOf(page), page.firstOffset, page.epoch);
        assert.deepEqual(next, { epoch: page.epoch, offset: page.prevOffset });
        const kept = { epoch: last.epoch, offset: lastOffset };
        const isHole = kept.epoch !== at.epoch || kept.offset !== at.offset;
        assert.deepEqual(gaps, isHole ? [{ after: kept, upTo: at, count: null, reason: 'lost' }] : []);
      } else {
        assert(!isReadable || log.oldestOffset > lastOffset, 'a reader is not given what is kept');
        assert(atEnd);
      }
      assert(atEnd === !isReadable || next.offset < log.oldestOffset);
      if (atEnd) return;
      at = next;
    }
  }

  async #checkTime(log: ChannelLog, channel: ModelChannel): Promise<void> {
    if (channel.headOffset === 0) return;
    const { timeMs } = this.#random.pick(channel.records);
    const wantedMs = timeMs + this.#random.below(3) - 1;
    const expected = () => {
      const found = channel.records.slice(log.oldestOffset - 1).find((record) => record.timeMs >= wantedMs);
      return found ? { epoch: found.epoch, offset: found.offset - 1 } : headCursor(log);
    };
    const before = expected();
    const cursor = await this.#reader.cursorAtTime(log, boundsOf(log), wantedMs);
    // Retention may have gone on meanwhile.
    if (cursor.offset !== before.offset) assert.deepEqual(cursor, expected());
    else assert.deepEqual(cursor, before);
  }

  /** That a position by bytes is the first that has so many before it, of those that can be read. */
  async #checkBytes(log: ChannelLog, channel: ModelChannel): Promise<void> {
    const { headOffset, bytes } = channel;
    // Now and then exactly what lies before a record.
    const upTo = channel.records.slice(0, this.#random.below(headOffset + 1));
    const before = upTo.reduce((sum, record) => sum + record.bytes, 0);
    const wanted = this.#random.pick([before, before + 1, before - 1, this.#random.below(bytes + 10)]);
    const expected = () => {
      let sum = 0;
      let offset = 1;
      for (; offset <= headOffset && (offset < log.oldestOffset || sum < wanted); offset++) {
        sum += channel.at(offset).bytes;
      }
      return offset;
    };
    const first = expected();
    const offset = await this.#reader.offsetAtBytes(log, wanted);
    // Retention may have gone on meanwhile.
    if (offset !== first) assert.equal(offset, expected(), `${wanted} bytes lie before another record`);
  }
}

/** As they are now: a reader's question and its answer may lie some turns apart. */
function boundsOf({ epochs, currentEpoch, oldestOffset, headOffset }: ChannelLog): LogBounds {
  return { epochs, currentEpoch, oldestOffset, headOffset };
}
