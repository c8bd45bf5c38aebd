/**
 * Keys and values on disk. The only file that knows their bytes.
 *
 *     h epoch                        the hub's current epoch
 *     h clean                        mark of a clean stop (epoch-mark.ts)
 *     c <channel name>               channel meta (below)
 *     n <number:u32>                 the channel's name
 *     r <number:u32> <epoch:u64> <first offset:u64>    a run of records
 *     p <number:u32>                 the channel's producers (below)
 *     s <number:u32> <epoch:u64> <offset:u64>          the newest record of its key, its bytes as in the run
 *     t <number:u32>                 01 │ offset:u64, which the state of the channel is complete to
 *
 *     run value   01 │ count:u32 │ lastTimeMs:u64 │ bytesBefore:u64 │ record … record
 *                 └ format                         └ run bytes that the channel had appended before, ever
 *
 * Big-endian throughout, so that the order of keys is the order of positions, by (epoch, offset).
 */
import { decodeValue, encodeValue } from '../../shared/msgpack.ts';
import { readUint32, readUint64, writeUint32, writeUint64 } from '../../shared/msgpack-bytes.ts';
import type { Cursor, Epoch, Offset } from '../../shared/terms.ts';
import type { EpochStart } from './log-bounds.ts';
import type { StoredProducers } from './producer-table.ts';

export const EPOCH_KEY = Buffer.from('hepoch');
export const CLEAN_KEY = Buffer.from('hclean');

const NAME_PREFIX = 0x63; // c
const NUMBER_PREFIX = 0x6e; // n
const RUN_PREFIX = 0x72; // r
const PRODUCERS_PREFIX = 0x70; // p
const STATE_PREFIX = 0x73; // s
const STATE_OFFSET_PREFIX = 0x74; // t

const POSITION_KEY_BYTES = 1 + 4 + 8 + 8;
export const RUN_KEY_BYTES = POSITION_KEY_BYTES;
export const RUN_HEADER_BYTES = 1 + 4 + 8 + 8;
const RUN_FORMAT = 1;

export function nameKey(name: string): Buffer {
  return Buffer.concat([Buffer.of(NAME_PREFIX), Buffer.from(name, 'ascii')]);
}

export function numberKey(number: number): Buffer {
  return channelKey(NUMBER_PREFIX, number);
}

export function readNumberKey(key: Buffer): number {
  return readUint32(key, 1);
}

/** All keys of channel numbers from `from` on. */
export function numberRange(from: number): { gte: Buffer; lt: Buffer } {
  return { gte: numberKey(from), lt: Buffer.of(NUMBER_PREFIX + 1) };
}

export function runKey(number: number, epoch: Epoch, firstOffset: Offset): Buffer {
  return positionKey(RUN_PREFIX, number, epoch, firstOffset);
}

/** As {@link runKey}, into memory of {@link RUN_KEY_BYTES}. */
export function writeRunKey(key: Buffer, number: number, epoch: Epoch, firstOffset: Offset): void {
  writePositionKey(key, RUN_PREFIX, number, epoch, firstOffset);
}

/** All runs of a channel. */
export function channelRunRange(number: number): { gte: Buffer; lt: Buffer } {
  return { gte: runKey(number, 0, 0), lt: runKey(number + 1, 0, 0) };
}

/** A run as the store holds it. */
export interface StoredRun {
  readonly epoch: Epoch;
  readonly firstOffset: Offset;
  readonly count: number;
  readonly lastTimeMs: number;
  readonly bytesBefore: number;
  /** The whole value; its records lie from `start` to the end. */
  readonly bytes: Buffer;
  readonly start: number;
}

/** Writes what stands before the records of a run, {@link RUN_HEADER_BYTES}. */
export function writeRunHeader(value: Buffer, count: number, lastTimeMs: number, bytesBefore: number): void {
  value[0] = RUN_FORMAT;
  writeUint32(value, 1, count);
  writeUint64(value, 5, lastTimeMs);
  writeUint64(value, 13, bytesBefore);
}

/** Throws TypeError for bytes that are not a run of this format. */
export function decodeRun(key: Buffer, value: Buffer): StoredRun {
  if (key.length !== POSITION_KEY_BYTES || value.length < RUN_HEADER_BYTES || value[0] !== RUN_FORMAT) {
    throw newerFormat('a run', value[0]);
  }
  return {
    epoch: readUint64(key, 5),
    firstOffset: readUint64(key, 13),
    count: readUint32(value, 1),
    lastTimeMs: readUint64(value, 5),
    bytesBefore: readUint64(value, 13),
    bytes: value,
    start: RUN_HEADER_BYTES,
  };
}

/**
 * What is kept of a channel beside its runs. Written with its first record, with its first record of each epoch, and
 * with each trim; the head in it counts only while no run is stored.
 */
