/**
 * A random walk over a LogSet beside its model: publishes, writes that hang and fail, eviction, retention, clean stops
 * and crashes; after each step readers begin at random places and must be given what the model says, and producers and
 * keys must be known as it says.
 */
import assert from 'node:assert/strict';
import type { ChannelLog } from '../../server/log/channel-log.ts';
import type { OrderedStore } from '../../server/log/ordered-store.ts';
import { RingcastError } from '../../shared/errors.ts';
import type { Offset, RecordMeta } from '../../shared/terms.ts';
import { LogModel, type ModelChannel, type ModelRecord } from './log-model.ts';
import { crash, drive, flush, type OpenLogs, openLogs, turns } from './open-logs.ts';
import { checkProducers } from './producer-model.ts';
import type { Random } from './random.ts';
import { ReaderChecks } from './reader-checks.ts';
import { StateModel } from './state-model.ts';
import { storedRuns } from './stored-runs.ts';
import { WALK_LIMITS } from './walk-limits.ts';

/** Longer than a walk turns the clock while it stops, however many turns a slow disk takes. */
const STOP_MS = 1e12;

const KIB = 1024;

const NAMES = Object.keys(WALK_LIMITS);

/** Small ones most of the time; larger than a segment now and then. */
const SIZES = [0, 1, 1, 20, 300, 300, 300, 2 * KIB, 2 * KIB, 20 * KIB, 70 * KIB, 150 * KIB];
const KEYS = ['k', 'ключ', 'key '.repeat(20), 'a', 'b', 'c', 'd', 'e'];
const TOMBSTONE = Buffer.of(0xc0);
const PRODUCERS = ['p', 'q', 'r', 's', 'продюсер'];
const PRODUCER_LIMITS = { maxCount: 3, maxAgeMs: 6000 };
const DELAYS_MS = [1, 10, 50, 50, 300, 2000, 9000];

export class LogWalk {
  readonly #random: Random;
  readonly #inner: OrderedStore;
  readonly #folder: string;
  readonly #model = new LogModel(NAMES);
  readonly #states = new Map<string, StateModel>();
  /** Records of the publish that is being taken. */
  #appending: ModelRecord[] = [];
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
    if (roll < 60) return this.#do('wait', (delayMs) => clock.advance(delayMs), random.pick(DELAYS_MS));
    if (roll < 66) return this.#do('turn', turns, 1 + random.below(6));
    if (roll < 70) return this.#do('hold writes', () => store.holdWrites());
    if (roll < 76) return this.#do('release writes', () => store.releaseWrites());
    if (roll < 80) {
      const fault = random.pick(['nothing-written', 'written-but-reported-failed'] as const);
      return this.#do('fail the next write:', () => store.failNextWrite(fault), fault);
    }
    if (roll < 81) return this.#do('fail opens', (count) => store.failOpens(count), 1 + random.below(3));
    if (roll < 84) return this.#flush();
    if (roll < 91) return this.#maintain();
    if (roll < 94) {
      const segments = [...logs.open].flatMap(({ segments }) => segments);
      const segment = segments.length > 0 ? random.pick(segments) : undefined;
      return this.#do('seal', () => segment?.log.seal(segment), segment?.log.name);
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
    await this.#do('turn', turns, 1 + this.#random.below(8));
    await this.#crash();
  }

