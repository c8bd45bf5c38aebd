/** Servers in Node for connections that have one subscription, to `bench`, and do nothing. */

import { App, us_socket_local_port } from 'uWebSockets.js';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Server as SocketIoServer } from 'socket.io';
import { type WebSocket, WebSocketServer } from 'ws';
import { answer } from './answering.ts';

export type IdleServerKind = 'uws' | 'ws' | 'socketio';

function startUws(): Promise<number> {
  const app = App();
  app.ws('/*', { compression: 0, idleTimeout: 120, message: (ws) => void ws.subscribe('bench') });
  return new Promise((resolve, reject) => {
    app.listen('127.0.0.1', 0, (listening) => {
      if (listening) resolve(us_socket_local_port(listening));
      else reject(new Error('cannot listen on 127.0.0.1'));
    });
  });
}

function startWs(): Promise<number> {
  const subscribers = new Set<WebSocket>();
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: false, backlog: 4096 });
  server.on('connection', (socket) => {
    socket.on('message', () => subscribers.add(socket));
    socket.on('close', () => subscribers.delete(socket));
  });
  return new Promise((resolve) =>
    server.on('listening', () => resolve((server.address() as AddressInfo).port)),
  );
}

function startSocketIo(): Promise<number> {
  const http = createServer();
  const server = new SocketIoServer(http, { transports: ['websocket'] });
  server.on('connection', (socket) => {
    socket.on('subscribe', () => void socket.join('bench'));
  });
  return new Promise((resolve) => {
    http.listen({ host: '127.0.0.1', port: 0, backlog: 4096 }, () =>
      resolve((http.address() as AddressInfo).port),
    );
  });
}

const START: Readonly<Record<IdleServerKind, () => Promise<number>>> = {
  uws: startUws,
  ws: startWs,
  socketio: startSocketIo,
};

answer({ start: (kind: IdleServerKind) => START[kind]() });
