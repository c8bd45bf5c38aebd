/** Bare uWebSockets.js with native topics: one `app.publish` per message. */
import { App, us_socket_local_port } from 'uWebSockets.js';
import { announce } from './serving.ts';

const app = App();
app.ws('/*', {
  compression: 0,
  maxPayloadLength: 1024 * 1024,
  maxBackpressure: 1024 * 1024 * 1024,
  message(ws, message, isBinary) {
    if (message.byteLength < 16) ws.subscribe('bench');
    else app.publish('bench', message, isBinary, false);
  },
});
app.listen('127.0.0.1', 0, (listening) => {
  if (!listening) process.exit(1);
  announce(`ws://127.0.0.1:${us_socket_local_port(listening)}`);
});
