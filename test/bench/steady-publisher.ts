/**
 * Publishes at an even rate, within its credit, to channels in turn; each record holds the time at which it was sent. How
 * far the hub's credit held it back is told apart: that is the disk's doing, not the readers'.
 * Frames are encoded once and stamped anew: the load must not be what is measured.
 */
import WebSocket from 'ws';
import { msgpackCodec } from '../../shared/codec.ts';
import { SUBPROTOCOLS } from '../../shared/frames.ts';
import type { Cursor } from '../../shared/terms.ts';
import { now } from './clock.ts';
import { markersIn, payloadOf, stamp } from './marker.ts';

const STEP_MS = 5;
export const RECORDS_PER_FRAME = 50;

interface Template {
  readonly bytes: Buffer;
  /** Where each record's marker lies. */
  readonly markers: readonly number[];
}

export class SteadyPublisher {
  readonly #socket: WebSocket;
  readonly #templates: readonly Template[];
  #creditBytes = 0;
  #unanswered = 0;
  #epoch = 0;
  /** The latest that a frame was sent after its time, ms. */
  mostLateMs = 0;

  /** Each frame has 50 records for one channel, the next for the next. */
  static async open(
    url: string,
    token: string,
    payloadBytes: number,
    channels: readonly string[],
  ): Promise<SteadyPublisher> {
    const socket = new WebSocket(url, SUBPROTOCOLS.msgpack, { perMessageDeflate: false });
    await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
    const publisher = new SteadyPublisher(socket, payloadBytes, channels);
    const hello = { op: 'hello', token, client: 'steady', features: [], producerId: null } as const;
    socket.send(msgpackCodec.encodeClient(hello));
    await new Promise((resolve) => socket.once('message', resolve));
    return publisher;
  }

  private constructor(socket: WebSocket, payloadBytes: number, channels: readonly string[]) {
    this.#socket = socket;
    this.#templates = channels.map((channel) => templateOf(channel, payloadBytes));
    socket.on('message', (bytes: Buffer) => this.#take(bytes));
  }

  /** Publishes `count` records, a multiple of 50, to each channel; resolves with the head of all, once acknowledged. */
  async publish(count: number, seconds: number, onProgress: (part: number) => void): Promise<Cursor> {
    const frames = (count / RECORDS_PER_FRAME) * this.#templates.length;
    const framesPerMs = frames / (seconds * 1000);
    const startMs = now();
    let toldMs = startMs;
    for (let sent = 0; sent < frames || this.#unanswered > 0; ) {
      await new Promise((resolve) => setTimeout(resolve, STEP_MS));
      const due = Math.min(frames, Math.floor((now() - startMs) * framesPerMs));
      while (sent < due && this.#creditBytes > 0) {
        this.mostLateMs = Math.max(this.mostLateMs, now() - startMs - sent / framesPerMs);
        this.#send(sent++);
      }
      if (now() - toldMs > 500) {
        toldMs = now();
        onProgress(sent / frames);
      }
    }
    return { epoch: this.#epoch, offset: count };
  }

  #send(index: number): void {
    const { bytes, markers } = this.#templates[index % this.#templates.length]!;
    const timeMs = now();
    for (const at of markers) stamp(bytes, at, timeMs);
    this.#creditBytes -= bytes.length;
    this.#unanswered++;
    // Its own copy: what waits in the socket must not be stamped again.
    this.#socket.send(Buffer.from(bytes));
  }

  #take(bytes: Buffer): void {
    const frame = msgpackCodec.decodeServer(bytes);
    if (frame?.op === 'welcome') this.#creditBytes = frame.publishCreditBytes;
    else if (frame?.op === 'publish-credit') this.#creditBytes += frame.bytes;
    else if (frame?.op === 'error') throw new Error(`a publish was refused: ${frame.code}: ${frame.message}`);
    else if (frame?.op === 'published') {
      this.#unanswered -= frame.answers.length;
      this.#epoch = frame.answers[0]!.epoch;
    }
  }
}

function templateOf(channel: string, payloadBytes: number): Template {
  const head = Buffer.of(0xc5, payloadBytes >> 8, payloadBytes & 255);
  const payload = Buffer.concat([head, payloadOf(payloadBytes)]);
  const records = Array.from({ length: RECORDS_PER_FRAME }, () => ({ key: null, meta: null, payload }));
  const entries = [{ channel, records }];
  const bytes = Buffer.from(msgpackCodec.encodeClient({ op: 'publish', id: 1, ack: 'memory', entries }));
  return { bytes, markers: markersIn(bytes) };
}
