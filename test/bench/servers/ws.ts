/** The package `ws` as its README shows a broadcast: a loop of sends, for each message. No compression (its default). */
import type { AddressInfo } from 'node:net';
import { type WebSocket, WebSocketServer } from 'ws';
import { answer } from '../processes/answering.ts';

const subscribers: Set<WebSocket>[] = Array.from({ length: 256 }, () => new Set());

function serve(ws: WebSocket): void {
  ws.on('message', (message: Buffer) => {
    const channel = subscribers[message[0]!]!;
    if (message.length > 1) {
      for (const subscriber of channel) subscriber.send(message, { binary: true });
      return;
    }
    channel.add(ws);
    ws.send(Buffer.from('ok'));
  });
}

function start(): Promise<string> {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0 });
  server.on('connection', serve);
  return new Promise((resolve) => {
    server.on('listening', () => resolve(`ws://127.0.0.1:${(server.address() as AddressInfo).port}/`));
  });
}

answer({ start });
