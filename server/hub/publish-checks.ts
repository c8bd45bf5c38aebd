/**
 * What a publish must satisfy before any of it is taken: names, grants and sizes, which need no channel; then, once its
 * channels are open, its conditions and the room there is. Throws the errors that the publisher is told.
 */
import { isChannelName, MAX_CHANNEL_NAME_BYTES } from '../../shared/channel-name.ts';
import { RingcastError } from '../../shared/errors.ts';
import type { Publish, PublishEntry } from '../../shared/frames.ts';
import { encodeValue } from '../../shared/msgpack.ts';
import { maxTextBytes } from '../../shared/msgpack-bytes.ts';
import { RECORD_OVERHEAD_BYTES } from '../../shared/record-run.ts';
import { formatCursor, type RecordInput } from '../../shared/terms.ts';
import { headCursor, isSamePoint } from '../log/log-bounds.ts';
import { isTombstone } from '../log/state-index.ts';
import type { Channel } from './channel.ts';
import { ChannelError } from './channel-error.ts';
import type { Hub, HubLimits } from './hub.ts';

/** When to try again after `overloaded`: about what a write of the backlog takes. */
const OVERLOADED_RETRY_MS = 200;
/** When to try again after `store-failed`: the store is opened again within 5 s of a failure. */
const STORE_RETRY_MS = 1000;

export function validateAck(hub: Hub, { ack, id }: Publish): void {
  if (ack !== 'disk' || id === 0) return;
  if (!hub.logs.isDurable) {
    throw new RingcastError(
      'not-durable',
      'this hub keeps its log in memory only: publish with ack "memory"',
    );
  }
  if (hub.isStoreFailing) {
    const text =
      'the disk takes no writes, so none can be promised: publish again later, or with ack "memory"';
    throw new RingcastError('store-failed', text, { retryAfterMs: STORE_RETRY_MS });
  }
}

/** @param isProducer whether the connection has said which producer it is */
export function validateEntry(
  hub: Hub,
  { channel, records, sequence }: PublishEntry,
  mayPublish: (channel: string) => boolean,
  isProducer: boolean,
): void {
  // The name of a channel that is open was found good before.
  if (!hub.isOpen(channel)) validateChannel(channel);
  if (!mayPublish(channel)) {
    throw new RingcastError('forbidden', `this token grants no publishing to ${channel}`);
  }
  if (sequence !== undefined && !isProducer) {
    throw new RingcastError('bad-request', 'a sequence needs a producer: say its producerId in hello');
  }
  if (sequence === 0) throw new RingcastError('bad-request', 'sequences count from 1');
  for (const record of records) validateRecord(record, hub.limits);
}

export function validateChannel(channel: string): void {
  if (isChannelName(channel)) return;
  throw new RingcastError(
    'channel-invalid',
    `${JSON.stringify(channel.slice(0, 80))} is not a channel name: tokens joined by dots, at most ${MAX_CHANNEL_NAME_BYTES} bytes`,
  );
}

function validateRecord({ key, meta, payload }: RecordInput, limits: HubLimits): void {
  const { maxRecordBytes, maxKeyBytes, maxMetaBytes } = limits;
  if (payload.length === 0) {
    throw new RingcastError('record-invalid', 'a payload is one msgpack value, so at least one byte');
  }
  if (payload.length > maxRecordBytes) {
    throw new RingcastError(
      'record-too-large',
      `a payload of ${payload.length} bytes is over the limit of ${maxRecordBytes}: split it, or publish a reference`,
    );
  }
  if (key !== null && key.length * 3 > maxKeyBytes && Buffer.byteLength(key, 'utf8') > maxKeyBytes) {
    throw new RingcastError('record-invalid', `a key may have at most ${maxKeyBytes} bytes`);
  }
  if (meta !== null && encodeValue(meta).length > maxMetaBytes) {
    throw new RingcastError('record-invalid', `the meta of a record may have at most ${maxMetaBytes} bytes`);
  }
}

/** I23. All conditions of a frame are held against the channels as they are before it. Throws `conflict`. */
export function checkExpected({ channel, expectedCursor }: PublishEntry, { log }: Channel): void {
  if (expectedCursor === undefined || isSamePoint(log, expectedCursor, log.head)) return;
  const head = formatCursor(headCursor(log));
  const text = `the head of ${channel} is ${head}, not ${formatCursor(expectedCursor)} as expected: read what has come, and decide anew`;
  throw new ChannelError('conflict', channel, text, headCursor(log));
}

/** Throws `too-many-keys`. */
export function checkKeys(entries: readonly PublishEntry[], channels: readonly Channel[]): void {
  if (!channels.some(keepsState)) return;
  const keys = new Map<Channel, string[]>();
  entries.forEach(({ records }, i) => {
    const channel = channels[i]!;
    if (channel.log.state === null) return;
    const known = keys.get(channel) ?? [];
    for (const { key, payload } of records) if (key !== null && !isTombstone(payload)) known.push(key);
    keys.set(channel, known);
  });
  for (const [{ log }, wanted] of keys) {
    if (log.state!.hasRoomFor(wanted)) continue;
    const text = `${log.name} keeps the state of no more keys than it has: delete some (publish null), or raise its state.maxKeys`;
    throw new ChannelError('too-many-keys', log.name, text);
  }
}

function keepsState({ log }: Channel): boolean {
  return log.state !== null;
}

/** Throws `overloaded`. */
export function checkRoom(hub: Hub, entries: readonly PublishEntry[]): void {
  // An upper bound may be far above what a frame of many small records needs; alone, each has room.
  if (hub.logs.writeBehind.unpersistedBytes === 0) return;
  let bytes = 0;
  for (const entry of entries) bytes += entryBytes(entry, hub.limits);
  if (hub.logs.hasRoomFor(bytes)) return;
  const message = hub.isStoreFailing
    ? 'the disk does not take writes and what is waiting for it has reached its limit: publish again later'
    : 'the disk is behind and what is waiting for it has reached its limit: publish again later';
  throw new RingcastError('overloaded', message, { retryAfterMs: OVERLOADED_RETRY_MS });
}

/** An upper bound of what an entry adds to the log. */
function entryBytes({ records }: PublishEntry, { maxMetaBytes }: HubLimits): number {
  let bytes = 0;
  for (const { key, meta, payload } of records) {
    bytes +=
      RECORD_OVERHEAD_BYTES +
      payload.length +
      (key === null ? 0 : maxTextBytes(key)) +
      (meta === null ? 0 : maxMetaBytes);
  }
  return bytes;
}
