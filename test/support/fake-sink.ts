/**
 * A connection without a socket: takes frames as a kernel would that has so much room, says what became of each, and
 * drains when told. Records what it was sent; each subscription's history is checked as it comes.
 */
import { CATCH_UP_MARK_BYTES, LIVE_MARK_BYTES, type SendResult, type Sink } from '../../server/hub/sink.ts';
import { type CodecForm, msgpackCodec } from '../../shared/codec.ts';
import type { Cursor } from '../../shared/terms.ts';
import { type Delivered, History } from './history.ts';

export interface SentFrame {
  readonly op: Delivered['op'];
  readonly channelNumber: number;
  readonly bytes: number;
}

export type FrameTaker = (frame: Delivered, bytes: number) => void;

export class FakeSink implements Sink {
  readonly form: CodecForm;
  isFull = false;
  bufferedBytes = 0;
  /** The most that was ever buffered. */
  peakBytes = 0;
  readonly sent: SentFrame[] = [];
  corks = 0;
  isClosed = false;
  /** The first frame that broke the contract. The hub is not to notice, so it is kept for {@link check}. */
  #failure: unknown;
  #roomBytes: number;
  #largestBytes = 0;
  readonly #takers = new Map<number, FrameTaker>();

  /** @param roomBytes what the kernel takes before bytes are buffered; all by default */
  constructor(roomBytes = Number.POSITIVE_INFINITY, form: CodecForm = 'msgpack') {
    this.#roomBytes = roomBytes;
    this.form = form;
  }

  send(bytes: Uint8Array): SendResult {
    if (this.isClosed) return 'closed';
    this.#record(bytes);
    this.#largestBytes = Math.max(this.#largestBytes, bytes.length);
    const taken = this.bufferedBytes > 0 ? 0 : Math.min(bytes.length, this.#roomBytes);
    this.#roomBytes -= taken;
    if (taken === bytes.length) return 'sent';
    this.bufferedBytes += bytes.length - taken;
    this.peakBytes = Math.max(this.peakBytes, this.bufferedBytes);
    if (this.bufferedBytes > LIVE_MARK_BYTES) this.isFull = true;
    return this.isFull ? 'full' : 'buffered';
  }

  cork(run: () => void): void {
    this.corks++;
    run();
  }

  /** The kernel takes nothing more. */
  stall(): void {
    this.#roomBytes = 0;
  }

  /** The peer reads: what is buffered goes out, and so much more will. The caller tells the hub. */
  drain(bytes = Number.POSITIVE_INFINITY): void {
    const gone = Math.min(bytes, this.bufferedBytes);
    this.bufferedBytes -= gone;
    this.#roomBytes = bytes - gone;
    this.isFull = this.bufferedBytes > LIVE_MARK_BYTES;
  }

  /** A subscription begins at `cursor`. */
  expect(channelNumber: number, cursor: Cursor, hasState = false): History {
    const history = new History(cursor, hasState);
    this.expectBy(channelNumber, (frame) => history.take(frame));
    return history;
  }

  /** As {@link expect}, with what is to be done with each frame; it throws what is wrong with one. */
  expectBy(channelNumber: number, take: FrameTaker): void {
    this.#takers.set(channelNumber, take);
  }

  /** It has ended: whatever comes for it from now on is a fault. */
  expectNothing(channelNumber: number): void {
    this.#takers.delete(channelNumber);
  }

  /** Throws what went wrong so far. */
  check(): void {
    if (this.#failure) throw this.#failure;
    // A page may come on top of three quarters of the mark, and is larger than foreseen where it is one large record.
    const pageBytes = Math.max(2 * LIVE_MARK_BYTES, this.#largestBytes);
    if (this.peakBytes > CATCH_UP_MARK_BYTES - LIVE_MARK_BYTES + pageBytes) {
      throw new Error(`${this.peakBytes} bytes were buffered at once`);
    }
  }

  #record(bytes: Uint8Array): void {
    try {
      const frame =
        this.form === 'msgpack'
          ? // A copy, as the hub uses its memory again.
            (msgpackCodec.decodeServer(Uint8Array.from(bytes)) as Delivered)
          : (JSON.parse(new TextDecoder().decode(bytes)) as Delivered);
      const { op, channelNumber } = frame;
      this.sent.push({ op, channelNumber, bytes: bytes.length });
      if (this.form === 'json') return;
      const take = this.#takers.get(channelNumber);
      if (!take) throw new Error(`${op} came for channel number ${channelNumber}, which has no subscription`);
      take(frame, bytes.length);
    } catch (cause) {
      this.#failure ??= cause;
    }
  }
}
