/**
 * A reader that asks for everything again and again and counts the bytes: they come into one buffer, which is looked at
 * once, in the first replay, to see that every record came. Speaks to hubs and to page-loop.ts.
 */
import { randomBytes } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import { setPriority } from 'node:os';
import { msgpackCodec } from '../../../shared/codec.ts';
import { SUBPROTOCOLS } from '../../../shared/frames.ts';
import { MarkerCounter } from '../marker.ts';
import { frameOf } from '../raw-socket.ts';
import { answer, usage } from './answering.ts';

export interface ReplayOrder {
  readonly url: string;
  /** null: a loop of pages, not a hub. */
  readonly token: string | null;
  readonly channel: string;
  readonly records: number;
  /** Of all records as the log holds them; headers of frames come on top. */
  readonly bytes: number;
}

const BUFFER_BYTES = 1024 * 1024;

let order: ReplayOrder;
let bytes = 0;
let replays = 0;

/** One replay on a connection of its own; resolves when `isComplete` says so. */
async function replay(onBytes: (piece: Buffer) => boolean): Promise<void> {
  const socket = await openSink(onBytes);
  const { token, channel } = order;
  if (token === null) {
    socket.write(frameOf(Buffer.from('sub')));
  } else {
    const hello = { op: 'hello', token, client: 'replay', features: [], producerId: null } as const;
    socket.write(frameOf(msgpackCodec.encodeClient(hello)));
    await socket.next();
    const from = 'earliest' as const;
    socket.write(
      frameOf(msgpackCodec.encodeClient({ op: 'subscribe', id: 1, channel, from, options: null })),
    );
  }
  await socket.complete;
}

interface Sink {
  write(bytes: Uint8Array): void;
  /** Resolves when more bytes come. */
  next(): Promise<void>;
  readonly complete: Promise<void>;
}

/** Opened when the handshake is answered; what comes behind it is handed to `onBytes` until that says true. */
function openSink(onBytes: (piece: Buffer) => boolean): Promise<Sink> {
  const { hostname, port, host } = new URL(order.url);
  return new Promise((resolve, reject) => {
    let isUpgraded = false;
    let onNext = () => {};
    let onComplete = () => {};
    const complete = new Promise<void>((done) => {
      onComplete = done;
    });
    const onread = {
      buffer,
      callback: (length: number) => {
        if (!isUpgraded) {
          // Nothing is sent behind the answer before anything is asked for.
          isUpgraded = true;
          resolve({
            write: (frame) => socket.write(frame),
            next: () => new Promise((done) => (onNext = done)),
            complete,
          });
          return true;
        }
        onNext();
        if (!onBytes(buffer.subarray(0, length))) return true;
        socket.destroy();
        onComplete();
        return false;
      },
    };
    const socket: Socket = connect({ host: hostname, port: Number(port), noDelay: true, onread });
    socket.once('error', reject);
    socket.write(
      [
        'GET / HTTP/1.1',
        `Host: ${host}`,
        'Upgrade: websocket',
        'Connection: Upgrade',
        `Sec-WebSocket-Key: ${randomBytes(16).toString('base64')}`,
        'Sec-WebSocket-Version: 13',
        ...(order.token === null ? [] : [`Sec-WebSocket-Protocol: ${SUBPROTOCOLS.msgpack}`]),
        '\r\n',
      ].join('\r\n'),
    );
  });
}

const buffer = Buffer.alloc(BUFFER_BYTES);

answer({
  /** Replays once and looks for every record. */
  async check(given: ReplayOrder) {
    order = given;
    const counter = new MarkerCounter();
    await replay((piece) => {
      // A copy: the counter keeps a piece of it.
      counter.take(Buffer.from(piece));
      return counter.count >= order.records;
    });
  },
  async flood(lowPriority: boolean) {
    if (lowPriority) setPriority(19);
    for (;;) {
      let left = order.bytes;
      await replay((piece) => {
        bytes += piece.length;
        left -= piece.length;
        return left <= 0;
      });
      replays++;
    }
  },
  count: () => ({ bytes, replays, ...usage() }),
});
