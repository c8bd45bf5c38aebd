/** Socket.IO with a room for each channel; WebSocket only, all else as it comes (no compression, its default). */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Server } from 'socket.io';
import { answer } from '../processes/answering.ts';

const http = createServer();
const io = new Server(http, { transports: ['websocket'], serveClient: false });
io.on('connection', (socket) => {
  socket.on('sub', (room: string, confirm: () => void) => {
    socket.join(room);
    confirm();
  });
  socket.on('pub', (room: string, payload: string) => io.to(room).emit('pub', payload));
});

function start(): Promise<string> {
  return new Promise((resolve) => {
    http.listen(0, '127.0.0.1', () => {
      const { port } = http.address() as AddressInfo;
      resolve(`ws://127.0.0.1:${port}/socket.io/?EIO=4&transport=websocket`);
    });
  });
}

answer({ start });
