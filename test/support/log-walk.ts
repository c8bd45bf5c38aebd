/**
 * A random walk over a LogSet beside its model: publishes, writes that hang and fail, eviction, retention, clean stops
 * and crashes; after each step readers begin at random places and must be given what the model says.
 */
import assert from 'node:assert/strict';
import type { ChannelLog } from '../../server/log/channel-log.ts';
import { headCursor, type LogBounds } from '../../server/log/log-bounds.ts';
import type { ChannelLimits } from '../../server/log/log-set.ts';
import type { OrderedStore } from '../../server/log/ordered-store.ts';
import { RingcastError } from '../../shared/errors.ts';
import type { Cursor, Offset, RecordMeta } from '../../shared/terms.ts';
import { LogModel, type ModelChannel, type ModelRecord } from './log-model.ts';
import { crash, drive, flush, NO_LIMITS, type OpenLogs, openLogs, turns } from './open-logs.ts';
import type { Random } from './random.ts';
import { recordsOf, storedRuns } from './stored-runs.ts';

/** Longer than a walk turns the clock while it stops. */
const STOP_MS = 3_600_000;

const KIB = 1024;

const LIMITS: Record<string, ChannelLimits> = {
  plain: { ring: NO_LIMITS, retention: NO_LIMITS },
  short: { ring: { ...NO_LIMITS, maxRecords: 3 }, retention: { ...NO_LIMITS, maxRecords: 9 } },
  small: { ring: { ...NO_LIMITS, maxBytes: 4 * KIB }, retention: { ...NO_LIMITS, maxBytes: 30 * KIB } },
  young: { ring: { ...NO_LIMITS, maxAgeMs: 400 }, retention: { ...NO_LIMITS, maxAgeMs: 4000 } },
};
const NAMES = Object.keys(LIMITS);

/** Small ones most of the time; larger than a segment now and then. */
const SIZES = [0, 1, 1, 20, 300, 300, 300, 2 * KIB, 2 * KIB, 20 * KIB, 70 * KIB, 150 * KIB];
const DELAYS_MS = [1, 10, 50, 50, 300, 2000, 9000];

export class LogWalk {
  readonly #random: Random;
  readonly #inner: OrderedStore;
  readonly #folder: string;
  readonly #model = new LogModel(NAMES);
  #opened!: OpenLogs;
  /** Where each log began when it was last seen; it never goes back while the hub runs. */
  #oldest = new Map<string, Offset>();
  #maintenance: Promise<void> = Promise.resolve();
  /** What was done, to be told on failure. */
  readonly steps: string[] = [];

  /** `inner` is closed and empty; `folder` is for the mark of a clean stop. */
  constructor(random: Random, inner: OrderedStore, folder: string) {
    this.#random = random;
    this.#inner = inner;
    this.#folder = folder;
  }

  async run(stepCount: number): Promise<void> {
    await this.#open();
    try {
      for (let i = 0; i < stepCount; i++) {
        await this.#step();
        await this.#check(this.#random.pick(NAMES));
      }
      await this.#stop();
      await this.#open();
      for (const name of NAMES) await this.#check(name);
    } finally {
      await crash(this.#opened);
    }
  }

  async #step(): Promise<void> {
    const random = this.#random;
    const { logs, store, clock } = this.#opened;
    const roll = random.below(100);
    if (roll < 45) return this.#publish();
    if (roll < 60) return this.#note('wait', (delayMs) => clock.advance(delayMs), random.pick(DELAYS_MS));
    if (roll < 66) return this.#note('turn', turns, 1 + random.below(6));
    if (roll < 70) return this.#note('hold writes', () => store.holdWrites());
    if (roll < 76) return this.#note('release writes', () => store.releaseWrites());
    if (roll < 80) {
      const fault = random.pick(['nothing-written', 'written-but-reported-failed'] as const);
      return this.#note('fail the next write:', () => store.failNextWrite(fault), fault);
    }
    if (roll < 81) return this.#note('fail opens', (count) => store.failOpens(count), 1 + random.below(3));
    if (roll < 84) return this.#flush();
    if (roll < 91) return this.#maintain();
    if (roll < 94) {
      const segments = [...logs.open].flatMap(({ segments }) => segments);
      const segment = segments.length > 0 ? random.pick(segments) : undefined;
      return this.#note('seal', () => segment?.log.seal(segment), segment?.log.name);
    }
    if (roll < 97) return this.#stop().then(() => this.#open());
    if (roll < 99) return this.#crash();
    return this.#flood();
  }

