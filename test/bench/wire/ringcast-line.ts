/** A publisher of Ringcast's msgpack form that keeps to its credit. */
import { msgpackCodec } from '../../../shared/codec.ts';
import { SUBPROTOCOLS } from '../../../shared/frames.ts';
import { frameOf, openRaw } from '../raw-socket.ts';
import { MessageReader } from './message-reader.ts';
import { frameCount, type LineEvents, type LineOrder, type PublishLine } from './publish-line.ts';

const PUBLISHED = 0x46;
/** Ids from here on have one length, 5 bytes. */
const FIRST_ID = 65_536;

export async function openRingcastLine(
  order: LineOrder,
  leastFrames: number,
  events: LineEvents,
): Promise<PublishLine> {
  const messages = publishMessages(order, frameCount(order.channels.length, leastFrames));
  const messageBytes = messages[0]!.length;
  const frames = Buffer.concat(messages.map((message) => frameOf(message)));
  let creditBytes = 0;
  let onWelcome = () => {};
  const reader = new MessageReader((message) => {
    const answers = publishedCount(message);
    if (answers > 0) return events.onAnswered(answers);
    const frame = msgpackCodec.decodeServer(message);
    if (frame?.op === 'error') events.onFailure(new Error(`${frame.code}: ${frame.message}`));
    if (frame?.op === 'welcome') {
      creditBytes = frame.publishCreditBytes;
      onWelcome();
    }
    if (frame?.op === 'publish-credit') {
      creditBytes += frame.bytes;
      events.onAllowance();
    }
  });
  const { socket, send } = await openRaw(new URL(order.url), SUBPROTOCOLS.msgpack, (bytes) =>
    reader.take(bytes),
  );
  const welcomed = new Promise<void>((resolve) => {
    onWelcome = resolve;
  });
  const hello = { op: 'hello', token: order.token, client: 'bench', features: [], producerId: null } as const;
  send(msgpackCodec.encodeClient(hello));
  await welcomed;
  return {
    socket,
    frames,
    frameBytes: frames.length / messages.length,
    // The last may overdraw.
    allowance: () => Math.max(0, Math.ceil(creditBytes / messageBytes)),
    sent: (count) => {
      creditBytes -= count * messageBytes;
    },
  };
}

function publishMessages(
  { channels, payload, recordsPerFrame, ack }: LineOrder,
  count: number,
): Uint8Array[] {
  const records = Array.from({ length: recordsPerFrame }, () => ({ key: null, meta: null, payload }));
  return Array.from({ length: count }, (_, i) => {
    const entries = [{ channel: channels[i % channels.length]!, records }];
    return msgpackCodec.encodeClient({ op: 'publish', id: FIRST_ID + i, ack, entries });
  });
}

/** How many publishes a `published` answers, read from its header; 0 for other frames. */
export function publishedCount(message: Buffer): number {
  if (message[0] !== 0x92 || message[1] !== PUBLISHED) return 0;
  const head = message[2]!;
  if (head === 0xdc) return message.readUInt16BE(3);
  if (head === 0xdd) return message.readUInt32BE(3);
  return head & 15;
}
