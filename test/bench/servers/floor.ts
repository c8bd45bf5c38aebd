/**
 * The floor: bare uWebSockets.js that forwards each tick's messages as one frame with its own send loop. No log, no
 * auth, no disk: what batching alone gives.
 */
import { App, us_socket_local_port, type WebSocket } from 'uWebSockets.js';
import { announce } from './serving.ts';

const subscribers: WebSocket<unknown>[] = [];
const pending: Uint8Array[] = [];

function flush(): void {
  const frame = Buffer.concat(pending);
  pending.length = 0;
  for (const ws of subscribers) ws.send(frame, true, false);
}

const app = App();
app.ws('/*', {
  compression: 0,
  maxPayloadLength: 1024 * 1024,
  maxBackpressure: 1024 * 1024 * 1024,
  message(ws, message) {
    if (message.byteLength < 16) {
      subscribers.push(ws);
      return;
    }
    if (pending.length === 0) setImmediate(flush);
    pending.push(Buffer.from(new Uint8Array(message)));
  },
});
app.listen('127.0.0.1', 0, (listening) => {
  if (!listening) process.exit(1);
  announce(`ws://127.0.0.1:${us_socket_local_port(listening)}`);
});