  async #do<T>(what: string, run: (value: T) => unknown, value?: T): Promise<void> {
    this.steps.push(value === undefined ? what : `${what} ${value}`);
    await run(value as T);
  }

  async #publish(among = NAMES, sizes = SIZES): Promise<void> {
    const random = this.#random;
    const { logs, clock } = this.#opened;
    const names = Array.from({ length: 1 + random.below(3) }, () => random.pick(among));
    const opened = await this.#logsOf(names);
    if (!opened) return;
    const records = opened.flatMap((log) => {
      const entry = Array.from({ length: 1 + random.below(5) }, () =>
        this.#append(log, clock.nowMs(), random.pick(sizes)),
      );
      if (random.chance(0.5)) this.#note(log);
      return entry;
    });
    this.#appending = [];
    const synced = this.#model.publish(records);
    logs.writeBehind.endOfPublish();
    const waits = random.chance(0.3);
    if (waits) logs.writeBehind.afterSync(synced);
    const told = records.map(({ channel, offset, payload }) => `${channel}-${offset} (${payload.length})`);
    this.steps.push(`publish ${told.join(' ')}${waits ? ', ack from disk' : ''}`);
  }

  /** What was appended last is an entry of a producer. */
  #note(log: ChannelLog): void {
    const random = this.#random;
    const producer = random.pick(PRODUCERS);
    const sequence = (log.producers.lastSequence(producer) ?? 0) + 1 + random.below(3);
    const note = { producer, sequence, lastOffset: log.headOffset, nowMs: this.#opened.clock.nowMs() };
    log.producers.note(producer, sequence, note.lastOffset, note.nowMs);
    this.#model.channel(log.name).notes.push(note);
    this.steps.push(`entry ${sequence} of ${producer} in ${log.name} up to ${note.lastOffset}`);
  }

  #append(log: ChannelLog, nowMs: number, size: number): ModelRecord {
    const random = this.#random;
    const isKeyed = WALK_LIMITS[log.name]!.state !== undefined;
    const payload = isKeyed && random.chance(0.2) ? TOMBSTONE : Buffer.alloc(size, random.below(256));
    const picked = random.chance(isKeyed ? 0.8 : 0.3) ? random.pick(KEYS) : null;
    const key = picked !== null && this.#hasRoomFor(log, picked, payload) ? picked : null;
    const meta: RecordMeta | null = random.chance(0.2) ? { n: random.below(9), ok: true, at: 'x' } : null;
    const before = log.headBytes;
    const offset = log.append(nowMs, key, meta, payload);
    const timeMs = log.lastTimeMs;
    const bytes = log.headBytes - before;
    const record = { channel: log.name, epoch: log.currentEpoch, offset, timeMs, key, meta, payload, bytes };
    this.#appending.push(record);
    return record;
  }

  #hasRoomFor(log: ChannelLog, key: string, payload: Buffer): boolean {
    if (log.state === null) return true;
    const { records } = this.#model.channel(log.name);
    const appending = this.#appending.filter(({ channel }) => channel === log.name);
    const live = this.#states.get(log.name)!.newest([...records, ...appending]);
    const expected = live.has(key) || live.size < log.state.maxKeys;
    assert.equal(log.state.hasRoomFor([key, key]), expected, `room for ${key} in ${log.name}`);
    return expected || payload.equals(TOMBSTONE);
  }

  async #flush(): Promise<void> {
    this.steps.push('flush');
    this.#opened.store.releaseWrites();
    await this.#settled(this.#maintenance);
    await flush(this.#opened);
    const { writeBehind } = this.#opened.logs;
    assert.equal(writeBehind.unpersistedBytes, 0);
    await this.#checkStored();
    await this.#checkStoredState('keyed');
    await this.#checkStoredState('switched');
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

  async #checkStoredState(name: string): Promise<void> {
    const [log] = (await this.#logsOf([name]))!;
    await this.#states.get(name)!.checkStored(this.#opened.store, log!, this.#model.channel(name));
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
  async #settled<Result>(done: Promise<Result>): Promise<Result | undefined> {
    return await drive(this.#opened, done).catch(isStoreFailure);
  }

  async #stop(): Promise<void> {
    this.steps.push('stop');
    const { logs, store } = this.#opened;
    store.releaseWrites();
    // Where the mark of a clean stop could not be written, all else is.
    assert.notEqual(await this.#settled(logs.stop(STOP_MS)), false, 'the stop gave up');
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
    await this.#checkStoredState('keyed');
  }

  async #open(): Promise<void> {
    const clock = this.#opened?.clock;
    const hasSwitched = this.#random.chance(0.5);
    this.steps.push(`open, switched ${hasSwitched ? 'with' : 'without'} state`);
    this.#opened = await openLogs(
      {
        folder: this.#folder,
        ringBytes: 100 * KIB,
        limitsOf: (name) =>
          name === 'switched' && !hasSwitched
            ? { ...WALK_LIMITS.switched!, state: null }
            : WALK_LIMITS[name]!,
        producers: PRODUCER_LIMITS,
        ...(clock && { clock }),
      },
      this.#inner,
    );
    this.#oldest.clear();
    for (const log of (await this.#logsOf(['keyed', 'switched']))!) {
      const state = this.#states.get(log.name) ?? new StateModel();
      this.#states.set(log.name, state);
      await state.opened(this.#opened.store, log);
    }
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
      await new ReaderChecks(this.#random, this.#opened.logs.reader).check(log, channel);
      checkProducers(log.producers, channel.notes, PRODUCER_LIMITS);
      await this.#checkState(log, channel);
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

  /** That the state is what the model says; unless it waits to be written anew. */
  async #checkState(log: ChannelLog, channel: ModelChannel): Promise<void> {
    if (log.state === null || log.state.storedOffset < log.durableOffset) return;
    const maxBytes = this.#random.pick([1, 300, 65_536]);
    await this.#states.get(log.name)!.checkPages(this.#opened.logs.reader, log, channel, maxBytes);
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

function isStoreFailure(error: unknown): undefined {
  if (!(error instanceof RingcastError && error.code === 'store-failed')) throw error;
}
