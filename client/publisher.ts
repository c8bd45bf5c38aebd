/**
 * Sends publishes: those of one tick, channel and ack level in one frame, in the order in which they were published to
 * a channel, and no more than the hub's credit allows. What cannot be sent yet waits in the outbox, which is bounded.
 *
 * A frame holds one channel, so that a refusal never hits a publish to another. Called by client.ts only.
 */
import { RingcastError } from '../shared/errors.ts';
import { MAX_PUBLISH_RECORDS, type Publish, type PublishAnswer, type Welcome } from '../shared/frames.ts';
import { encodeValue } from '../shared/msgpack.ts';
import { maxRecordBytes } from '../shared/record-run.ts';
import {
  ACK_LEVELS,
  type AckLevel,
  formatCursor,
  type RecordInput,
  type RecordMeta,
} from '../shared/terms.ts';
import { meta as metaKind } from '../shared/wire-kinds.ts';
import { checkChannel, type PublishOptions } from './options.ts';
import type { Requests } from './requests.ts';

/** Bytes of a publish frame beside its channel and records, at most. */
const FRAME_OVERHEAD_BYTES = 32;
/** Frames are cut here although more would fit: a frame that is not much larger than the credit keeps it flowing. */
const FRAME_TARGET_BYTES = 64 * 1024;

/** Where a publish ended up. */
export interface PublishResult {
  readonly cursor: string;
}

/** What the publisher needs of its connection. */
export interface PublishPort {
  readonly ready: boolean;
  send(frame: Publish): number;
}

interface Waiting {
  readonly record: RecordInput;
  /** An upper bound of its bytes on the wire. */
  readonly bytes: number;
  resolve(result: PublishResult | undefined): void;
  reject(error: RingcastError): void;
}

/** Publishes to one channel, one behind the other, with one ack level. */
interface Group {
  readonly channel: string;
  readonly ack: AckLevel;
  readonly waiting: Waiting[];
  /** How many of `waiting` are sent. */
  sent: number;
}

interface PublishLimits {
  readonly frameBytes: number;
  readonly recordBytes: number;
  readonly keyBytes: number;
}

const utf8 = new TextEncoder();

export class Publisher {
  readonly #port: PublishPort;
  readonly #requests: Requests;
  readonly #maxOutboxBytes: number;
  /** The outbox, in order; a channel's last group is open for more. */
  #groups: Group[] = [];
  readonly #lastGroup = new Map<string, Group>();
  #outboxBytes = 0;
  #inFlight = 0;
  #creditBytes = 0;
  #limits: PublishLimits = { frameBytes: 2 ** 20, recordBytes: 2 ** 18, keyBytes: 255 };
  #flushScheduled = false;
  #closed: RingcastError | undefined;
  #onDrained: (() => void) | undefined;

  constructor(port: PublishPort, requests: Requests, maxOutboxBytes: number) {
    this.#port = port;
    this.#requests = requests;
    this.#maxOutboxBytes = maxOutboxBytes;
  }

  /** Bytes of the publishes that wait to be sent. */
  get outboxBytes(): number {
    return this.#outboxBytes;
  }

