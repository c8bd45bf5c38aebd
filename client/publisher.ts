/**
 * Sends publishes and sees to it that each is taken once: those of one tick, channel and ack level in one frame, in the
 * order in which they were published to a channel, no more than the hub's credit allows, and again after a reconnect or
 * a refusal for now. What is kept, in which order and what becomes of a refusal is the outbox's matter; here are the
 * promises, the timers and the frames. A frame holds one channel, unless the application put it together, so that a
 * refusal never hits a publish to another. Called by client.ts only.
 */
import type { Clock } from '../shared/clock.ts';
import { RingcastError } from '../shared/errors.ts';
import {
  MAX_PUBLISH_ENTRIES,
  MAX_PUBLISH_RECORDS,
  type PublishAnswer,
  type Welcome,
} from '../shared/frames.ts';
import { ACK_LEVELS, type AckLevel, formatCursor, type RecordMeta } from '../shared/terms.ts';
import { valueBytes } from '../shared/value-writer.ts';
import { type BackoffPolicy, backoffDelayMs } from './backoff.ts';
import { publishOf } from './failed-publish.ts';
import { checkChannel, type PublishItem, type PublishOptions, readExpectedCursor } from './options.ts';
import { Outbox, type OutboxFrame } from './outbox.ts';
import { type FrameEntry, publishFrame } from './publish-frame.ts';
import { checkMeta, PublishLimits } from './publish-limits.ts';
import {
  type FrameLimits,
  type OutboxEntry,
  type Pending,
  type PublishResult,
  sizeOf,
} from './publish-queue.ts';
import { RecordMemory } from './record-memory.ts';
import { RecordWriter } from './record-writer.ts';
import type { Requests } from './requests.ts';
import type { OutboxKeeper } from './stores/outbox-keeper.ts';

/** What waits is sent while a loop publishes without end, once it is so much. */
const EAGER_BYTES = 64 * 1024;

/** What the publisher needs of its connection. */
export interface PublishPort {
  readonly ready: boolean;
  /** Returns how many they are. */
  sendBytes(bytes: Uint8Array): number;
}

export interface PublisherSettings {
  readonly clock: Clock;
  readonly backoff: BackoffPolicy;
  readonly maxOutboxBytes: number;
}

/** Where publishes are stored before they are sent. */
export interface PublisherStorage {
  readonly keeper: OutboxKeeper;
  readonly producerId: string;
  report(error: unknown, channel: string | null): void;
}

export class Publisher {
  readonly #port: PublishPort;
  readonly #requests: Requests;
  readonly #settings: PublisherSettings;
  readonly #outbox: Outbox;
  readonly #keeper: OutboxKeeper | undefined;
  readonly #writer = new RecordWriter();
  readonly #memory = new RecordMemory();
  #limits = new PublishLimits({});
  #creditBytes = 0;
  #flushScheduled = false;
  #cancelTimer: (() => void) | undefined;
  #closed: RingcastError | undefined;
  #onDrained: (() => void) | undefined;
  #released: Promise<void> | undefined;

  constructor(
    port: PublishPort,
    requests: Requests,
    settings: PublisherSettings,
    storage?: PublisherStorage,
  ) {
    this.#port = port;
    this.#requests = requests;
    this.#settings = settings;
    this.#outbox = new Outbox(storage !== undefined);
    if (storage) this.#keep(storage);
    this.#keeper = storage?.keeper;
  }

  /** Bytes of the publishes that wait to be sent or to be answered. */
  get outboxBytes(): number {
    return this.#outbox.waitingBytes + this.#outbox.unackedBytes;
  }

  /** Of these, bytes of what was sent; with a store, of what is numbered. */
  get unackedBytes(): number {
    return this.#outbox.unackedBytes;
  }

  /** Rejects with TypeError for misuse, RingcastError for all else. */
  publish(channel: string, data: unknown, options: PublishOptions): Promise<PublishResult | undefined> {
    return new Promise((resolve, reject) => {
      const { key = null, meta = null, ack = 'memory' } = options;
      this.#checkOpen(ack);
      const expectedCursor = readExpectedCursor(options.expectedCursor, ack);
      const pending = this.#prepare(channel, data, key, meta, resolve, reject, true);
      if (expectedCursor) this.#outbox.addWhole(ack, [{ channel, pending: [pending], expectedCursor }]);
      else this.#outbox.add(channel, ack, pending);
      this.#flushSoon();
    });
  }

