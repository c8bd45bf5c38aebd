/**
 * The verb publish: checks a whole frame, appends all of it or nothing, and sees to its acknowledgement.
 */
import { isChannelName } from '../../shared/channel-name.ts';
import { RingcastError } from '../../shared/errors.ts';
import type { Publish, PublishAnswer } from '../../shared/frames.ts';
import { formatCursor } from '../../shared/terms.ts';
import type { Channel } from './channel.ts';
import { ChannelError } from './channel-error.ts';
import type { Hub } from './hub.ts';
import { checkExpected, checkKeys, checkRoom, validateAck, validateEntry } from './publish-checks.ts';
import type { Publisher } from './publisher.ts';
import { judgeEntries } from './sequence.ts';

/** Why a publish was not taken, and the channel that it is about; the first of the frame where it is about all. */
export interface Refusal {
  readonly error: RingcastError;
  readonly channel: string;
  /** Of a conflict: where the channel's head is. */
  readonly head?: string;
}

/** Where the entries of the frame go that is being taken; used again, as that is done in one go. */
const targets: (Channel | Promise<Channel>)[] = [];

/**
 * I9: takes a publish frame whole or not at all. Returns a promise only while a channel of it is being opened; the
 * connection's next frame must wait for that. Refusals are told to the publisher, never thrown. The payloads need to
 * be valid only during the call.
 */
export function publish(
  hub: Hub,
  publisher: Publisher,
  frame: Publish,
  mayPublish: (channel: string) => boolean,
  refuse: (refusal: Refusal, frame: Publish) => void,
): Promise<void> | undefined {
  const refusal = findRefusal(frame, hub, publisher, mayPublish);
  // One that was sent before may have been taken, and then nothing else about it counts any more.
  if (refusal && !mayBeDuplicate(frame, publisher)) {
    refuse(refusal, frame);
    return undefined;
  }
  try {
    if (!openTargets(hub, frame, refusal)) {
      return acceptOnceOpen(hub, publisher, withOwnPayloads(frame), [...targets], refusal, refuse);
    }
    accept(hub, publisher, frame, targets as Channel[], refusal);
  } catch (cause) {
    refuse(asRefusal(cause, frame), frame);
  } finally {
    // Cheaper than a new length, and it holds nothing that is forgotten.
    while (targets.length > 0) targets.pop();
  }
  return undefined;
}

/** Fills {@link targets}; false when some are still being opened. */
function openTargets(hub: Hub, { entries }: Publish, refusal: Refusal | undefined): boolean {
  let isReady = true;
  for (const { channel } of entries) {
    const target = refusal ? findOrRefuse(hub, channel, refusal) : hub.openChannel(channel);
    targets.push(target);
    if (!(target instanceof Promise)) continue;
    isReady = false;
    // Where a later one throws, nobody waits for it.
    target.catch(() => {});
  }
  return isReady;
}

/** Only a channel that there is can remember what is refused: none is made for it. */
function findOrRefuse(hub: Hub, name: string, { error }: Refusal): Channel | Promise<Channel> {
  const orRefuse = (found: Channel | undefined) => {
    if (!found) throw error;
    return found;
  };
  const found = hub.findChannel(name);
  return found instanceof Promise ? found.then(orRefuse) : orRefuse(found);
}

