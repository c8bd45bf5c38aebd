/**
 * What a client has to publish, until the hub has answered: in order, and so that nothing is taken twice. Pure: no
 * clock, no connection, no promise is settled here; publisher.ts carries out what this decides.
 *
 *     publish-queue ──cut──▶ frame, sent ──▶ answered, or refused for good
 *                              ▲    │ refused for now, or the connection was lost
 *                              └────┘
 *
 * Its invariants:
 *
 *     O1  a frame never changes once it was sent: sent again, it has the same entries with the same sequences
 *     O2  of a channel, a frame is sent again only behind the earlier ones that are, and a new one behind all of them
 *     O3  an entry is flagged `first` only if every earlier one of its channel is settled
 *     O4  what holds up one channel holds up no other, unless one frame publishes to both
 *
 * With a store (stores/outbox-keeper), a frame is cut and numbered as soon as it was published, and sent when it is stored:
 *
 *     publish-queue ──seal──▶ unstored ──takeUnstored, stored▶ to be sent, as one that is sent again
 *
 *     O5  a frame is sent only while the store has it, its numbers, and a `sentMs` that is not later than its sending
 */
import type { ErrorCode } from '../shared/errors.ts';
import type { AckLevel } from '../shared/terms.ts';
import type { FrameEntry as SentEntry } from './publish-frame.ts';
import { wireBytesOf } from './publish-limits.ts';
import {
  type Blocked,
  block,
  type FrameLimits,
  type OutboxEntry,
  type Pending,
  PublishQueue,
  sizeOf,
  touches,
} from './publish-queue.ts';

/** What is known of the producer in one channel. Kept for good: a sequence that began anew would be a duplicate. */
interface Lane {
  /** Of the newest entry. */
  sequence: number;
  /** In order. */
  readonly unsettled: Set<Frame>;
  /**
   * The connection on which the hub has taken an entry, with none refused for good since: the hub knows what comes
   * next. On any other, the next entry that may be is flagged `first`.
   */
  knownOn: number;
}

export interface NumberedEntry extends OutboxEntry {
  readonly sequence: number;
}

interface FrameEntry extends NumberedEntry {
  readonly lane: Lane;
}

/** A frame that was cut. */
export interface OutboxFrame {
  readonly ack: AckLevel;
  /** Those without acknowledgement have no sequence and are not kept. */
  readonly entries: readonly OutboxEntry[];
  /** It was under way when a connection was lost: the hub may have taken it. */
  readonly inDoubt: boolean;
  /** `welcome.timeMs` of the connection on which it was sent first. */
  readonly firstSentMs: number | null;
  /** Refusals for now, for the backoff. */
  readonly attempt: number;
}

/** One that a store keeps. */
export interface NumberedFrame extends OutboxFrame {
  readonly entries: readonly NumberedEntry[];
  readonly order: number;
}

/** What an earlier life has left, its publishes in hand again. */
export type RestoredFrame = Pick<NumberedFrame, 'order' | 'ack' | 'entries'> & {
  /** As `firstSentMs`. */
  readonly sentMs: number | null;
};

interface Frame extends NumberedFrame {
  readonly entries: readonly FrameEntry[];
  readonly bytes: number;
  /** Null where it is stored, and was not to be sent on any connection yet. */
  firstSentMs: number | null;
  /** Whether the store has it: `outdated`: without its `firstSentMs`. */
  storage: 'unneeded' | 'unstored' | 'outdated' | 'stored';
  /** Under way: sent on this connection, and not answered. */
  sent: boolean;
  inDoubt: boolean;
  attempt: number;
  /** On the wire when it was sent last. */
  wireBytes: number;
  /** Grows with each sending of any frame. */
  stamp: number;
  /** Not sent again sooner, monotonic ms. */
  notBeforeMs: number;
  /** Refused because an earlier one was not taken: it has to wait for that. */
  behind: boolean;
  /** All its entries were `first` when it was sent last. */
  flagged: boolean;
}

/** Sends the frame; returns its bytes on the wire. */
export type SendFrame = (frame: OutboxFrame, entries: readonly SentEntry[]) => number;

export class Outbox {
  readonly #isStored: boolean;
  readonly #queue = new PublishQueue();
  readonly #lanes = new Map<string, Lane>();
  /** In order. */
  readonly #unsettled = new Set<Frame>();
  /** Those of them that are not under way, in order. */
  #again: Frame[] = [];
  #unackedBytes = 0;
  #lastOrder = 0;
  #lastStamp = 0;
  #connection = 0;
  #online = false;
  #timeMs = 0;
  /** Of any channel. */
  #lastSequence = 0;
  /** Of a channel that is new. */
  #baseSequence = 0;
  /** To be written, in order. */
  #unstored: Frame[] = [];
  /** Orders of frames that the store need not keep any more. */
  #removed: number[] = [];