export interface ChannelMeta {
  readonly number: number;
  readonly epochs: readonly EpochStart[];
  readonly oldestOffset: Offset;
  readonly oldestBytes: number;
  readonly headOffset: Offset;
  readonly headBytes: number;
  readonly lastTimeMs: number;
}

const META_FORMAT = 1;

export function encodeMeta(meta: ChannelMeta): Buffer {
  const { number, epochs, oldestOffset, oldestBytes, headOffset, headBytes, lastTimeMs } = meta;
  const starts = epochs.map(({ epoch, prevOffset }) => [epoch, prevOffset]);
  return Buffer.from(
    encodeValue([META_FORMAT, number, starts, oldestOffset, oldestBytes, headOffset, headBytes, lastTimeMs]),
  );
}

export function decodeMeta(value: Buffer): ChannelMeta {
  const fields = decodeValue(value, { timestamps: false }) as [
    number,
    number,
    [number, number][],
    number,
    number,
    number,
    number,
    number,
  ];
  const [format, number, starts, oldestOffset, oldestBytes, headOffset, headBytes, lastTimeMs] = fields;
  if (format !== META_FORMAT) {
    throw newerFormat('channel data', format);
  }
  const epochs = starts.map(([epoch, prevOffset]) => ({ epoch, prevOffset }));
  return { number, epochs, oldestOffset, oldestBytes, headOffset, headBytes, lastTimeMs };
}

export function producersKey(number: number): Buffer {
  return channelKey(PRODUCERS_PREFIX, number);
}

const PRODUCERS_FORMAT = 1;

export function encodeProducers({ forgottenMs, states }: StoredProducers): Buffer {
  const rows = Array.from(states, ([producer, { sequence, activeMs }]) => [producer, sequence, activeMs]);
  return Buffer.from(encodeValue([PRODUCERS_FORMAT, forgottenMs ?? null, rows]));
}

/** Throws TypeError for a value of another format. */
export function decodeProducers(value: Buffer): StoredProducers {
  const fields = decodeValue(value, { timestamps: false }) as [
    number,
    number | null,
    [string, number, number][],
  ];
  const [format, forgottenMs, rows] = fields;
  if (format !== PRODUCERS_FORMAT) throw newerFormat('producers', format);
  const states = new Map(
    rows.map(([producer, sequence, activeMs]) => [producer, { sequence, activeMs }] as const),
  );
  return { forgottenMs: forgottenMs ?? undefined, states };
}

export function stateKey(number: number, { epoch, offset }: Cursor): Buffer {
  return positionKey(STATE_PREFIX, number, epoch, offset);
}

/** Where the record of a state key lies. */
export function readStateKey(key: Buffer): Cursor {
  return { epoch: readUint64(key, 5), offset: readUint64(key, 13) };
}

/** The state of a channel later than `after` and at or before `upTo`; without bounds all of it. */
export function stateRange(number: number, after?: Cursor, upTo?: Cursor): { gte: Buffer; lt: Buffer } {
  return {
    gte: stateKey(number, after ? { ...after, offset: after.offset + 1 } : { epoch: 0, offset: 0 }),
    lt: upTo
      ? stateKey(number, { ...upTo, offset: upTo.offset + 1 })
      : stateKey(number + 1, { epoch: 0, offset: 0 }),
  };
}

export function stateOffsetKey(number: number): Buffer {
  return channelKey(STATE_OFFSET_PREFIX, number);
}

const STATE_OFFSET_FORMAT = 1;

export function encodeStateOffset(offset: Offset): Buffer {
  const value = Buffer.allocUnsafe(9);
  value[0] = STATE_OFFSET_FORMAT;
  writeUint64(value, 1, offset);
  return value;
}

/** Throws TypeError for a value of another format. */
export function decodeStateOffset(value: Buffer): Offset {
  if (value[0] !== STATE_OFFSET_FORMAT) throw newerFormat('state', value[0]);
  return readUint64(value, 1);
}

function channelKey(prefix: number, number: number): Buffer {
  const key = Buffer.allocUnsafe(5);
  key[0] = prefix;
  writeUint32(key, 1, number);
  return key;
}

function positionKey(prefix: number, number: number, epoch: Epoch, offset: Offset): Buffer {
  const key = Buffer.allocUnsafe(POSITION_KEY_BYTES);
  writePositionKey(key, prefix, number, epoch, offset);
  return key;
}

function writePositionKey(key: Buffer, prefix: number, number: number, epoch: Epoch, offset: Offset): void {
  key[0] = prefix;
  writeUint32(key, 1, number);
  writeUint64(key, 5, epoch);
  writeUint64(key, 13, offset);
}

function newerFormat(what: string, format: number | undefined): TypeError {
  return new TypeError(
    `the data folder holds ${what} of unknown format ${format}: it was written by a newer hub`,
  );
}
