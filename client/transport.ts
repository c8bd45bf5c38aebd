/**
 * The little that the SDK needs of a WebSocket, so that browsers, Node and tests can each bring their own. Here is
 * the one for browsers; node.ts has the one for the `ws` package. Knows no frame. Called by the connection only.
 */
import { SUBPROTOCOLS } from '../shared/frames.ts';

/** What a transport reports. After `onClose` it reports nothing more. */
export interface TransportHandlers {
  onOpen(): void;
  /** One binary message. The receiver copies what it keeps. */
  onMessage(bytes: Uint8Array): void;
  /** @param reason what is known of the cause, for people. */
  onClose(code: number, reason: string): void;
}

export interface Transport {
  send(bytes: Uint8Array): void;
  /** With a code: a closing handshake. Without: at once, as far as the platform can. */
  close(code?: number, reason?: string): void;
  /** Bytes handed to `send` that have not left yet. */
  readonly bufferedAmount: number;
}

/** Begins to open a connection; the handlers are first called after it returned. */
export type OpenTransport = (url: string, handlers: TransportHandlers) => Transport;

/** What closes a connection whose peer sends text on a binary subprotocol: it is not a hub. */
export const TEXT_RECEIVED = { code: 4200, reason: 'the peer sent text where frames are binary' } as const;

/** Over the platform's own WebSocket (browsers, workers, Node from 22). */
export const openWebSocket: OpenTransport = (url, handlers) => {
  const socket = new WebSocket(url, SUBPROTOCOLS.msgpack);
  socket.binaryType = 'arraybuffer';
  socket.onopen = () => handlers.onOpen();
  socket.onmessage = ({ data }) => {
    if (data instanceof ArrayBuffer) handlers.onMessage(new Uint8Array(data));
    else socket.close(TEXT_RECEIVED.code, TEXT_RECEIVED.reason);
  };
  socket.onclose = ({ code, reason }) => handlers.onClose(code, reason);
  return {
    // A socket that is closing drops what it is given; its close event follows and tells.
    send: (bytes) => socket.send(bytes as Uint8Array<ArrayBuffer>),
    close: (code = 1000, reason = '') => socket.close(code, reason),
    get bufferedAmount() {
      return socket.bufferedAmount;
    },
  };
};
