/**
 * Bare uWebSockets.js with native topics, batched the way that the hub batches: each tick's messages of a channel are one
 * frame and one `app.publish`. No log, no auth, no disk.
 */
import { serveBare } from './bare-server.ts';
import { TickBatches } from './tick-batches.ts';

const topics = Array.from({ length: 256 }, (_, channel) => `bench.${channel}`);
const batches = new TickBatches((frames) => {
  for (const { channel, frame } of frames) app.publish(topics[channel]!, frame, true, false);
});

const app = serveBare((ws, message) => {
  if (message.byteLength > 1) {
    batches.add(message);
    return;
  }
  ws.subscribe(topics[new Uint8Array(message)[0]!]!);
  ws.send('ok', true);
});
