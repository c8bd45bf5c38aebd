/**
 * Takes what was appended to the store: one synced write in flight, always a prefix of all that the hub accepted (I12),
 * across channels, never a part of a publish (I9), at most `maxDelayMs` late (sooner when someone waits for the disk or 1 MiB is waiting). Group commit
 * falls out by itself: whatever arrives during a write goes into the next.
 *
 *     idle ──append──▶ waiting ──timer, urgency, 1 MiB──▶ writing ──synced──▶ idle, or writing again
 *                                                           └─failed──▶ reopening ──reopened──▶ writing again
 *
 * After a failed write the store's handle is dead (it may take writes and lose them): close, reopen, look at what is
 * stored, write again from the ring, and only then acknowledge (I17).
 */
import type { Clock } from '../../shared/clock.ts';
import type { ChannelLog } from './channel-log.ts';
import { RunEncoder } from './run-encoder.ts';
import type { Segment } from './segment.ts';
import type { SegmentStore } from './segment-store.ts';
import { type Trim, WritePlan } from './write-plan.ts';

/** So much unwritten starts a write at once, and one cut of the append order is made for about so much. */
const CUT_BYTES = 1024 * 1024;
/** A write takes cuts until it has so much: copying it holds the event loop for a few milliseconds at most. */
const WRITE_BYTES = 4 * CUT_BYTES;
const MERGES_PER_WRITE = 256;
const REOPEN_DELAYS_MS = [50, 100, 250, 500, 1000, 2000, 5000];

export type WriteBehindState = 'idle' | 'waiting' | 'writing' | 'reopening' | 'stopped';

export interface WriteBehindOptions {
  readonly store: SegmentStore;
  readonly clock: Clock;
  readonly maxDelayMs: number;
  /** Something of these logs was synced; `durableOffset` is up to date. */
  onSynced(logs: readonly ChannelLog[]): void;
  /** The store failed, or works again (`undefined`). */
  onFailure(cause: unknown): void;
}

/** A stretch of the append order: which logs grew in it, and how far. Never cuts a publish. */
interface Cut {
  /** Where it is cut: how far each log of it had grown. Noted when it is closed, as all of each belongs to it. */
  readonly heads: Map<ChannelLog, number>;
  bytes: number;
  sequence: number;
  /** When the first of it came, by the clock's monotonic time. */
  sinceMs: number;
}

export class WriteBehind {
  readonly #options: WriteBehindOptions;
  readonly #runs = new RunEncoder();
  #state: WriteBehindState = 'idle';
  #cuts: Cut[] = [];
  #open: Cut = { heads: new Map(), bytes: 0, sequence: 0, sinceMs: 0 };
  /** The logs of the cut that is open; each knows that it is among them, by the cut's number. */
  #openLogs: ChannelLog[] = [];
  #openNumber = 1;
  #merges = new Set<Segment>();
  #trims: Trim[] = [];
  #waiting: { sequence: number; run: () => void }[] = [];
  /** Counts what was appended; a sync covers all up to the count at its start. */
  #sequence = 0;
  #syncedSequence = 0;
  #unpersistedBytes = 0;
  /** When the first record came of those in the write that is in flight. */
  #writingSinceMs: number | undefined;
  #inFlight: Promise<void> | undefined;
  #urgent = false;
  /** The write that is waited for begins with the end of this tick, not by the timer. */
  #isDue = false;
  #cancelTimer: (() => void) | undefined;
  #idle: (() => void)[] = [];

  constructor(options: WriteBehindOptions) {
    this.#options = options;
  }

  get state(): WriteBehindState {
    return this.#state;
  }

  /** Run bytes appended and not yet synced. */
  get unpersistedBytes(): number {
    return this.#unpersistedBytes;
  }

  /** Records appended and not yet synced. */
  get unpersistedRecords(): number {
    return this.#sequence - this.#syncedSequence;
  }

