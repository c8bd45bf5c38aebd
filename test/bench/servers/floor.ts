/**
 * The floor: bare uWebSockets.js that forwards each tick's messages of a channel as one frame with its own send loop, where
 * there are several under one cork for each connection. No log, no auth, no disk: what batching alone gives.
 */
import type { WebSocket } from 'uWebSockets.js';
import { serveBare } from './bare-server.ts';
import { type ChannelFrame, TickBatches } from './tick-batches.ts';

const subscribers: WebSocket<unknown>[][] = Array.from({ length: 256 }, () => []);
const outgoing = new Map<WebSocket<unknown>, Buffer[]>();

const batches = new TickBatches((frames) => {
  const [only] = frames;
  if (frames.length === 1 && only)
    for (const ws of subscribers[only.channel]!) ws.send(only.frame, true, false);
  else sendGathered(frames);
});

function sendGathered(frames: readonly ChannelFrame[]): void {
  for (const { channel, frame } of frames) {
    for (const ws of subscribers[channel]!) {
      const own = outgoing.get(ws);
      if (own) own.push(frame);
      else outgoing.set(ws, [frame]);
    }
  }
  for (const [ws, own] of outgoing) {
    ws.cork(() => {
      for (const frame of own) ws.send(frame, true, false);
    });
  }
  outgoing.clear();
}

serveBare((ws, message) => {
  if (message.byteLength > 1) {
    batches.add(message);
    return;
  }
  subscribers[new Uint8Array(message)[0]!]!.push(ws);
  ws.send('ok', true);
});
