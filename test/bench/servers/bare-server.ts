/** A bare uWebSockets.js for the bench's own servers, on a free port; no message is dropped for a reader that is slow. */
import { App, type TemplatedApp, us_socket_local_port, type WebSocketBehavior } from 'uWebSockets.js';
import { answer } from '../processes/answering.ts';

export function serveBare(message: NonNullable<WebSocketBehavior<unknown>['message']>): TemplatedApp {
  const app = App();
  app.ws('/*', {
    compression: 0,
    maxPayloadLength: 1024 * 1024,
    maxBackpressure: 1024 * 1024 * 1024,
    message,
  });
  const start = () =>
    new Promise<string>((resolve, reject) => {
      app.listen('127.0.0.1', 0, (listening) => {
        if (listening) resolve(`ws://127.0.0.1:${us_socket_local_port(listening)}/`);
        else reject(new Error('cannot listen on 127.0.0.1'));
      });
    });
  answer({ start });
  return app;
}