  /** More than one write takes, and often a crash among its writes. */
  async #flood(): Promise<void> {
    this.steps.push('flood:');
    const crashes = this.#random.chance(0.7);
    if (crashes) this.#opened.store.releaseWrites();
    for (let i = 0; i < 15; i++) {
      await this.#publish(['short', 'small', 'young'], [20, 300, 400 * KIB]);
      await this.#publish(NAMES, [20, 300]);
    }
    if (!crashes) return;
    await this.#note('turn', turns, 1 + this.#random.below(8));
    await this.#crash();
  }

  async #note<T>(what: string, run: (value: T) => unknown, value?: T): Promise<void> {
    this.steps.push(value === undefined ? what : `${what} ${value}`);
    await run(value as T);
  }

  async #publish(among = NAMES, sizes = SIZES): Promise<void> {
    const random = this.#random;
    const { logs, clock } = this.#opened;
    const names = Array.from({ length: 1 + random.below(3) }, () => random.pick(among));
    const opened = await this.#logsOf(names);
    if (!opened) return;
    const records = opened.flatMap((log) =>
      Array.from({ length: 1 + random.below(5) }, () => this.#append(log, clock.nowMs(), random.pick(sizes))),
    );
    const synced = this.#model.publish(records);
    logs.writeBehind.endOfPublish();
    const waits = random.chance(0.3);
    if (waits) logs.writeBehind.afterSync(synced);
    const told = records.map(({ channel, offset, payload }) => `${channel}-${offset} (${payload.length})`);
    this.steps.push(`publish ${told.join(' ')}${waits ? ', ack from disk' : ''}`);
  }

  #append(log: ChannelLog, nowMs: number, size: number): ModelRecord {
    const random = this.#random;
    const payload = Buffer.alloc(size, random.below(256));
    const key = random.chance(0.3) ? random.pick(['k', 'ключ', 'key '.repeat(20)]) : null;
    const meta: RecordMeta | null = random.chance(0.2) ? { n: random.below(9), ok: true, at: 'x' } : null;
    const before = log.headBytes;
    const offset = log.append(nowMs, key, meta, payload);
    const timeMs = log.lastTimeMs;
    const bytes = log.headBytes - before;
    return { channel: log.name, epoch: log.currentEpoch, offset, timeMs, key, meta, payload, bytes };
  }

  async #flush(): Promise<void> {
    this.steps.push('flush');
    this.#opened.store.releaseWrites();
    await this.#settled(this.#maintenance);
    await flush(this.#opened);
    const { writeBehind } = this.#opened.logs;
    assert.equal(writeBehind.unpersistedBytes, 0);
    await this.#checkStored();
  }

  /** Nothing waits: the store holds each log from its beginning to its head, in runs that follow each other. */
  async #checkStored(): Promise<void> {
    for (const [name, log] of (await this.#logsOf(NAMES))!.map((log) => [log.name, log] as const)) {
      const { headOffset, bytes } = this.#model.channel(name);
      assert.deepEqual([log.durableOffset, log.headOffset, log.headBytes], [headOffset, headOffset, bytes]);
      const runs = await storedRuns(this.#opened.store, log.number);
      const last = runs.at(-1);
      const extent = last
        ? [runs[0]!.firstOffset, last.firstOffset + last.count - 1]
        : [headOffset + 1, headOffset];
      assert.deepEqual(extent, [log.oldestOffset, headOffset], `the store holds another extent of ${name}`);
    }
  }

  /** Waited for, or left to go on beside what comes next. */
  async #maintain(): Promise<void> {
    const waits = this.#random.chance(0.5);
    this.steps.push(waits ? 'maintain' : 'maintain in passing');
    this.#maintenance = this.#opened.logs.maintain();
    if (waits) await this.#settled(this.#maintenance);
    else this.#maintenance.catch(() => {});
  }

  /** Waits for what may fail with the store, and for no other reason. */
  async #settled(done: Promise<unknown>): Promise<void> {
    await drive(this.#opened, done).catch(isStoreFailure);
  }

  async #stop(): Promise<void> {
    this.steps.push('stop');
    const { logs, store } = this.#opened;
    store.releaseWrites();
    // Where the mark of a clean stop could not be written, all else is.
    await this.#settled(logs.stop(STOP_MS));
    await this.#settled(this.#maintenance);
    this.#model.stopped();
  }

  async #crash(): Promise<void> {
    const isLost = this.#random.chance(0.5);
    this.steps.push(isLost ? 'crash, what is in flight lost' : 'crash');
    if (isLost) this.#opened.store.failNextWrite('nothing-written');
    const { epoch } = this.#opened.logs;
    await crash(this.#opened);
    await this.#settled(this.#maintenance);
    await this.#open();
    assert(this.#opened.logs.epoch > epoch, 'the epoch went on over a crash');
    const opened = (await this.#logsOf(NAMES))!;
    this.#model.crashed(new Map(opened.map(({ name, headOffset }) => [name, headOffset])));
    await this.#checkStored();
  }

  async #open(): Promise<void> {
    const clock = this.#opened?.clock;
    this.#opened = await openLogs(
      {
        folder: this.#folder,
        ringBytes: 100 * KIB,
        limitsOf: (name) => LIMITS[name]!,
        ...(clock && { clock }),
      },
      this.#inner,
    );
    this.#oldest.clear();
  }

  /** All that can be said of one channel now; where the store is away, what can be said without it. */
  async #check(name: string): Promise<void> {
    const [log] = (await this.#logsOf([name])) ?? [];
    if (!log) return;
    const channel = this.#model.channel(name);
    log.pins++;
    try {
      assert.equal(log.headOffset, channel.headOffset);
      assert.equal(log.headBytes, channel.bytes);
      this.#checkBeginning(log, channel);
      await this.#checkForward(log, channel, this.#cursor(log, channel));
      if (this.#random.chance(0.2)) await this.#checkForward(log, channel, { epoch: 0, offset: 0 });
      await this.#checkBackward(log, channel, this.#cursor(log, channel));
      await this.#checkTime(log, channel);
    } catch (error) {
      isStoreFailure(error);
      assert.equal(
        this.#opened.logs.writeBehind.state,
        'reopening',
        'a read failed while the store was open',
      );
    } finally {
      log.pins--;
    }
  }

  /** That retention took no more than it may. */
  #checkBeginning(log: ChannelLog, channel: ModelChannel): void {
    const { oldestOffset } = log;
    assert(oldestOffset >= (this.#oldest.get(log.name) ?? 1), 'the beginning went back');
    this.#oldest.set(log.name, oldestOffset);
    if (oldestOffset === 1) return;
    const { maxRecords, maxBytes, maxAgeMs } = log.retention;
    const kept = channel.records.slice(oldestOffset - 1);
    const ageMs = this.#opened.clock.nowMs() - channel.at(oldestOffset - 1).timeMs;
    assert(
      (maxRecords !== null && kept.length >= maxRecords) ||
        (maxBytes !== null && kept.reduce((sum, { bytes }) => sum + bytes, 0) >= maxBytes) ||
        (maxAgeMs !== null && ageMs > maxAgeMs),
      `${log.name} was trimmed to ${oldestOffset} below its limits`,
    );
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
    const { reader } = this.#opened.logs;
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
    const { reader } = this.#opened.logs;
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
    const cursor = await this.#opened.logs.reader.cursorAtTime(log, boundsOf(log), wantedMs);
    // Retention may have gone on meanwhile.
    if (cursor.offset !== before.offset) assert.deepEqual(cursor, expected());
    else assert.deepEqual(cursor, before);
  }

  /** The logs of these channels; undefined where the store cannot be asked for them now. */
  async #logsOf(names: readonly string[]): Promise<ChannelLog[] | undefined> {
    try {
      return await Promise.all(names.map((name) => this.#opened.logs.openLog(name)));
    } catch (error) {
      isStoreFailure(error);
      assert.equal(
        this.#opened.logs.writeBehind.state,
        'reopening',
        'a look-up failed while the store was open',
      );
      return undefined;
    }
  }
}

/** As they are now: a reader's question and its answer may lie some turns apart. */
function boundsOf({ epochs, currentEpoch, oldestOffset, headOffset }: ChannelLog): LogBounds {
  return { epochs, currentEpoch, oldestOffset, headOffset };
}

function isStoreFailure(error: unknown): void {
  if (!(error instanceof RingcastError && error.code === 'store-failed')) throw error;
}
