/**
 * The verb publish: checks a whole frame, appends all of it or nothing, and sees to its acknowledgement.
 */
import { isChannelName, MAX_CHANNEL_NAME_BYTES } from '../../shared/channel-name.ts';
import { RingcastError } from '../../shared/errors.ts';
import type { Publish, PublishEntry } from '../../shared/frames.ts';
import { encodeValue } from '../../shared/msgpack.ts';
import { maxTextBytes } from '../../shared/msgpack-bytes.ts';
import { RECORD_OVERHEAD_BYTES } from '../../shared/record-run.ts';
import type { RecordInput } from '../../shared/terms.ts';
import type { Channel } from './channel.ts';
import type { Hub, HubLimits } from './hub.ts';
import type { Publisher } from './publisher.ts';

/** When to try again after `overloaded`: about what a write of the backlog takes. */
const OVERLOADED_RETRY_MS = 200;
/** When to try again after `store-failed`: the store is opened again within 5 s of a failure. */
const STORE_RETRY_MS = 1000;

/** Why a publish was not taken, and the channel that it is about; the first of the frame where it is about all. */
export interface Refusal {
  readonly error: RingcastError;
  readonly channel: string;
}

/**
 * Takes a publish frame whole or not at all. Returns a promise only while a channel of it is being opened; the
 * connection's next frame must wait for that. Refusals are told to the publisher, never thrown. The payloads need to
 * be valid only during the call.
 */
export function publish(
  hub: Hub,
  publisher: Publisher,
  frame: Publish,
  mayPublish: (channel: string) => boolean,
  refuse: (refusal: Refusal) => void,
): Promise<void> | undefined {
  const refusal = findRefusal(frame, hub, mayPublish);
  if (refusal) {
    refuse(refusal);
    return undefined;
  }
  try {
    const channels = frame.entries.map(({ channel }) => hub.openChannel(channel));
    if (channels.some((channel) => channel instanceof Promise)) {
      return acceptOnceOpen(hub, publisher, withOwnPayloads(frame), channels, refuse);
    }
    accept(hub, publisher, frame, channels as Channel[]);
  } catch (cause) {
    refuse(asRefusal(cause, frame));
  }
  return undefined;
}

async function acceptOnceOpen(
  hub: Hub,
  publisher: Publisher,
  frame: Publish,
  opening: readonly (Channel | Promise<Channel>)[],
  refuse: (refusal: Refusal) => void,
): Promise<void> {
  const held = await Promise.allSettled(opening.map((channel) => hub.hold(channel)));
  try {
    accept(hub, publisher, frame, held.map(openedOf));
  } catch (cause) {
    const failed = held.findIndex(({ status }) => status === 'rejected');
    refuse(asRefusal(cause, frame, Math.max(0, failed)));
  } finally {
    for (const result of held) if (result.status === 'fulfilled') hub.release(result.value);
  }
}

function openedOf<T>(result: PromiseSettledResult<T>): T {
  if (result.status === 'rejected') throw result.reason;
  return result.value;
}

/** Payloads are views of the message, whose bytes are gone once its handler returns. */
function withOwnPayloads(frame: Publish): Publish {
  const entries = frame.entries.map(({ channel, records }) => ({
    channel,
    records: records.map((record) => ({ ...record, payload: new Uint8Array(record.payload) })),
  }));
  return { ...frame, entries };
}

function asRefusal(cause: unknown, frame: Publish, entry = 0): Refusal {
  const channel = frame.entries[entry]?.channel ?? '';
  if (cause instanceof RingcastError) return { error: cause, channel };
  const message = 'the hub could not take this publish: its log says more';
  return { error: new RingcastError('internal', message, { cause }), channel };
}

function findRefusal(
  frame: Publish,
  hub: Hub,
  mayPublish: (channel: string) => boolean,
): Refusal | undefined {
  const { entries, ack, id } = frame;
  let entry = 0;
  try {
    if (ack === 'disk' && id !== 0 && !hub.logs.isDurable) {
      throw new RingcastError(
        'not-durable',
        'this hub keeps its log in memory only: publish with ack "memory"',
      );
    }
    if (ack === 'disk' && id !== 0 && hub.isStoreFailing) {
      const text =
        'the disk takes no writes, so none can be promised: publish again later, or with ack "memory"';
      throw new RingcastError('store-failed', text, { retryAfterMs: STORE_RETRY_MS });
    }
    for (; entry < entries.length; entry++) validateEntry(hub, entries[entry]!, mayPublish);
    return undefined;
  } catch (cause) {
    return asRefusal(cause, frame, entry);
  }
}

function validateEntry(
  hub: Hub,
  { channel, records }: PublishEntry,
  mayPublish: (channel: string) => boolean,
): void {
  // The name of a channel that is open was found good before.
  if (!hub.isOpen(channel)) validateChannel(channel);
  if (!mayPublish(channel)) {
    throw new RingcastError('forbidden', `this token grants no publishing to ${channel}`);
  }
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
  if (key !== null && key.length * 3 > maxKeyBytes && byteLength(key) > maxKeyBytes) {
    throw new RingcastError('record-invalid', `a key may have at most ${maxKeyBytes} bytes`);
  }
  if (meta !== null && encodeValue(meta).length > maxMetaBytes) {
    throw new RingcastError('record-invalid', `the meta of a record may have at most ${maxMetaBytes} bytes`);
  }
}

function byteLength(text: string): number {
  return Buffer.byteLength(text, 'utf8');
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

function accept(hub: Hub, publisher: Publisher, frame: Publish, channels: readonly Channel[]): void {
  const { entries, id, ack } = frame;
  if (hub.isStopping) {
    throw new RingcastError('shutting-down', 'the hub is stopping: publish again on the next connection');
  }
  let bytes = 0;
  for (const entry of entries) bytes += entryBytes(entry, hub.limits);
  // An upper bound may be far above what a frame of many small records needs; alone, each has room.
  const isAlone = hub.logs.writeBehind.unpersistedBytes === 0;
  if (!isAlone && !hub.logs.hasRoomFor(bytes)) throw overloaded(hub);
  const firstOffsets = append(hub, entries, channels);
  hub.logs.writeBehind.endOfPublish();
  if (id !== 0) {
    const answer = { id, epoch: hub.logs.epoch, firstOffsets };
    if (ack === 'memory') publisher.answer(answer);
    else {
      hub.logs.writeBehind.afterSync(() => {
        publisher.answer(answer);
        hub.settleLater(publisher);
      });
    }
  }
  hub.settleLater(publisher);
  hub.fanOut.flushIfLarge();
}

function append(hub: Hub, entries: readonly PublishEntry[], channels: readonly Channel[]): number[] {
  const nowMs = hub.clock.nowMs();
  return entries.map(({ records }, i) => {
    const channel = channels[i]!;
    const { log } = channel;
    const firstOffset = log.headOffset + 1;
    const before = log.headBytes;
    for (const { key, meta, payload } of records) log.append(nowMs, key, meta, payload);
    const appendedBytes = log.headBytes - before;
    if (records.length > 0) hub.fanOut.appended(channel, appendedBytes);
    hub.publishedRecords += records.length;
    hub.publishedBytes += appendedBytes;
    return firstOffset;
  });
}

function overloaded(hub: Hub): RingcastError {
  const message = hub.isStoreFailing
    ? 'the disk does not take writes and what is waiting for it has reached its limit: publish again later'
    : 'the disk is behind and what is waiting for it has reached its limit: publish again later';
  return new RingcastError('overloaded', message, { retryAfterMs: OVERLOADED_RETRY_MS });
}
