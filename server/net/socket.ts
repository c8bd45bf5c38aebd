/**
 * A WebSocket as a connection sees it, and what it tells the connection. websocket-server implements the one over
 * uWebSockets.js; tests may in memory.
 */
import type { Sink } from '../hub/sink.ts';

export interface Socket extends Sink {
  /** Of the peer, as text; empty once it is gone. */
  readonly remoteAddress: string;
  /** Sends what is buffered and a close frame; cuts the connection when the peer does not answer. */
  end(code: number, reason: string): void;
  /** Cuts the connection without a word. */
  cut(): void;
}

export interface SocketEvents {
  /** One message. Its bytes are valid only during the call. */
  receive(bytes: Uint8Array, isBinary: boolean): void;
  /** Some of what was buffered has gone out. */
  drained(): void;
  /** A WebSocket ping came and was answered; the answer may be buffered. */
  pinged(): void;
  closed(): void;
}
