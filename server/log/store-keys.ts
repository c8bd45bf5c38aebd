/**
 * Keys and values on disk. The only file that knows their bytes.
 *
 *     h epoch                        the hub's current epoch
 *     h clean                        mark of a clean stop (epoch-mark.ts)
 *     c <channel name>               channel meta (below)
 *     n <number:u32>                 the channel's name
 *     r <number:u32> <epoch:u64> <first offset:u64>    a run of records
 *
 *     run value   01 │ count:u32 │ lastTimeMs:u64 │ bytesBefore:u64 │ record … record
 *                 └ format                         └ run bytes that the channel had appended before, ever
 *
 * Big-endian throughout, so that the order of keys is the order of positions, by (epoch, offset).
 */
import { decodeValue, encodeValue } from '../../shared/msgpack.ts';
import { readUint32, readUint64, writeUint32, writeUint64 } from '../../shared/msgpack-bytes.ts';
import type { Epoch, Offset } from '../../shared/terms.ts';
import type { EpochStart } from './log-bounds.ts';
import type { RunSlice } from './segment.ts';

export const EPOCH_KEY = Buffer.from('hepoch');
export const CLEAN_KEY = Buffer.from('hclean');

const NAME_PREFIX = 0x63; // c
const NUMBER_PREFIX = 0x6e; // n
const RUN_PREFIX = 0x72; // r

const RUN_KEY_BYTES = 1 + 4 + 8 + 8;
const RUN_HEADER_BYTES = 1 + 4 + 8 + 8;
const RUN_FORMAT = 1;

export function nameKey(name: string): Buffer {
  return Buffer.concat([Buffer.of(NAME_PREFIX), Buffer.from(name, 'ascii')]);
}

export function numberKey(number: number): Buffer {
  const key = Buffer.allocUnsafe(5);
  key[0] = NUMBER_PREFIX;
  writeUint32(key, 1, number);
  return key;
}

export function readNumberKey(key: Buffer): number {
  return readUint32(key, 1);
}

/** All keys of channel numbers from `from` on. */
export function numberRange(from: number): { gte: Buffer; lt: Buffer } {
  return { gte: numberKey(from), lt: Buffer.of(NUMBER_PREFIX + 1) };
}

export function runKey(number: number, epoch: Epoch, firstOffset: Offset): Buffer {
  const key = Buffer.allocUnsafe(RUN_KEY_BYTES);
  key[0] = RUN_PREFIX;
  writeUint32(key, 1, number);
  writeUint64(key, 5, epoch);
  writeUint64(key, 13, firstOffset);
  return key;
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

export function encodeRun(run: RunSlice, lastTimeMs: number, bytesBefore: number): Buffer {
  const value = Buffer.allocUnsafe(RUN_HEADER_BYTES + run.end - run.start);
  value[0] = RUN_FORMAT;
  writeUint32(value, 1, run.count);
  writeUint64(value, 5, lastTimeMs);
  writeUint64(value, 13, bytesBefore);
  run.bytes.copy(value, RUN_HEADER_BYTES, run.start, run.end);
  return value;
}

/** Throws TypeError for bytes that are not a run of this format. */
export function decodeRun(key: Buffer, value: Buffer): StoredRun {
  if (key.length !== RUN_KEY_BYTES || value.length < RUN_HEADER_BYTES || value[0] !== RUN_FORMAT) {
    throw new TypeError(
      `the data folder holds a run of unknown format ${value[0]}: it was written by a newer hub`,
    );
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
    throw new TypeError(
      `the data folder holds channel data of unknown format ${format}: it was written by a newer hub`,
    );
  }
  const epochs = starts.map(([epoch, prevOffset]) => ({ epoch, prevOffset }));
  return { number, epochs, oldestOffset, oldestBytes, headOffset, headBytes, lastTimeMs };
}
