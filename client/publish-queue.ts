/**
 * Publishes that were never sent, in order: gathered by channel and ack level, and cut into frames when their time has
 * come. Pure; knows nothing of sequences and answers. Called by the outbox.
 */
import type { AckLevel, Cursor } from '../shared/terms.ts';
import type { MovableRecord } from './record-memory.ts';

/** Where a publish ended up. */
export interface PublishResult {
  /** Null when the hub had taken it before, on a connection that broke before it could say where. */
  readonly cursor: string | null;
}

/** One publish of the application. */
export interface Pending extends MovableRecord {
  readonly key: string | null;
  readonly payloadBytes: number;
  /** On the wire. */
  readonly bytes: number;
  resolve(result: PublishResult | undefined): void;
  reject(error: unknown): void;
}

/** What one frame publishes to one channel. */
export interface OutboxEntry {
  readonly channel: string;
  readonly pending: readonly Pending[];
  readonly expectedCursor?: Cursor | undefined;
}

/** Publishes to one channel with one ack level, one behind the other. */
interface Group {
  readonly kind: 'group';
  readonly channel: string;
  readonly ack: AckLevel;
  readonly pending: Pending[];
  /** How many of `pending` are cut off. */
  cut: number;
}

/** A frame that the application has put together. */
interface Whole {
  readonly kind: 'whole';
  readonly ack: AckLevel;
  readonly entries: readonly OutboxEntry[];
}

export interface FrameLimits {
  /** Of a frame's channel names and records together. */
  readonly frameBytes: number;
  /** Of one entry. */
  readonly records: number;
}

/** Channels that nothing may be sent to for now. */
export type Blocked = Set<string>;

export class PublishQueue {
  #units: (Group | Whole)[] = [];
  /** A channel's last group, open for more. */
  readonly #open = new Map<string, Group>();
  #bytes = 0;

  get bytes(): number {
    return this.#bytes;
  }

  get empty(): boolean {
    return this.#units.length === 0;
  }

  /** Puts it behind what is published to the channel, into the same frame where that is possible. */
  add(channel: string, ack: AckLevel, pending: Pending): void {
    let group = this.#open.get(channel);
    if (group?.ack !== ack) {
      group = { kind: 'group', channel, ack, pending: [], cut: 0 };
      this.#units.push(group);
      this.#open.set(channel, group);
    }
    group.pending.push(pending);
    this.#bytes += pending.bytes;
  }

  /** As {@link add}, for what makes a frame of its own: at most one entry for each channel. */
  addWhole(ack: AckLevel, entries: readonly OutboxEntry[]): void {
    this.#units.push({ kind: 'whole', ack, entries });
    for (const { channel } of entries) this.#open.delete(channel);
    this.#bytes += sizeOf(entries);
  }

  /**
   * Cuts off what may be sent, in order, for as long as `mayGoOn` says. What stays behind blocks its channels.
   * @param acks which are meant; the others stay, and block nothing.
   */
  offer(
    limits: FrameLimits,
    blocked: Blocked,
    mayGoOn: () => boolean,
    send: (ack: AckLevel, entries: readonly OutboxEntry[]) => void,
    acks: 'all' | 'acknowledged' | 'none' = 'all',
  ): void {
    const sendOff = (ack: AckLevel, entries: readonly OutboxEntry[]) => {
      this.#bytes -= sizeOf(entries);
      send(ack, entries);
    };
    let kept = 0;
    let at = 0;
    for (; at < this.#units.length && mayGoOn(); at++) {
      const unit = this.#units[at]!;
      const isMeant = acks === 'all' || (unit.ack === 'none') === (acks === 'none');
      if (!isMeant || !this.#offerUnit(unit, limits, blocked, mayGoOn, sendOff)) this.#units[kept++] = unit;
    }
    if (kept < at) this.#units.splice(kept, at - kept);
  }

  /** Takes out what does not pass `check`, publish by publish; a frame of the application's whole or not at all. */
  drop(check: (entries: readonly OutboxEntry[]) => boolean): void {
    this.#units = this.#units.filter((unit) => {
      if (unit.kind === 'whole') {
        const isKept = check(unit.entries);
        if (!isKept) this.#bytes -= sizeOf(unit.entries);
        return isKept;
      }
      const left = unit.pending.slice(unit.cut);
      const kept = left.filter((pending) => check([{ channel: unit.channel, pending: [pending] }]));
      this.#bytes -= bytesOf(left) - bytesOf(kept);
      unit.pending.splice(0, unit.pending.length, ...kept);
      unit.cut = 0;
      return true;
    });
  }

  /** All, in order. */
  get pending(): Pending[] {
    return this.#units.flatMap((unit) =>
      unit.kind === 'whole' ? unit.entries.flatMap(({ pending }) => pending) : unit.pending.slice(unit.cut),
    );
  }

  /** Takes out all. */
  clear(): Pending[] {
    const all = this.pending;
    this.#units = [];
    this.#open.clear();
    this.#bytes = 0;
    return all;
  }

  /** Whether all of it was cut off. */
  #offerUnit(
    unit: Group | Whole,
    limits: FrameLimits,
    blocked: Blocked,
    mayGoOn: () => boolean,
    send: (ack: AckLevel, entries: readonly OutboxEntry[]) => void,
  ): boolean {
    if (unit.kind === 'whole') {
      if (touches(unit.entries, blocked)) {
        block(unit.entries, blocked);
        return false;
      }
      send(unit.ack, unit.entries);
      return true;
    }
    const { channel, ack, pending } = unit;
    if (blocked.has(channel)) return false;
    while (unit.cut < pending.length && mayGoOn()) send(ack, [{ channel, pending: cutOff(unit, limits) }]);
    if (unit.cut < pending.length) return false;
    if (this.#open.get(channel) === unit) this.#open.delete(channel);
    return true;
  }
}

export function touches(entries: readonly OutboxEntry[], blocked: Blocked): boolean {
  return blocked.size > 0 && entries.some(({ channel }) => blocked.has(channel));
}

export function block(entries: readonly OutboxEntry[], blocked: Blocked): void {
  for (const { channel } of entries) blocked.add(channel);
}

export function sizeOf(entries: readonly OutboxEntry[]): number {
  let bytes = 0;
  for (const { pending } of entries) bytes += bytesOf(pending);
  return bytes;
}

function bytesOf(pending: readonly Pending[]): number {
  let bytes = 0;
  for (const each of pending) bytes += each.bytes;
  return bytes;
}

/** As many as fit one frame, one at least. */
function cutOff(group: Group, { frameBytes, records }: FrameLimits): Pending[] {
  const { channel, pending, cut } = group;
  const room = frameBytes - channel.length;
  let end = cut + 1;
  let bytes = pending[cut]!.bytes;
  while (end < pending.length && end - cut < records) {
    bytes += pending[end]!.bytes;
    if (bytes > room) break;
    end++;
  }
  const batch = pending.slice(cut, end);
  group.cut = end;
  if (end > 1024 && end * 2 > pending.length) {
    // A group that never runs dry shall not keep all it ever sent.
    pending.splice(0, end);
    group.cut = 0;
  }
  return batch;
}
