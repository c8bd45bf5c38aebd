/**
 * One subscription of fake-hub: sends what its channel's log has behind its cursor, state first where that was asked for,
 * and no more than its credit allows.
 */
import type { Batch } from '../../shared/frames.ts';
import { type Cursor, compareCursors } from '../../shared/terms.ts';
import type { FakeConnection } from './fake-hub.ts';
import type { FakeLog, LogEntry } from './fake-log.ts';

export class FakeFeed {
  readonly channelNumber: number;
  readonly channel: string;
  /** As it was asked for. */
  readonly options: Readonly<Record<string, unknown>>;
  cursor: Cursor;
  creditBytes: number;
  readonly #connection: FakeConnection;
  readonly #windowBytes: number;
  /** Records of the state still to be sent; undefined once the log follows. */
  #state: LogEntry[] | undefined;
  /** Its credit was used up, and half of it is not back yet. */
  #paused = false;

  constructor(
    connection: FakeConnection,
    channelNumber: number,
    channel: string,
    cursor: Cursor,
    options: Readonly<Record<string, unknown>>,
  ) {
    this.#connection = connection;
    this.channelNumber = channelNumber;
    this.channel = channel;
    this.cursor = cursor;
    this.options = options;
    const { creditBytes = Number.POSITIVE_INFINITY, heldBytes = 0 } = options as Record<string, number>;
    this.#windowBytes = creditBytes;
    this.creditBytes = creditBytes - heldBytes;
  }

  /** @param upTo where it is complete to, and the log goes on; what has come since comes from there */
  beginState(after: Cursor, upTo = this.#log.head): void {
    this.cursor = upTo;
    this.#state = this.#log
      .state(this.#log.head)
      .filter((entry) => compareCursors(entry, after) > 0 && compareCursors(entry, upTo) <= 0);
  }

  grant(bytes: number): void {
    this.creditBytes = Math.min(this.creditBytes + bytes, this.#windowBytes);
    if (this.creditBytes * 2 >= this.#windowBytes) this.#paused = false;
    if (this.#connection.hub.autoPush) this.push();
  }

  /** Brings it up to its channel's head, as far as credit goes. */
  push(): void {
    while (this.#state && this.#mayGoOn) this.#sendState(this.#state);
    while (!this.#state && this.#mayGoOn && compareCursors(this.cursor, this.#log.head) < 0) {
      const { gaps, entries, begin, next } = this.#log.read(
        this.cursor,
        this.#connection.hub.recordsPerBatch,
      );
      for (const gap of gaps) this.#send({ op: 'gap', channelNumber: this.channelNumber, ...gap });
      if (entries.length > 0) this.#send(batchFrame(this.channelNumber, begin, entries));
      this.cursor = next;
    }
  }

  get #log(): FakeLog {
    return this.#connection.hub.log(this.channel);
  }

  get #mayGoOn(): boolean {
    if (this.creditBytes <= 0) this.#paused = true;
    return !this.#paused && this.#connection.open;
  }

  #sendState(left: readonly LogEntry[]): void {
    const epoch = left[0]?.epoch ?? this.cursor.epoch;
    const ofEpoch = left.filter((entry) => entry.epoch === epoch);
    const entries = ofEpoch.slice(0, this.#connection.hub.recordsPerBatch);
    this.#state = left.slice(entries.length);
    const atEnd = this.#state.length === 0;
    if (atEnd) this.#state = undefined;
    const offsets = entries.map(({ offset }) => offset);
    const { channelNumber } = this;
    this.#send({
      op: 'state',
      channelNumber,
      epoch,
      atEnd,
      count: entries.length,
      offsets,
      run: runOf(entries),
    });
  }

  #send(frame: Parameters<FakeConnection['send']>[0]): void {
    this.creditBytes -= this.#connection.send(frame);
  }
}

export function batchFrame(channelNumber: number, begin: Cursor, entries: readonly LogEntry[]): Batch {
  const { epoch, offset: prevOffset } = begin;
  const firstOffset = entries[0]!.offset;
  return {
    op: 'batch',
    channelNumber,
    epoch,
    prevOffset,
    firstOffset,
    count: entries.length,
    run: runOf(entries),
  };
}

export function runOf(entries: readonly LogEntry[]): Uint8Array {
  return new Uint8Array(Buffer.concat(entries.map(({ bytes }) => bytes)));
}