async function acceptOnceOpen(
  hub: Hub,
  publisher: Publisher,
  frame: Publish,
  opening: readonly (Channel | Promise<Channel>)[],
  refusal: Refusal | undefined,
  refuse: (refusal: Refusal, frame: Publish) => void,
): Promise<void> {
  const held = await Promise.allSettled(opening.map((channel) => hub.hold(channel)));
  try {
    accept(hub, publisher, frame, held.map(openedOf), refusal);
  } catch (cause) {
    const failed = held.findIndex(({ status }) => status === 'rejected');
    refuse(asRefusal(cause, frame, Math.max(0, failed)), frame);
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
  const entries = frame.entries.map((entry) => ({
    ...entry,
    records: entry.records.map((record) => ({ ...record, payload: new Uint8Array(record.payload) })),
  }));
  return { ...frame, entries };
}

function asRefusal(cause: unknown, frame: Publish, entry = 0): Refusal {
  const channel = frame.entries[entry]?.channel ?? '';
  if (cause instanceof ChannelError) {
    const { head } = cause;
    return { error: cause, channel: cause.channel, ...(head && { head: formatCursor(head) }) };
  }
  if (cause instanceof RingcastError) return { error: cause, channel };
  const message = 'the hub could not take this publish: its log says more';
  return { error: new RingcastError('internal', message, { cause }), channel };
}

function mayBeDuplicate({ entries, firstSentMs }: Publish, { producer }: Publisher): boolean {
  if (firstSentMs === undefined || producer === null) return false;
  return entries.every(({ channel }) => isChannelName(channel));
}

function findRefusal(
  frame: Publish,
  hub: Hub,
  publisher: Publisher,
  mayPublish: (channel: string) => boolean,
): Refusal | undefined {
  const { entries } = frame;
  let entry = 0;
  try {
    validateAck(hub, frame);
    for (; entry < entries.length; entry++) {
      validateEntry(hub, entries[entry]!, mayPublish, publisher.producer !== null);
    }
    return undefined;
  } catch (cause) {
    return asRefusal(cause, frame, entry);
  }
}

/** @param refusal what speaks against it, if it was not taken before */
function accept(
  hub: Hub,
  publisher: Publisher,
  frame: Publish,
  channels: readonly Channel[],
  refusal: Refusal | undefined,
): void {
  const { entries } = frame;
  if (hub.isStopping) {
    throw new RingcastError('shutting-down', 'the hub is stopping: publish again on the next connection');
  }
  if (publisher.producer !== null && isDuplicate(publisher.producer, frame, channels)) {
    acknowledge(hub, publisher, frame, entries.map(noOffset));
    return;
  }
  if (refusal) throw refusal.error;
  for (let i = 0; i < entries.length; i++) checkExpected(entries[i]!, channels[i]!);
  checkKeys(entries, channels);
  checkRoom(hub, entries);
  const firstOffsets = append(hub, publisher, frame, channels);
  hub.logs.writeBehind.endOfPublish();
  acknowledge(hub, publisher, frame, firstOffsets);
  hub.fanOut.flushIfLarge();
}

const noOffset = () => null;

function isDuplicate(
  producer: string,
  { entries, firstSentMs }: Publish,
  channels: readonly Channel[],
): boolean {
  if (!entries.some(({ sequence }) => sequence !== undefined)) return false;
  const memories = channels.map(({ log }) => log.producers);
  return judgeEntries(producer, entries, memories, firstSentMs) === 'duplicate';
}

/** A duplicate, too, is acknowledged from disk only when all that was accepted until now is there. */
function acknowledge(
  hub: Hub,
  publisher: Publisher,
  { id, ack }: Publish,
  firstOffsets: PublishAnswer['firstOffsets'],
): void {
  hub.settleLater(publisher);
  if (id === 0) return;
  const answer: PublishAnswer = { id, epoch: hub.logs.epoch, firstOffsets };
  if (ack === 'memory') {
    publisher.answer(answer);
    return;
  }
  publisher.answerSynced(answer);
  hub.logs.writeBehind.hurry();
}

/** Returns where each entry begins, as far as its publisher wants to know. */
function append(
  hub: Hub,
  { producer }: Publisher,
  { entries, id }: Publish,
  channels: readonly Channel[],
): number[] {
  const nowMs = hub.clock.nowMs();
  const firstOffsets: number[] = id === 0 ? NONE : [];
  for (let i = 0; i < entries.length; i++) {
    const { records, sequence } = entries[i]!;
    const { log, memory } = channels[i]!;
    if (id !== 0) firstOffsets.push(log.headOffset + 1);
    const before = log.headBytes;
    for (const { key, meta, payload } of records) log.append(nowMs, key, meta, payload);
    if (producer !== null && sequence !== undefined) {
      log.producers.note(producer, sequence, log.headOffset, hub.advanceTo(nowMs));
    }
    const appendedBytes = log.headBytes - before;
    hub.fanOut.grown(memory, appendedBytes);
    hub.publishedRecords += records.length;
    hub.publishedBytes += appendedBytes;
  }
  return firstOffsets;
}

const NONE: number[] = [];
