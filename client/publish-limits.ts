/**
 * What a hub takes of a publish, checked before it is sent: what it would refuse is refused here, and what would end the
 * connection is never sent. Called by the publisher.
 */
import { RingcastError } from '../shared/errors.ts';
import type { RecordMeta } from '../shared/terms.ts';
import { meta as metaKind, wireForm } from '../shared/wire-kinds.ts';
import { type OutboxEntry, sizeOf } from './publish-queue.ts';

/** Bytes of a publish frame beside its entries, at most. */
const FRAME_OVERHEAD_BYTES = 32;
/** Bytes of an entry beside its channel and records, at most: sequence, flag, expected cursor. */
const ENTRY_OVERHEAD_BYTES = 64;
/** Frames are cut here although more would fit: a frame that is not much larger than the credit keeps it flowing. */
const FRAME_TARGET_BYTES = 64 * 1024;

const utf8 = new TextEncoder();

/** What holds where a hub says nothing else. */
const DEFAULTS = { frameBytes: 2 ** 20, recordBytes: 2 ** 18, keyBytes: 255 };

export class PublishLimits {
  /** Of a whole frame. */
  readonly frameBytes: number;
  readonly recordBytes: number;
  readonly keyBytes: number;

  /** @param limits as in the hub's welcome; what it does not name stays as in `before`. */
  constructor(limits: Readonly<Record<string, unknown>>, before: typeof DEFAULTS = DEFAULTS) {
    const limit = (name: string, standing: number) =>
      typeof limits[name] === 'number' ? (limits[name] as number) : standing;
    this.frameBytes = limit('maxFrameBytes', before.frameBytes);
    this.recordBytes = limit('maxRecordBytes', before.recordBytes);
    this.keyBytes = limit('maxKeyBytes', before.keyBytes);
  }

  /** For the channel and the records of a frame that is cut from what waits. */
  get cutBytes(): number {
    return Math.min(this.frameBytes, FRAME_TARGET_BYTES) - FRAME_OVERHEAD_BYTES - ENTRY_OVERHEAD_BYTES;
  }

  /** Throws what the hub would refuse it for. */
  checkKey(key: string | null): void {
    if (key === null) return;
    if (typeof key !== 'string') throw new TypeError('key must be a string or null');
    if (key.length * 3 > this.keyBytes && utf8.encode(key).length > this.keyBytes) {
      throw new RingcastError('record-invalid', `a key has at most ${this.keyBytes} bytes; shorten it`);
    }
  }

  /** @param bytes of the whole record. Throws what the hub would refuse it for. */
  checkSize(channel: string, payloadBytes: number, bytes: number): void {
    if (
      payloadBytes > this.recordBytes ||
      bytesOfEntry(channel, bytes) + FRAME_OVERHEAD_BYTES > this.frameBytes
    ) {
      const text = `the record's ${payloadBytes} bytes are more than the ${this.recordBytes} that this hub takes; split it`;
      throw new RingcastError('record-too-large', text);
    }
  }

  /** Throws as for single records, and `record-too-large` for entries that do not fit one frame together. */
  checkFrame(entries: readonly OutboxEntry[]): void {
    for (const { channel, pending } of entries)
      for (const { key, payloadBytes, bytes } of pending) {
        this.checkKey(key);
        this.checkSize(channel, payloadBytes, bytes);
      }
    const bytes = wireBytesOf(entries);
    if (bytes <= this.frameBytes) return;
    const text = `the frame's ${bytes} bytes are more than the ${this.frameBytes} that this hub takes; publish fewer at once`;
    throw new RingcastError('record-too-large', text);
  }
}

/** Of the frame that they make, at most. */
export function wireBytesOf(entries: readonly OutboxEntry[]): number {
  let bytes = FRAME_OVERHEAD_BYTES;
  for (const { channel, pending } of entries) bytes += bytesOfEntry(channel, sizeOf([{ channel, pending }]));
  return bytes;
}

function bytesOfEntry(channel: string, recordBytes: number): number {
  return channel.length + recordBytes + ENTRY_OVERHEAD_BYTES;
}

/** Throws `record-invalid`. */
export function checkMeta(meta: RecordMeta | null): void {
  if (meta === null) return;
  try {
    metaKind.read(meta, 'meta', wireForm);
  } catch (cause) {
    throw new RingcastError('record-invalid', (cause as Error).message, { cause });
  }
}
