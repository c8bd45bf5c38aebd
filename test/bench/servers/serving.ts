/** What every server process of a bench does beside serving: tells where it listens, and its CPU when asked. */
import { App, type TemplatedApp, us_socket_local_port, type WebSocketBehavior } from 'uWebSockets.js';

export function announce(url: string, token = ''): void {
  process.send!({ url, token });
  process.on('message', (question) => {
    if (question === 'usage') {
      const { user, system } = process.cpuUsage();
      process.send!({ cpuMs: (user + system) / 1000, rssBytes: process.memoryUsage().rss });
    }
  });
  // The end of the bench, however it comes.
  process.on('disconnect', () => process.exit(0));
}

/** A bare uWebSockets.js on a free port; no message is dropped for a reader that is slow. */
export function serveBare(message: NonNullable<WebSocketBehavior<unknown>['message']>): TemplatedApp {
  const app = App();
  app.ws('/*', {
    compression: 0,
    maxPayloadLength: 1024 * 1024,
    maxBackpressure: 1024 * 1024 * 1024,
    message,
  });
  app.listen('127.0.0.1', 0, (listening) => {
    if (!listening) throw new Error('no port to listen on');
    announce(`ws://127.0.0.1:${us_socket_local_port(listening)}`);
  });
  return app;
}
