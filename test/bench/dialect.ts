/** How each server is spoken to: what to send to subscribe, and how a burst of publishes looks on the wire. */
import { msgpackCodec } from '../../shared/codec.ts';
import { SUBPROTOCOLS } from '../../shared/frames.ts';
import { payloadOf, stamp } from './marker.ts';
import { frameOf, type RawSocket } from './raw-socket.ts';

export interface Dialect {
  readonly protocol: string | undefined;
  /** Makes a connection ready to publish, or with `subscribe` to receive. */
  prepare(socket: RawSocket, token: string, subscribe: boolean, channel?: string): Promise<void>;
  /** `count` publishes of `bytes` each, one frame each. */
  burst(bytes: number, count: number): Burst;
}

export interface Burst {
  readonly frames: Buffer;
  /** Writes the time into every payload. */
  stampAll(timeMs: number): void;
}

const pause = (delayMs: number) => new Promise<void>((resolve) => setTimeout(resolve, delayMs));

function burstOf(frame: Buffer, payloadAt: number, count: number): Burst {
  const frames = Buffer.concat(Array.from({ length: count }, () => frame));
  return {
    frames,
    stampAll(timeMs) {
      for (let i = 0; i < count; i++) stamp(frames, i * frame.length + payloadAt, timeMs);
    },
  };
}

const bare: Dialect = {
  protocol: undefined,
  async prepare(socket, _token, subscribe) {
    if (subscribe) socket.send(Buffer.from('sub'));
  },
  burst(bytes, count) {
    const frame = frameOf(payloadOf(bytes));
    return burstOf(frame, frame.length - bytes, count);
  },
};

const ringcast: Dialect = {
  protocol: SUBPROTOCOLS.msgpack,
  async prepare(socket, token, subscribe, channel = 'bench') {
    const hello = { op: 'hello' as const, token, client: 'bench', features: [], producerId: null };
    socket.send(msgpackCodec.encodeClient(hello));
    await pause(20);
    if (!subscribe) return;
    const request = {
      op: 'subscribe' as const,
      id: 1,
      channel,
      from: 'latest' as const,
      options: null,
    };
    socket.send(msgpackCodec.encodeClient(request));
  },
  burst(bytes, count) {
    const payload = payloadOf(bytes);
    const records = [{ key: null, meta: null, payload }];
    const publish = {
      op: 'publish' as const,
      id: 0,
      ack: 'memory' as const,
      entries: [{ channel: 'bench', records }],
    };
    const frame = frameOf(msgpackCodec.encodeClient(publish));
    return burstOf(frame, frame.length - bytes, count);
  },
};

export const DIALECTS: Readonly<Record<string, Dialect>> = { uws: bare, floor: bare, ringcast };
