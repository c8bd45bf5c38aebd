/**
 * The SDK for Node: the same as index.ts, over the `ws` package. The only importer of `ws` in the SDK.
 */
import WebSocket from 'ws';
import { SUBPROTOCOLS } from '../shared/frames.ts';
import type { Client } from './client.ts';
import { connectWith } from './connect.ts';
import type { ConnectOptions } from './options.ts';
import { type OpenTransport, TEXT_RECEIVED } from './transport.ts';

export * from './exports.ts';

const openNodeWebSocket: OpenTransport = (url, handlers) => {
  const socket = new WebSocket(url, SUBPROTOCOLS.msgpack, { perMessageDeflate: false });
  let failure = '';
  socket.on('open', () => handlers.onOpen());
  socket.on('message', (data: Buffer, isBinary: boolean) => {
    if (isBinary) handlers.onMessage(new Uint8Array(data.buffer, data.byteOffset, data.length));
    else socket.close(TEXT_RECEIVED.code, TEXT_RECEIVED.reason);
  });
  // An error is always followed by close, which does not say what it was.
  socket.on('error', (error) => {
    failure = error.message;
  });
  socket.on('close', (code, reason) => handlers.onClose(code, reason.toString() || failure));
  return {
    send: (bytes) => socket.send(bytes),
    close: (code, reason) => (code === undefined ? socket.terminate() : socket.close(code, reason)),
    get bufferedAmount() {
      return socket.bufferedAmount;
    },
  };
};

/**
 * Resolves after the hub's first welcome, and from then on reconnects by itself. Passing failures are tried again for
 * `timeoutMs`; rejects with RingcastError: the hub's final refusal, or `timeout` with the last failure as its cause.
 * Rejects with TypeError for a bad URL or option.
 */
export function connect(url: string, options: ConnectOptions): Promise<Client> {
  return connectWith(url, options, openNodeWebSocket);
}