  /** One frame, taken whole or not at all. Rejects as {@link publish}. */
  async publishMany(
    items: readonly PublishItem[],
    ack: AckLevel,
  ): Promise<readonly (PublishResult | undefined)[]> {
    this.#checkOpen(ack);
    if (items.length === 0) return [];
    return new Promise((resolve, reject) => {
      const entries = new Map<string, GatheredEntry>();
      const results = new Array<PublishResult | undefined>(items.length);
      const mark = this.#writer.mark();
      let left = 0;
      try {
        // A hole is an item that is undefined.
        for (const item of items) {
          const index = left++;
          const settle = (result: PublishResult | undefined) => {
            results[index] = result;
            if (--left === 0) resolve(results);
          };
          this.#gather(entries, item, ack, settle, reject);
        }
        const gathered = [...entries.values()];
        checkCounts(gathered);
        this.#limits.checkFrame(gathered);
        this.#makeRoom(sizeOf(gathered));
      } catch (error) {
        let written = 0;
        for (const { pending } of entries.values()) written += pending.length;
        this.#writer.rewind(mark, written);
        throw error;
      }
      const all = [...entries.values()];
      this.#outbox.addWhole(ack, all);
      this.#flushSoon();
    });
  }

  /** A connection begins: it may take publishes, within what the welcome grants. */
  live({ limits, publishCreditBytes, timeMs = 0 }: Welcome): void {
    this.#limits = new PublishLimits(limits, this.#limits);
    this.#creditBytes = publishCreditBytes;
    this.#outbox.online(timeMs);
    this.#refuseOversized();
    this.#flush();
  }

  /** The connection is gone. */
  lost(): void {
    this.#outbox.offline();
  }

  granted(bytes: number): void {
    this.#creditBytes += bytes;
    this.#flush();
  }

  /** Takes nothing more; what waits is still sent. */
  close(error: RingcastError): void {
    this.#closed ??= error;
  }

  /** Calls back, once, when nothing waits and no acknowledgement is outstanding. */
  whenDrained(done: () => void): void {
    this.#onDrained = done;
    this.#settled();
  }

  /** Rejects all: with `error` what the hub has certainly not taken, else with `connection-lost`. */
  abandon(error: RingcastError): void {
    this.close(error);
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    if (this.#keeper) {
      this.#released ??= this.#leave(this.#keeper, error);
      return;
    }
    const { inDoubt, unsent } = this.#outbox.clear();
    const text = 'the connection broke; the hub may or may not have taken it before';
    const lost = new RingcastError('connection-lost', text, { cause: error });
    for (const { reject } of inDoubt) reject(lost);
    for (const { reject } of unsent) reject(error);
  }

  /** Resolves once nothing that was published waits to be stored. */
  async stored(): Promise<void> {
    await this.#keeper?.idle();
  }

  /** Resolves once others may publish what is stored; of one that was abandoned. */
  get released(): Promise<void> {
    return this.#released ?? Promise.resolve();
  }

  // The store -----------------------------------------------------------------------------------------------------------

