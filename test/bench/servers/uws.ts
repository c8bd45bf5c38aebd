/** Bare uWebSockets.js with native topics: one `app.publish` per message. */
import { serveBare } from './bare-server.ts';

const topics = Array.from({ length: 256 }, (_, channel) => `bench.${channel}`);

const app = serveBare((ws, message, isBinary) => {
  const topic = topics[new Uint8Array(message)[0]!]!;
  if (message.byteLength > 1) {
    app.publish(topic, message, isBinary, false);
    return;
  }
  ws.subscribe(topic);
  ws.send('ok', true);
});
