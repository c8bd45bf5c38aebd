/** Publishes at an even rate, within its credit, to channels in turn; each record holds the time it was meant to be sent. */
import WebSocket from 'ws';
import { msgpackCodec } from '../../shared/codec.ts';
import { type PublishEntry, SUBPROTOCOLS } from '../../shared/frames.ts';
import type { Cursor } from '../../shared/terms.ts';
import { now } from './children.ts';
import { payloadOf, stamp } from './marker.ts';

const STEP_MS = 5;

export class SteadyPublisher {
  readonly #socket: WebSocket;
  readonly #payloadBytes: number;
  readonly #channelOf: (i: number) => string;
  #creditBytes = 0;
  #unanswered = 0;
  readonly #sentChannels = new Map<number, readonly PublishEntry[]>();
  /** Where each channel's head is, as the hub said. */
  readonly heads = new Map<string, Cursor>();

  static async open(
    url: string,
    token: string,
    payloadBytes: number,
    channelOf: (i: number) => string,
  ): Promise<SteadyPublisher> {
    const socket = new WebSocket(url, SUBPROTOCOLS.msgpack, { perMessageDeflate: false });
    await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
    const publisher = new SteadyPublisher(socket, payloadBytes, channelOf);
    socket.send(
      msgpackCodec.encodeClient({ op: 'hello', token, client: 'steady', features: [], producerId: null }),
    );
    await new Promise((resolve) => socket.once('message', resolve));
    return publisher;
  }

  private constructor(socket: WebSocket, payloadBytes: number, channelOf: (i: number) => string) {
    this.#socket = socket;
    this.#payloadBytes = payloadBytes;
    this.#channelOf = channelOf;
    socket.on('message', (bytes: Buffer) => this.#take(bytes));
  }

  /** Resolves once all are acknowledged. */
  async publish(count: number, seconds: number, onProgress: (done: number) => void): Promise<void> {
    const perMs = count / (seconds * 1000);
    const startMs = now();
    let sent = 0;
    let id = 0;
    let toldMs = startMs;
    while (sent < count || this.#unanswered > 0) {
      await new Promise((resolve) => setTimeout(resolve, STEP_MS));
      const due = Math.min(count, Math.floor((now() - startMs) * perMs));
      while (sent < due && this.#creditBytes > 0) {
        const entries: PublishEntry[] = [];
        for (let i = 0; i < 50 && sent < due; i++, sent++)
          entries.push(this.#entry(sent, startMs + sent / perMs));
        this.#send(++id, entries);
      }
      if (now() - toldMs > 500) {
        toldMs = now();
        onProgress(sent);
      }
    }
  }

  #entry(i: number, timeMs: number): PublishEntry {
    const payload = Buffer.concat([
      Buffer.of(0xc5, this.#payloadBytes >> 8, this.#payloadBytes & 255),
      payloadOf(this.#payloadBytes),
    ]);
    stamp(payload, 3, timeMs);
    return { channel: this.#channelOf(i), records: [{ key: null, meta: null, payload }] };
  }

  #send(id: number, entries: readonly PublishEntry[]): void {
    const bytes = msgpackCodec.encodeClient({ op: 'publish', id, ack: 'memory', entries });
    this.#creditBytes -= bytes.length;
    this.#unanswered++;
    this.#sentChannels.set(id, entries);
    this.#socket.send(bytes);
  }

  #take(bytes: Buffer): void {
    const frame = msgpackCodec.decodeServer(bytes);
    if (frame?.op === 'welcome') this.#creditBytes = frame.publishCreditBytes;
    else if (frame?.op === 'publish-credit') this.#creditBytes += frame.bytes;
    else if (frame?.op === 'error')
      throw new Error(`the hub refused a publish: ${frame.code}: ${frame.message}`);
    else if (frame?.op === 'published') {
      for (const { id, epoch, firstOffsets } of frame.answers) {
        this.#unanswered--;
        const entries = this.#sentChannels.get(id)!;
        this.#sentChannels.delete(id);
        entries.forEach(({ channel }, i) => {
          this.heads.set(channel, { epoch, offset: firstOffsets[i]! });
        });
      }
    }
  }
}