  #keep({ keeper, producerId, report }: PublisherStorage): void {
    const frameLimits = () => this.#frameLimits;
    keeper.begin(this.#outbox, producerId, {
      get limits() {
        return frameLimits();
      },
      after: (delayMs, run) => this.#settings.clock.after(delayMs, run),
      advance: () => this.#flush(),
      reject,
      report,
      publishOf,
    });
  }

  /** Leaves to the next client what is stored. */
  async #leave(keeper: OutboxKeeper, error: RingcastError): Promise<void> {
    await keeper.end();
    for (const { reject } of this.#outbox.clearQueue()) reject(error);
    const text = 'the client is closed; the publish is stored, and the next client sends it';
    const left = new RingcastError('publish-stored', text, { cause: error });
    const { inDoubt, unsent } = this.#outbox.clear();
    for (const { reject } of [...inDoubt, ...unsent]) reject(left);
    await keeper.release();
  }

  /** Who published it is told when it is certain that it will not be sent after a restart. */
  #reject(frame: OutboxFrame, error: RingcastError): void {
    if (this.#keeper) {
      this.#keeper.afterWrite(() => reject(frame, error));
      this.#flushSoon();
    } else {
      reject(frame, error);
    }
  }

  // Taking in -----------------------------------------------------------------------------------------------------------

  #checkOpen(ack: AckLevel): void {
    if (this.#closed) throw this.#closed;
    if (!ACK_LEVELS.includes(ack)) throw new TypeError(`ack must be one of ${ACK_LEVELS.join(', ')}`);
  }

  #prepare(
    channel: string,
    data: unknown,
    key: string | null,
    meta: RecordMeta | null,
    resolve: Pending['resolve'],
    reject: Pending['reject'],
    isAlone: boolean,
  ): Pending {
    checkChannel(channel);
    checkMeta(meta);
    this.#limits.checkKey(key);
    const metaBytes = meta === null ? null : valueBytes(meta);
    this.#writer.write(key, metaBytes, data);
    const { chunk, start, end, payloadBytes } = this.#writer;
    const bytes = end - start;
    try {
      this.#limits.checkSize(channel, payloadBytes, bytes);
      if (isAlone) this.#makeRoom(bytes);
    } catch (error) {
      this.#writer.undo();
      throw error;
    }
    return { chunk, start, end, key, payloadBytes, bytes, resolve, reject };
  }

  #makeRoom(bytes: number): void {
    const { maxOutboxBytes } = this.#settings;
    if (this.outboxBytes + bytes <= maxOutboxBytes) return;
    const text = `${this.outboxBytes} bytes wait, and ${bytes} more are beyond maxOutboxBytes (${maxOutboxBytes}); await publishes`;
    throw new RingcastError('outbox-full', text);
  }

  /** Puts the item behind those to the same channel. */
  #gather(
    entries: Map<string, GatheredEntry>,
    item: PublishItem,
    ack: AckLevel,
    resolve: Pending['resolve'],
    reject: Pending['reject'],
  ): void {
    const { channel, data, key = null, meta = null } = item;
    const expectedCursor = readExpectedCursor(item.expectedCursor, ack);
    let entry = entries.get(channel);
    if (expectedCursor && entry) {
      throw new TypeError(`expectedCursor may stand at the first record to ${channel} only`);
    }
    const pending = this.#prepare(channel, data, key, meta, resolve, reject, false);
    if (!entry) {
      entry = { channel, pending: [], expectedCursor };
      entries.set(channel, entry);
    }
    entry.pending.push(pending);
  }

  /** What waited across a reconnect may be more than this hub takes; sent all the same, it would end the connection. */
  #refuseOversized(): void {
    this.#outbox.dropUnsent((entries) => {
      try {
        this.#limits.checkFrame(entries);
        return true;
      } catch (error) {
        for (const { pending } of entries) for (const { reject } of pending) reject(error);
        return false;
      }
    });
    for (const frame of this.#outbox.dropOversized(this.#limits.frameBytes)) {
      const doubt = frame.inDoubt ? '; the hub may or may not have taken it before' : '';
      const text = `its frame is larger than the ${this.#limits.frameBytes} bytes that this hub takes${doubt}`;
      this.#reject(frame, new RingcastError('record-too-large', text));
    }
  }

  // Sending -------------------------------------------------------------------------------------------------------------

  /** A tick ends with the microtasks that are already queued: all continuations of one acknowledgement are among them. */
  #flushSoon(): void {
    // A loop that publishes without end shall not wait for its own end.
    if (this.#outbox.waitingBytes >= EAGER_BYTES && this.#canSend && !this.#keeper) {
      this.#flush();
    } else if (!this.#flushScheduled) {
      this.#flushScheduled = true;
      queueMicrotask(() => {
        this.#flushScheduled = false;
        this.#flush();
      });
    }
  }

  get #canSend(): boolean {
    return this.#port.ready && this.#creditBytes > 0;
  }

  get #frameLimits(): FrameLimits {
    return { frameBytes: this.#limits.cutBytes, records: MAX_PUBLISH_RECORDS };
  }

  #flush(): void {
    this.#keeper?.pump();
    if (this.#canSend) {
      this.#outbox.offer(
        this.#nowMs,
        this.#frameLimits,
        () => this.#canSend,
        (frame, entries) => this.#send(frame, entries),
      );
    }
    this.#settled();
  }

  #send(frame: OutboxFrame, entries: readonly FrameEntry[]): number {
    const isKept = frame.ack !== 'none';
    const id = isKept ? this.#expect(frame) : 0;
    const ack = frame.ack === 'disk' ? 'disk' : 'memory';
    const firstSentMs = frame.inDoubt ? frame.firstSentMs! : undefined;
    const wireBytes = this.#port.sendBytes(publishFrame(id, ack, entries, firstSentMs));
    this.#creditBytes -= wireBytes;
    if (!isKept)
      for (const { pending } of frame.entries) for (const { resolve } of pending) resolve(undefined);
    return wireBytes;
  }

  #expect(frame: OutboxFrame): number {
    return this.#requests.add<PublishAnswer>({
      answered: (answer) => {
        this.#outbox.answered(frame);
        resolve(frame, answer);
        if (this.#keeper) this.#flushSoon();
        // It may be what others had to wait for.
        if (this.#outbox.resending) this.#flushSoon();
        this.#settled();
      },
      refused: (error) => {
        this.#refused(frame, error);
        this.#settled();
      },
      // It is sent again on the next connection.
      lost: () => {},
    });
  }

  #refused(frame: OutboxFrame, error: RingcastError): void {
    const delayMs = error.retryAfterMs ?? backoffDelayMs(frame.attempt, this.#settings.backoff);
    if (this.#outbox.refused(frame, error.code, this.#nowMs + delayMs)) this.#wakeWhenDue();
    else this.#reject(frame, error);
    // What waited behind it, or was refused for its sake, may have its turn.
    this.#flushSoon();
  }

  /** One timer, for the first that is due. */
  #wakeWhenDue(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    const nowMs = this.#nowMs;
    const dueMs = this.#outbox.nextDueMs(nowMs);
    if (dueMs === undefined) return;
    this.#cancelTimer = this.#settings.clock.after(dueMs - nowMs, () => {
      this.#wakeWhenDue();
      this.#flush();
    });
  }

  get #nowMs(): number {
    return this.#settings.clock.monotonicMs();
  }

  #settled(): void {
    this.#memory.trim(this.#writer.allocatedBytes, this.outboxBytes, () => this.#outbox.pending);
    if (!this.#onDrained || !this.#outbox.empty) return;
    const done = this.#onDrained;
    this.#onDrained = undefined;
    done();
  }
}

/** Those to one channel, in the order in which they were handed in. */
interface GatheredEntry extends OutboxEntry {
  readonly pending: Pending[];
}

function checkCounts(entries: readonly GatheredEntry[]): void {
  const tooMany = entries.find(({ pending }) => pending.length > MAX_PUBLISH_RECORDS);
  if (!tooMany && entries.length <= MAX_PUBLISH_ENTRIES) return;
  const text = `one frame holds ${MAX_PUBLISH_ENTRIES} channels and ${MAX_PUBLISH_RECORDS} records of each; publish fewer at once`;
  throw new RingcastError('record-too-large', text);
}

function resolve({ entries }: OutboxFrame, { epoch, firstOffsets }: PublishAnswer): void {
  for (let at = 0; at < entries.length; at++) {
    const { pending } = entries[at]!;
    const first = firstOffsets[at] ?? null;
    for (let i = 0; i < pending.length; i++) {
      pending[i]!.resolve({ cursor: first === null ? null : formatCursor({ epoch, offset: first + i }) });
    }
  }
}

function reject({ entries }: OutboxFrame, error: RingcastError): void {
  for (const { pending } of entries) for (const { reject } of pending) reject(error);
}