  /** For how long the oldest of these has waited, ms; 0 when there are none. */
  get unpersistedMs(): number {
    if (this.unpersistedRecords === 0) return 0;
    const sinceMs = this.#writingSinceMs ?? this.#cuts[0]?.sinceMs ?? this.#open.sinceMs;
    return Math.max(0, this.#options.clock.monotonicMs() - sinceMs);
  }

  /** A record of `bytes` was appended. */
  appended(log: ChannelLog, bytes: number): void {
    const cut = this.#open;
    if (log.cutNumber !== this.#openNumber) {
      if (this.#openLogs.length === 0) cut.sinceMs = this.#options.clock.monotonicMs();
      log.cutNumber = this.#openNumber;
      log.queued = true;
      this.#openLogs.push(log);
    }
    cut.bytes += bytes;
    cut.sequence = ++this.#sequence;
    this.#unpersistedBytes += bytes;
  }

  /** A publish is complete: here the append order may be cut. */
  endOfPublish(): void {
    if (this.#open.bytes >= CUT_BYTES) this.#closeCut();
    this.#schedule();
  }

  addMerge(segment: Segment): void {
    if (segment.isEvictable) return;
    this.#merges.add(segment);
    this.#schedule();
  }

  addTrim(trim: Trim): void {
    this.#trims.push(trim);
    trim.log.queued = true;
    this.#schedule();
  }

  /** Takes what `log` has to store beside records: its meta, its producers, its state. */
  addRest(log: ChannelLog): void {
    this.addTrim({ log, keys: [] });
  }

  /** Somebody will wait for the disk: the write begins with the end of this tick. */
  hurry(): void {
    if (this.#urgent || this.#unpersistedBytes === 0) return;
    this.#urgent = true;
    this.#schedule();
  }

  /** Runs `run` once all that was appended until now is synced. Hurries the write. */
  afterSync(run: () => void): void {
    if (this.#unpersistedBytes === 0) {
      run();
      return;
    }
    this.#waiting.push({ sequence: this.#sequence, run });
    this.#urgent = true;
    this.#schedule();
  }

  /** Resolves when nothing waits to be written; hurries. Rejects never: while the store fails, it waits. */
  async flush(): Promise<void> {
    while (this.#state !== 'stopped' && (this.#hasWork || this.#state !== 'idle')) {
      this.#urgent = true;
      this.#schedule();
      await new Promise<void>((resolve) => this.#idle.push(resolve));
    }
  }

  /** No write begins any more; resolves when the one in flight has ended, however it does. */
  async stop(): Promise<void> {
    this.#state = 'stopped';
    this.#cancelTimer?.();
    for (const resolve of this.#idle.splice(0)) resolve();
    await this.#inFlight?.catch(() => {});
  }

  get #hasWork(): boolean {
    return (
      this.#openLogs.length > 0 || this.#cuts.length > 0 || this.#merges.size > 0 || this.#trims.length > 0
    );
  }

  #schedule(): void {
    if (!this.#hasWork || (this.#state !== 'idle' && this.#state !== 'waiting')) return;
    let isDue = this.#urgent || this.#unpersistedBytes >= CUT_BYTES;
    let leftMs = 0;
    if (this.#state === 'waiting') {
      // Put off again by each publish, a write that is due might never begin.
      if (!isDue || this.#isDue) return;
      this.#cancelTimer?.();
    } else if (!isDue) {
      leftMs = this.#leftMs;
      isDue = leftMs <= 0;
    }
    this.#state = 'waiting';
    this.#isDue = isDue;
    // Even in a hurry a write waits for the end of the tick, which it then holds whole.
    const write = () => void this.#write();
    this.#cancelTimer = isDue ? soon(write) : this.#options.clock.after(leftMs, write);
  }

  /** How much longer a write may wait: what came while another was in flight has waited already. */
  get #leftMs(): number {
    const { clock, maxDelayMs } = this.#options;
    const oldest = this.#cuts[0] ?? (this.#openLogs.length > 0 ? this.#open : undefined);
    return oldest ? maxDelayMs - (clock.monotonicMs() - oldest.sinceMs) : maxDelayMs;
  }

  #closeCut(): void {
    if (this.#openLogs.length === 0) return;
    for (const log of this.#openLogs) this.#open.heads.set(log, log.headOffset);
    this.#cuts.push(this.#open);
    this.#open = { heads: new Map(), bytes: 0, sequence: this.#sequence, sinceMs: 0 };
    this.#openLogs = [];
    this.#openNumber++;
  }

  async #write(): Promise<void> {
    if (this.#state !== 'waiting') return;
    this.#state = 'writing';
    this.#urgent = false;
    const cuts = this.#takeCuts();
    this.#writingSinceMs = cuts[0]?.sinceMs;
    const merges = this.#takeMerges();
    const trims = this.#trims.splice(0);
    const plan = new WritePlan(this.#runs);
    try {
      this.#decide(plan, cuts, merges, trims);
      this.#inFlight = this.#options.store.write(plan);
      await this.#inFlight;
    } catch (cause) {
      for (const segment of plan.abandon()) this.#merges.add(segment);
      this.#cuts = [...cuts, ...this.#cuts];
      this.#writingSinceMs = undefined;
      this.#trims.unshift(...trims);
      await this.#reopen(cause, plan.logs);
      return;
    }
    plan.apply();
    this.#settle(cuts, plan);
  }

  #decide(plan: WritePlan, cuts: readonly Cut[], merges: readonly Segment[], trims: readonly Trim[]): void {
    // The newest first: what it says of a log is what counts.
    for (let i = cuts.length - 1; i >= 0; i--)
      cuts[i]!.heads.forEach((head, log) => void plan.addRecords(log, head));
    for (const segment of merges) plan.addMerge(segment);
    for (const trim of trims) plan.addTrim(trim);
  }

  #takeCuts(): Cut[] {
    if (this.#cuts.length === 0) this.#closeCut();
    const taken: Cut[] = [];
    let bytes = 0;
    while (this.#cuts.length > 0 && bytes < WRITE_BYTES) {
      const cut = this.#cuts.shift()!;
      bytes += cut.bytes;
      taken.push(cut);
      if (this.#cuts.length === 0 && bytes < WRITE_BYTES) this.#closeCut();
    }
    return taken;
  }

  #takeMerges(): Segment[] {
    const taken: Segment[] = [];
    let bytes = 0;
    for (const segment of this.#merges) {
      if (taken.length >= MERGES_PER_WRITE || bytes >= WRITE_BYTES) break;
      // One that is not wholly written yet is made whole by the write that completes it.
      this.#merges.delete(segment);
      if (!segment.needsMerge) continue;
      taken.push(segment);
      bytes += segment.lengthBytes;
    }
    return taken;
  }

  #settle(cuts: readonly Cut[], plan: WritePlan): void {
    const last = cuts.at(-1);
    this.#writingSinceMs = undefined;
    if (last) this.#syncedSequence = last.sequence;
    for (const cut of cuts) this.#unpersistedBytes -= cut.bytes;
    const { logs } = plan;
    // The meta is out of date where the log was trimmed, or entered the epoch, meanwhile.
    for (const log of logs) log.queued = log.durableOffset < log.headOffset || log.metaDirty;
    if (this.#state === 'stopped') return;
    this.#state = 'idle';
    this.#options.onSynced(logs);
    if (last) {
      const due = this.#waiting.findIndex(({ sequence }) => sequence > last.sequence);
      for (const { run } of this.#waiting.splice(0, due < 0 ? this.#waiting.length : due)) run();
      this.#urgent = this.#waiting.length > 0;
    }
    this.#schedule();
    for (const resolve of this.#idle.splice(0)) resolve();
  }

  async #reopen(cause: unknown, logs: readonly ChannelLog[]): Promise<void> {
    // Stopped while the write was in flight: what becomes of the store is its owner's business.
    if (this.#state === 'stopped') return;
    const { store, clock, onFailure } = this.#options;
    this.#state = 'reopening';
    onFailure(cause);
    for (let attempt = 0; ; attempt++) {
      const delayMs = REOPEN_DELAYS_MS[Math.min(attempt, REOPEN_DELAYS_MS.length - 1)]!;
      await new Promise<void>((resolve) => clock.after(delayMs, resolve));
      try {
        if (this.#state === 'reopening') await store.store.close();
        if (this.#state !== 'reopening') return;
        await store.store.open();
        for (const log of logs) await this.#distrust(log);
        break;
      } catch (again) {
        onFailure(again);
      }
    }
    if (this.#state !== 'reopening') return;
    this.#state = 'idle';
    onFailure(undefined);
    this.#urgent = true;
    this.#schedule();
    for (const resolve of this.#idle.splice(0)) resolve();
  }

  /** Marks for writing again whatever the ring holds beyond the head that the store really has. */
  async #distrust(log: ChannelLog): Promise<void> {
    const { store } = this.#options;
    const storedHead = await store.storedHead(log.number);
    for (const segment of log.segments) {
      if (segment.lastOffset <= storedHead || segment.writtenCount === 0) continue;
      segment.markSuspect(undefined);
      this.#merges.add(segment);
    }
    await this.#distrustRest(log);
  }

  /** As {@link #distrust}, of what is written with the records. */
  async #distrustRest(log: ChannelLog): Promise<void> {
    const { number, state, producerTable } = log;
    const { store } = this.#options;
    if (state) {
      const stateOffset = await store.stateOffset(number);
      if (stateOffset < state.storedOffset) state.distrust(stateOffset, await store.statePositions(number));
    }
    producerTable?.distrust();
    if (state || producerTable) this.addRest(log);
  }
}

function soon(run: () => void): () => void {
  const immediate = setImmediate(run);
  return () => clearImmediate(immediate);
}
