/** Socket.IO that emits the sample again and again to a client that asks, as fast as its socket takes it. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Server } from 'socket.io';
import { answer } from './answering.ts';
import { SAMPLE } from './sample.ts';

/** Packets given to a socket at once; the next when those are written. */
const BURST = 1000;

function start(): Promise<string> {
  const http = createServer();
  const server = new Server(http, { transports: ['websocket'] });
  server.on('connection', (socket) => {
    let waiting = 0;
    const emit = () => {
      waiting += BURST;
      for (let i = 0; i < BURST; i++) socket.emit('record', SAMPLE);
    };
    socket.on('flood', () => {
      socket.conn.on('flush', (packets: readonly unknown[]) => {
        waiting -= packets.length;
        // In a turn of its own: a socket that takes all at once would keep everything else from its turn.
        if (waiting <= 0) setImmediate(emit);
      });
      emit();
    });
  });
  return new Promise((resolve) => {
    http.listen(0, '127.0.0.1', () => resolve(`http://127.0.0.1:${(http.address() as AddressInfo).port}`));
  });
}

answer({ start });
