/** How a server is spoken to in its own raw protocol. One file for each protocol lies beside this one. */
import { markersIn, payloadOf, stamp, type TimeForm } from '../marker.ts';
import type { RawSocket } from '../raw-socket.ts';

/** How much a publisher may yet send; where it may not, it waits, and its messages are late. */
export interface Credit {
  readonly maySend: boolean;
  /** `count` messages were sent, of one length. */
  spend(frames: Buffer, count: number): void;
  /** Everything that comes on the publisher's connection. */
  take(piece: Buffer): void;
}

/** Channels are numbers here; each dialect names them as its protocol would. */
export interface Dialect {
  readonly protocol: string | undefined;
  readonly times: TimeForm;
  /** Sent so often, so that the server does not take a connection that only listens for dead. */
  readonly keepAlive?: { readonly everyMs: number; readonly bytes: Buffer };
  /** Makes a connection ready to publish; resolves when the server has confirmed it. */
  open(socket: RawSocket, token: string): Promise<void>;
  /** To the channels 0 … `channels` − 1; resolves when the server has confirmed all. */
  subscribe(socket: RawSocket, channels: number): Promise<void>;
  /** Of a new publisher, where the protocol has such a thing. */
  credit?(): Credit;
  /** One message, as it goes over the wire; of the same length for each of up to 100 channels. */
  publish(channel: number, payload: Buffer): Buffer;
}

/** Two digits, so that messages for all channels have one length. */
export function channelDigits(channel: number): string {
  return String(channel).padStart(2, '0');
}

/** Messages that are encoded once: to the channels in turn, one write for each burst. */
export class Messages {
  readonly #turns: Buffer;
  readonly #markers: readonly number[];
  readonly #messageBytes: number;
  readonly #channels: number;
  readonly #form: TimeForm;
  #next = 0;

  constructor(dialect: Dialect, payloadBytes: number, channels: number, burst: number) {
    const payload = payloadOf(payloadBytes);
    const frames = Array.from({ length: channels }, (_, i) => dialect.publish(i, payload));
    this.#channels = channels;
    this.#form = dialect.times;
    this.#messageBytes = frames[0]!.length;
    if (frames.some(({ length }) => length !== this.#messageBytes))
      throw new TypeError('messages of one length');
    const count = channels - 1 + burst;
    this.#turns = Buffer.concat(Array.from({ length: count }, (_, i) => frames[i % channels]!));
    this.#markers = markersIn(this.#turns);
    if (this.#markers.length !== count) throw new TypeError('one marker in each message');
  }

  /** The next `count`, at most the burst; the bytes are the same ones each turn. */
  burst(count: number): Buffer {
    const from = this.#next * this.#messageBytes;
    this.#next = (this.#next + count) % this.#channels;
    return this.#turns.subarray(from, from + count * this.#messageBytes);
  }

  /** The next one, with its time; a copy, for it may wait in the socket. */
  stamped(timeMs: number): Buffer {
    const at = this.#markers[this.#next]!;
    stamp(this.#turns, at, timeMs, this.#form);
    return Buffer.from(this.burst(1));
  }
}
