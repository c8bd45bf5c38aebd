/** A reader that stops reading once it is subscribed, and when woken checks that it is given all, or exact gaps. */
import WebSocket from 'ws';
import { msgpackCodec } from '../../shared/codec.ts';
import { type ClientFrame, SUBPROTOCOLS } from '../../shared/frames.ts';
import { type Cursor, compareCursors, formatCursor, parseCursor } from '../../shared/terms.ts';

export class StalledReader {
  readonly #socket: WebSocket;
  #cursor: Cursor | undefined;
  #hasGaps = false;
  #fault: string | undefined;
  #onMove = () => {};

  static async open(url: string, token: string, channel: string): Promise<StalledReader> {
    const socket = new WebSocket(url, SUBPROTOCOLS.msgpack, { perMessageDeflate: false });
    await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
    const reader = new StalledReader(socket);
    const send = (frame: ClientFrame) => socket.send(msgpackCodec.encodeClient(frame));
    const welcomed = new Promise((resolve) => socket.once('message', resolve));
    send({ op: 'hello', token, client: 'stalled', features: [], producerId: null });
    await welcomed;
    const subscribed = new Promise((resolve) => socket.once('message', resolve));
    send({ op: 'subscribe', id: 1, channel, from: 'latest', options: null });
    await subscribed;
    socket.pause();
    return reader;
  }

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.on('message', (bytes: Buffer) => this.#take(bytes));
  }

  /** Reads on until `head`; what it was given, or what was wrong with it. */
  async wake(head: Cursor, timeoutMs: number): Promise<string> {
    this.#socket.resume();
    await new Promise<void>((resolve) => {
      const timer = setTimeout(() => {
        this.#fault ??= `came to ${this.#cursor && formatCursor(this.#cursor)} of ${formatCursor(head)} in time`;
        resolve();
      }, timeoutMs);
      this.#onMove = () => {
        if (!this.#fault && (!this.#cursor || compareCursors(this.#cursor, head) < 0)) return;
        clearTimeout(timer);
        resolve();
      };
      this.#onMove();
    });
    this.#socket.terminate();
    return this.#fault ?? (this.#hasGaps ? 'gaps' : 'complete');
  }

  #take(bytes: Buffer): void {
    const frame = msgpackCodec.decodeServer(bytes);
    if (frame?.op === 'ok') this.#cursor = parseCursor(String(frame.result?.cursor));
    else if (frame?.op === 'batch') {
      const { epoch, prevOffset, firstOffset, count } = frame;
      this.#follow({ epoch, offset: prevOffset }, { epoch, offset: firstOffset + count - 1 });
    } else if (frame?.op === 'gap') {
      this.#hasGaps = true;
      if (frame.count !== frame.upTo.offset - frame.after.offset) this.#fault ??= 'a gap with a wrong count';
      this.#follow(frame.after, frame.upTo);
    }
    this.#onMove();
  }

  #follow(from: Cursor, to: Cursor): void {
    if (compareCursors(from, this.#cursor!) !== 0) {
      this.#fault ??= `at ${formatCursor(this.#cursor!)} came what follows ${formatCursor(from)}`;
    }
    this.#cursor = to;
  }
}
