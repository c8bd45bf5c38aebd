/**
 * A WebSocket client down at TCP: upgrades by hand, and writes any bytes in any pieces, so that a test can cut a frame in
 * the middle, drip it, or neither read nor answer nor close. Decodes nothing but the opcodes of what comes.
 */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';
import { msgpackCodec } from '../../shared/codec.ts';
import { type ClientFrame, SUBPROTOCOLS } from '../../shared/frames.ts';

const KEY = Buffer.alloc(16).toString('base64');

export class TcpClient {
  readonly socket: Socket;
  /** All that came, the handshake first. */
  received = Buffer.alloc(0);
  /** The hub ended or cut the connection. */
  isClosed = false;

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (bytes) => {
      this.received = Buffer.concat([this.received, bytes as Buffer]);
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      this.isClosed = true;
    });
  }

  /** Connects and says nothing. Destroyed when the test ends. */
  static async connect(url: string): Promise<TcpClient> {
    const { hostname, port } = new URL(url);
    const socket = connect({ host: hostname, port: Number(port), noDelay: true });
    const client = new TcpClient(socket);
    onTestFinished(() => void socket.destroy());
    await once(socket, 'connect');
    return client;
  }

  /** The bytes of the request for an upgrade. */
  static upgrade(subprotocol: string = SUBPROTOCOLS.msgpack): Buffer {
    const lines = [
      'GET / HTTP/1.1',
      'Host: hub.test',
      'Upgrade: websocket',
      'Connection: Upgrade',
      `Sec-WebSocket-Key: ${KEY}`,
      'Sec-WebSocket-Version: 13',
      `Sec-WebSocket-Protocol: ${subprotocol}`,
    ];
    return Buffer.from(`${lines.join('\r\n')}\r\n\r\n`);
  }

  get isUpgraded(): boolean {
    return this.received.includes('HTTP/1.1 101') && this.received.includes('\r\n\r\n');
  }

  write(bytes: Uint8Array): void {
    this.socket.write(bytes);
  }

  /** Goes without a word: what was written before arrives, then the end. */
  cut(): void {
    this.socket.destroySoon();
  }
}

export interface MessageShape {
  /** Default true: nothing of the message follows. */
  readonly isFinal?: boolean;
  /** Default false: it begins a message. */
  readonly isContinuation?: boolean;
}

/** One frame as a WebSocket message, masked with zeros. */
export function messageOf(frame: ClientFrame, shape?: MessageShape): Buffer {
  return framed(msgpackCodec.encodeClient(frame), shape);
}

export function framed(
  payload: Uint8Array,
  { isFinal = true, isContinuation = false }: MessageShape = {},
): Buffer {
  const { length } = payload;
  const first = (isFinal ? 0x80 : 0) | (isContinuation ? 0 : 2);
  const size =
    length < 126
      ? [0x80 | length]
      : length < 65_536
        ? [0x80 | 126, length >> 8, length & 255]
        : [0x80 | 127, 0, 0, 0, 0, length >>> 24, (length >> 16) & 255, (length >> 8) & 255, length & 255];
  return Buffer.concat([Buffer.of(first, ...size, 0, 0, 0, 0), payload]);
}