  /** Rejects with TypeError for misuse, RingcastError for all else. */
  publish(channel: string, data: unknown, options: PublishOptions): Promise<PublishResult | undefined> {
    return new Promise((resolve, reject) => {
      const { key = null, meta = null, ack = 'memory' } = options;
      if (this.#closed) throw this.#closed;
      checkChannel(channel);
      if (!ACK_LEVELS.includes(ack)) throw new TypeError(`ack must be one of ${ACK_LEVELS.join(', ')}`);
      checkMeta(meta);
      const record = { key, meta, payload: encodeValue(data) };
      const bytes = this.#measure(channel, record);
      if (this.#outboxBytes + bytes > this.#maxOutboxBytes) {
        const text = `${this.#outboxBytes} bytes wait to be published; await publishes before you go on`;
        throw new RingcastError('outbox-full', text);
      }
      this.#enqueue(channel, ack, { record, bytes, resolve, reject });
    });
  }

  /** A connection begins: it may take publishes, within what the welcome grants. */
  live({ limits, publishCreditBytes }: Welcome): void {
    const limit = (name: string, standing: number) =>
      typeof limits[name] === 'number' ? (limits[name] as number) : standing;
    this.#limits = {
      frameBytes: limit('maxFrameBytes', this.#limits.frameBytes),
      recordBytes: limit('maxRecordBytes', this.#limits.recordBytes),
      keyBytes: limit('maxKeyBytes', this.#limits.keyBytes),
    };
    this.#creditBytes = publishCreditBytes;
    this.#refuseOversized();
    this.#flush();
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

  /** Rejects what waits. */
  abandon(error: RingcastError): void {
    this.close(error);
    const groups = this.#groups;
    this.#groups = [];
    this.#lastGroup.clear();
    this.#outboxBytes = 0;
    for (const group of groups) {
      for (const { reject } of group.waiting.slice(group.sent)) reject(error);
    }
  }

  /** What waited across a reconnect may be more than this hub takes; sent all the same, it would end the connection. */
  #refuseOversized(): void {
    for (const group of this.#groups) {
      const kept = group.waiting.slice(group.sent).filter((waiting) => {
        try {
          this.#measure(group.channel, waiting.record);
          return true;
        } catch (error) {
          this.#outboxBytes -= waiting.bytes;
          waiting.reject(error as RingcastError);
          return false;
        }
      });
      group.waiting.splice(0, group.waiting.length, ...kept);
      group.sent = 0;
    }
  }

  /** The record's size on the wire, at most. Throws what the hub would refuse it for. */
  #measure(channel: string, { key, meta, payload }: RecordInput): number {
    const { frameBytes, recordBytes, keyBytes } = this.#limits;
    if (key !== null && typeof key !== 'string') throw new TypeError('key must be a string or null');
    if (key !== null && key.length * 3 > keyBytes && utf8.encode(key).length > keyBytes) {
      throw new RingcastError('record-invalid', `a key has at most ${keyBytes} bytes; shorten it`);
    }
    const bytes = maxRecordBytes(key, meta === null ? null : encodeValue(meta), payload);
    if (payload.length > recordBytes || bytes + channel.length + FRAME_OVERHEAD_BYTES > frameBytes) {
      const text = `the record's ${payload.length} bytes are more than the ${recordBytes} that this hub takes; split it`;
      throw new RingcastError('record-too-large', text);
    }
    return bytes;
  }

  #enqueue(channel: string, ack: AckLevel, waiting: Waiting): void {
    let group = this.#lastGroup.get(channel);
    if (group?.ack !== ack) {
      group = { channel, ack, waiting: [], sent: 0 };
      this.#groups.push(group);
      this.#lastGroup.set(channel, group);
    }
    group.waiting.push(waiting);
    this.#outboxBytes += waiting.bytes;
    // A loop that publishes without end shall not wait for its own end.
    if (this.#outboxBytes >= FRAME_TARGET_BYTES && this.#canSend) this.#flush();
    else this.#scheduleFlush();
  }

  /** A tick ends with the microtasks that are already queued: all continuations of one acknowledgement are among them. */
  #scheduleFlush(): void {
    if (this.#flushScheduled) return;
    this.#flushScheduled = true;
    queueMicrotask(() => {
      this.#flushScheduled = false;
      this.#flush();
    });
  }

  get #canSend(): boolean {
    return this.#port.ready && this.#creditBytes > 0;
  }

  #flush(): void {
    let done = 0;
    for (const group of this.#groups) {
      while (this.#canSend && group.sent < group.waiting.length) this.#sendFrame(group);
      if (group.sent < group.waiting.length) break;
      done++;
      if (this.#lastGroup.get(group.channel) === group) this.#lastGroup.delete(group.channel);
    }
    this.#groups.splice(0, done);
    this.#settled();
  }

  #sendFrame(group: Group): void {
    const { channel, ack } = group;
    const batch = this.#cut(group);
    group.sent += batch.length;
    if (group.sent > 1024 && group.sent * 2 > group.waiting.length) {
      // A group that never runs dry shall not keep all it ever sent.
      group.waiting.splice(0, group.sent);
      group.sent = 0;
    }
    for (const { bytes } of batch) this.#outboxBytes -= bytes;
    const id = ack === 'none' ? 0 : this.#expect(batch);
    const entries = [{ channel, records: batch.map(({ record }) => record) }];
    const frameBytes = this.#port.send({ op: 'publish', id, ack: ack === 'none' ? 'memory' : ack, entries });
    this.#creditBytes -= frameBytes;
    if (id === 0) for (const { resolve } of batch) resolve(undefined);
  }

  /** As many as fit one frame, one at least. */
  #cut({ channel, waiting, sent }: Group): Waiting[] {
    const room =
      Math.min(this.#limits.frameBytes, FRAME_TARGET_BYTES) - channel.length - FRAME_OVERHEAD_BYTES;
    let end = sent + 1;
    let bytes = waiting[sent]!.bytes;
    while (end < waiting.length && end - sent < MAX_PUBLISH_RECORDS) {
      bytes += waiting[end]!.bytes;
      if (bytes > room) break;
      end++;
    }
    return waiting.slice(sent, end);
  }

  /**
   * Awaits the answer to a frame. What is lost with its connection cannot be sent again: the hub may have taken it, and
   * would take it twice. Only producers that number their records could, and here is where they would.
   */
  #expect(batch: readonly Waiting[]): number {
    this.#inFlight++;
    const settle = (each: (waiting: Waiting, index: number) => void) => {
      this.#inFlight--;
      batch.forEach(each);
      this.#settled();
    };
    return this.#requests.add<PublishAnswer>({
      answered: ({ epoch, firstOffsets }) =>
        settle(({ resolve }, index) =>
          resolve({ cursor: formatCursor({ epoch, offset: (firstOffsets[0] ?? 0) + index }) }),
        ),
      refused: (error) => settle(({ reject }) => reject(error)),
      lost: () => {
        const text =
          'the connection broke before the hub answered: the record may or may not have been taken';
        const error = new RingcastError('connection-lost', text);
        settle(({ reject }) => reject(error));
      },
    });
  }

  #settled(): void {
    if (!this.#onDrained || this.#inFlight > 0 || this.#groups.length > 0) return;
    const done = this.#onDrained;
    this.#onDrained = undefined;
    done();
  }
}

function checkMeta(meta: RecordMeta | null): void {
  if (meta === null) return;
  try {
    metaKind.fromWire(meta, 'meta');
  } catch (cause) {
    throw new RingcastError('record-invalid', (cause as Error).message, { cause });
  }
}