  constructor(isStored = false) {
    this.#isStored = isStored;
  }

  /** Of what was never sent. */
  get waitingBytes(): number {
    return this.#queue.bytes;
  }

  /** Of what was sent and not answered. */
  get unackedBytes(): number {
    return this.#unackedBytes;
  }

  get empty(): boolean {
    return this.#queue.empty && this.#unsettled.size === 0;
  }

  /** All that waits to be sent or to be answered. */
  get pending(): Pending[] {
    const sent = [...this.#unsettled].flatMap(({ entries }) => entries.flatMap(({ pending }) => pending));
    return sent.concat(this.#queue.pending);
  }

  add(channel: string, ack: AckLevel, pending: Pending): void {
    this.#queue.add(channel, ack, pending);
  }

  addWhole(ack: AckLevel, entries: readonly OutboxEntry[]): void {
    this.#queue.addWhole(ack, entries);
  }

  /** A connection began. `timeMs`: the hub's time, 0 where it tells none. */
  online(timeMs: number): void {
    this.#connection++;
    this.#online = true;
    this.#timeMs = timeMs;
    if (!this.#isStored) return;
    // O5: what could not be sent so far can be from now on. What is being written is dealt with when that is done.
    for (const frame of this.#unstored) frame.firstSentMs ??= timeMs;
    this.#again = this.#again.filter((frame) => !this.#markSent(frame));
  }

  /** The connection is gone: what was under way is in doubt, and all that is not settled will be sent again. */
  offline(): void {
    this.#online = false;
    this.#again = [...this.#unsettled].filter(maySend);
    for (const frame of this.#again) {
      frame.inDoubt ||= frame.sent;
      frame.sent = false;
      frame.behind = false;
    }
  }

  /** Sends what may be sent at `nowMs`, in order, for as long as `mayGoOn` says. */
  offer(nowMs: number, limits: FrameLimits, mayGoOn: () => boolean, send: SendFrame): void {
    const blocked: Blocked = new Set();
    if (this.#again.length > 0) this.#offerAgain(nowMs, blocked, mayGoOn, send);
    const cut = (ack: AckLevel, entries: readonly OutboxEntry[]) =>
      this.#send(ack === 'none' ? unsequenced(entries) : this.#sequenced(ack, entries), send);
    this.#queue.offer(limits, blocked, mayGoOn, cut, this.#isStored ? 'none' : 'all');
  }

  /** Whether any frame waits to be sent again. */
  get resending(): boolean {
    return this.#again.length > 0;
  }

  /** When the first of those that have to wait may be sent again; undefined where none has to. */
  nextDueMs(nowMs: number): number | undefined {
    let dueMs: number | undefined;
    for (const { notBeforeMs } of this.#again) {
      if (notBeforeMs > nowMs && (dueMs === undefined || notBeforeMs < dueMs)) dueMs = notBeforeMs;
    }
    return dueMs;
  }

  /** The hub has taken it. */
  answered(frame: OutboxFrame): void {
    this.#settle(frame as Frame, this.#connection);
  }

  /**
   * The hub has refused it. True: it is kept, and sent again when its turn comes, not before `retryAtMs` where the hub
   * cannot take it now. False: it is settled, for its owner to reject.
   */
  refused(refused: OutboxFrame, code: ErrorCode, retryAtMs: number): boolean {
    const frame = refused as Frame;
    if (!this.#isKept(frame, code, retryAtMs)) {
      this.#settle(frame, 0);
      return false;
    }
    frame.sent = false;
    this.#sendAgain(frame);
    return true;
  }

  /** Settles and returns, of the frames to be sent again, those that are larger than the hub takes now. */
  dropOversized(maxFrameBytes: number): OutboxFrame[] {
    const dropped = this.#again.filter(({ wireBytes }) => wireBytes > maxFrameBytes);
    for (const frame of dropped) this.#settle(frame, 0);
    this.#again = this.#again.filter(({ wireBytes }) => wireBytes <= maxFrameBytes);
    return dropped;
  }

  /** Takes out, of what was never sent, what does not pass `check`. */
  dropUnsent(check: (entries: readonly OutboxEntry[]) => boolean): void {
    this.#queue.drop(check);
  }

  /** Takes out all: first what the hub may have taken, then what it has not. */
  clear(): { readonly inDoubt: readonly Pending[]; readonly unsent: readonly Pending[] } {
    const all = [...this.#unsettled];
    const isInDoubt = (frame: Frame) => frame.inDoubt || frame.sent;
    const pendingOf = ({ entries }: Frame) => entries.flatMap(({ pending }) => pending);
    const inDoubt = all.filter(isInDoubt).flatMap(pendingOf);
    const refused = all.filter((frame) => !isInDoubt(frame)).flatMap(pendingOf);
    for (const frame of all) this.#settle(frame, 0);
    this.#again = [];
    return { inDoubt, unsent: [...refused, ...this.#queue.clear()] };
  }

  /** Takes out what was never numbered. */
  clearQueue(): readonly Pending[] {
    return this.#queue.clear();
  }

  // The store -----------------------------------------------------------------------------------------------------------

  get lastSequence(): number {
    return this.#lastSequence;
  }

  /** Begins with what an earlier life has left, before anything else. */
  restore(frames: readonly RestoredFrame[], lastSequence: number): void {
    this.#lastSequence = lastSequence;
    this.#baseSequence = lastSequence;
    for (const { order, ack, sentMs, entries } of frames) {
      const restored = entries.map((entry): FrameEntry => {
        const { channel, sequence } = entry;
        // Behind the last that is left none was taken, or that would not be left.
        const lane = this.#lane(channel, sequence);
        lane.sequence = sequence;
        return { ...entry, lane };
      });
      const frame = this.#keep(newFrame(ack, restored, order, sentMs));
      frame.storage = 'stored';
      frame.inDoubt = sentMs !== null;
      frame.wireBytes = wireBytesOf(restored);
      this.#lastOrder = order;
      this.#again.push(frame);
    }
  }

  /** Cuts and numbers all that waits for it. */
  seal(limits: FrameLimits): void {
    const cut = (ack: AckLevel, entries: readonly OutboxEntry[]) => {
      const frame = this.#sequenced(ack, entries);
      frame.storage = 'unstored';
      frame.wireBytes = wireBytesOf(entries);
      if (!this.#online) frame.firstSentMs = null;
      this.#unstored.push(frame);
    };
    this.#queue.offer(limits, new Set(), () => true, cut, 'acknowledged');
  }

  /** What is to be written and removed; say with {@link stored} or {@link unstorable} what became of `frames`. */
  takeUnstored(): { readonly frames: readonly NumberedFrame[]; readonly removed: readonly number[] } {
    const taken = { frames: this.#unstored, removed: this.#removed };
    this.#unstored = [];
    this.#removed = [];
    return taken;
  }

  /** They may be sent. */
  stored(frames: readonly OutboxFrame[]): void {
    for (const frame of frames as readonly Frame[]) {
      frame.storage = 'stored';
      if (!(this.#online && this.#markSent(frame))) this.#sendAgain(frame);
    }
  }

  /** Settles and returns those that the store does not have; the others are to be written again. */
  unstorable(frames: readonly OutboxFrame[]): OutboxFrame[] {
    const all = frames as readonly Frame[];
    this.#unstored.unshift(...all.filter(({ storage }) => storage === 'outdated'));
    const lost = all.filter(({ storage }) => storage === 'unstored');
    for (const frame of lost) this.#settle(frame, 0);
    return lost;
  }

  /** After a failure: whether there is something that must be written before it is sent. */
  get owesStore(): boolean {
    return this.#unstored.length > 0;
  }

  /** O5. True: it has to be written before it is sent. */
  #markSent(frame: Frame): boolean {
    if (frame.firstSentMs !== null) return false;
    frame.firstSentMs = this.#timeMs;
    frame.storage = 'outdated';
    this.#unstored.push(frame);
    return true;
  }

  // Sending -------------------------------------------------------------------------------------------------------------

  #offerAgain(nowMs: number, blocked: Blocked, mayGoOn: () => boolean, send: SendFrame): void {
    this.#again = this.#again.filter((frame) => {
      const waits = frame.notBeforeMs > nowMs || !hasItsTurn(frame) || touches(frame.entries, blocked);
      if (!waits && mayGoOn()) {
        this.#send(frame, send);
        return false;
      }
      block(frame.entries, blocked);
      return true;
    });
  }

  /** In its place among those to be sent again. */
  #sendAgain(frame: Frame): void {
    let at = this.#again.length;
    while (at > 0 && this.#again[at - 1]!.order > frame.order) at--;
    this.#again.splice(at, 0, frame);
  }

  #sequenced(ack: AckLevel, unnumbered: readonly OutboxEntry[]): Frame {
    const entries = unnumbered.map((entry) => {
      const lane = this.#lane(entry.channel, this.#baseSequence);
      const sequence = ++lane.sequence;
      if (sequence > this.#lastSequence) this.#lastSequence = sequence;
      return { ...entry, sequence, lane };
    });
    return this.#keep(newFrame(ack, entries, ++this.#lastOrder, this.#timeMs));
  }

  #lane(channel: string, sequence: number): Lane {
    let lane = this.#lanes.get(channel);
    if (!lane) {
      lane = { sequence, unsettled: new Set(), knownOn: 0 };
      this.#lanes.set(channel, lane);
    }
    return lane;
  }

  #keep(frame: Frame): Frame {
    for (const { lane } of frame.entries) lane.unsettled.add(frame);
    this.#unsettled.add(frame);
    this.#unackedBytes += frame.bytes;
    return frame;
  }

  #send(frame: Frame, send: SendFrame): void {
    frame.sent = true;
    frame.stamp = ++this.#lastStamp;
    frame.behind = false;
    frame.flagged = true;
    const entries = frame.entries.map(({ channel, pending, expectedCursor, sequence, lane }): SentEntry => {
      const isNumbered = sequence > 0;
      const first = isNumbered && lane.knownOn !== this.#connection && headOf(lane) === frame; // O3
      frame.flagged &&= first;
      return {
        channel,
        records: pending,
        sequence: isNumbered ? sequence : undefined,
        first,
        expectedCursor,
      };
    });
    frame.wireBytes = send(frame, entries);
  }

  // Settling ------------------------------------------------------------------------------------------------------------

  #isKept(frame: Frame, code: ErrorCode, retryAtMs: number): boolean {
    switch (code) {
      case 'overloaded':
      case 'shutting-down':
      case 'store-failed':
        // Nobody knows what a failing store has kept.
        frame.inDoubt ||= code === 'store-failed';
        frame.notBeforeMs = retryAtMs;
        frame.attempt++;
        return true;
      case 'out-of-sequence':
      case 'producer-unknown':
        frame.behind = frame.entries.some(({ lane }) => headOf(lane) !== frame);
        if (frame.behind) return true;
        // All before it are settled. Once the hub was told that, its answer counts.
        if (frame.flagged) return false;
        for (const { lane } of frame.entries) lane.knownOn = 0;
        return true;
      default:
        return false;
    }
  }

  /** @param knownOn of its lanes from now on. */
  #settle(frame: Frame, knownOn: number): void {
    if (!this.#unsettled.delete(frame)) return;
    if (this.#isStored && frame.storage !== 'unstored') this.#removed.push(frame.order);
    this.#unackedBytes -= frame.bytes;
    for (const { lane } of frame.entries) {
      lane.unsettled.delete(frame);
      lane.knownOn = knownOn;
    }
  }
}

function newFrame(
  ack: AckLevel,
  entries: readonly FrameEntry[],
  order: number,
  firstSentMs: number | null,
): Frame {
  return {
    ack,
    entries,
    bytes: sizeOf(entries),
    order,
    firstSentMs,
    storage: 'unneeded',
    sent: false,
    inDoubt: false,
    attempt: 0,
    wireBytes: 0,
    stamp: 0,
    notBeforeMs: 0,
    behind: false,
    flagged: false,
  };
}

const NO_LANE: Lane = { sequence: 0, unsettled: new Set(), knownOn: 0 };

function unsequenced(entries: readonly OutboxEntry[]): Frame {
  const inNoLane = entries.map((entry) => ({ ...entry, sequence: 0, lane: NO_LANE }));
  return newFrame('none', inNoLane, 0, 0);
}

function maySend({ storage }: Frame): boolean {
  return storage === 'unneeded' || storage === 'stored';
}

/** The earliest frame of the channel that is not settled. */
function headOf(lane: Lane): Frame | undefined {
  return lane.unsettled.values().next().value;
}

/**
 * Refused for an earlier one's sake, a frame waits until that is settled or was sent again: sent at once, it would be
 * refused again and again for as long as the hub takes over the earlier.
 */
function hasItsTurn(frame: Frame): boolean {
  if (!frame.behind) return true;
  return frame.entries.every(({ lane }) => {
    const head = headOf(lane);
    return head === frame || head!.stamp > frame.stamp;
  });
}
