/**
 * Live readers of one channel and its publisher, at an even rate: how late each record comes, counted from when it was
 * sent. Nothing that the server does holds the publisher up, so nothing is hidden by that; and it sleeps in between,
 * since it may not have its core alone.
 */
import { msgpackCodec } from '../../../shared/codec.ts';
import { SUBPROTOCOLS } from '../../../shared/frames.ts';
import { now } from '../clock.ts';
import { MarkerCounter, markersIn, stamp } from '../marker.ts';
import { recordPayload } from '../marker-record.ts';
import { percentilesOf } from '../percentiles.ts';
import { frameOf, openRaw, type RawSocket } from '../raw-socket.ts';
import { MessageReader } from '../wire/message-reader.ts';
import { answer } from './answering.ts';

export interface LatencyOrder {
  readonly url: string;
  readonly token: string;
  readonly channel: string;
  readonly readers: number;
  readonly ratePerSecond: number;
  readonly payloadBytes: number;
}

let latenciesMs: number[] = [];
let isMeasuring = false;

/** Each frame that comes settles the next of what is awaited. */
function openTalking(order: LatencyOrder, onBytes: (bytes: Buffer) => void) {
  const awaited: (() => void)[] = [];
  const reader = new MessageReader(() => awaited.shift()?.());
  const raw = openRaw(new URL(order.url), SUBPROTOCOLS.msgpack, (bytes) => {
    if (awaited.length > 0) reader.take(bytes);
    else onBytes(bytes);
  });
  const answered = () => new Promise<void>((resolve) => awaited.push(resolve));
  return raw.then(async (socket) => {
    const hello = {
      op: 'hello',
      token: order.token,
      client: 'live',
      features: [],
      producerId: null,
    } as const;
    socket.send(msgpackCodec.encodeClient(hello));
    await answered();
    return { socket, answered };
  });
}

async function openReader(order: LatencyOrder): Promise<void> {
  const counter = new MarkerCounter((timeMs) => {
    if (isMeasuring) latenciesMs.push(now() - timeMs);
  });
  const { socket, answered } = await openTalking(order, (bytes) => counter.take(bytes));
  const { channel } = order;
  socket.send(msgpackCodec.encodeClient({ op: 'subscribe', id: 1, channel, from: 'latest', options: null }));
  await answered();
}

function pace(socket: RawSocket, { channel, ratePerSecond, payloadBytes }: LatencyOrder): void {
  const records = [{ key: null, meta: null, payload: recordPayload(payloadBytes) }];
  const entries = [{ channel, records }];
  const frame = frameOf(msgpackCodec.encodeClient({ op: 'publish', id: 0, ack: 'memory', entries }));
  const [payloadAt] = markersIn(frame);
  const stepMs = 1000 / ratePerSecond;
  let dueMs = now() + stepMs;
  setInterval(() => {
    for (; dueMs <= now(); dueMs += stepMs) {
      stamp(frame, payloadAt!, now());
      socket.write(Buffer.from(frame));
    }
  }, 1);
}

answer({
  async open(order: LatencyOrder) {
    for (let i = 0; i < order.readers; i++) await openReader(order);
    const { socket } = await openTalking(order, () => {});
    pace(socket, order);
  },
  begin() {
    latenciesMs = [];
    isMeasuring = true;
  },
  end() {
    isMeasuring = false;
    return { ...percentilesOf(latenciesMs.map((ms) => ms * 1000)), deliveries: latenciesMs.length };
  },
});
