/**
 * A WebSocket client of the fewest parts, for load: it writes masked frames and hands on the raw bytes that come. The
 * sinks count markers in them, so that every server is measured alike and the load costs as little as can be.
 */
import { randomBytes } from 'node:crypto';
import { connect, type Socket } from 'node:net';

export interface RawSocket {
  readonly socket: Socket;
  /** Sends one message. */
  send(payload: Uint8Array, isBinary?: boolean): void;
  /** Sends bytes that are frames already, see {@link frameOf}. */
  write(frames: Uint8Array): void;
}

/** Opens a connection and upgrades it; `onBytes` gets everything behind the handshake. */
export function openRaw(
  url: URL,
  protocol: string | undefined,
  onBytes: (bytes: Buffer) => void,
): Promise<RawSocket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: url.hostname, port: Number(url.port), noDelay: true });
    let head = Buffer.alloc(0);
    const onHead = (bytes: Buffer) => {
      head = Buffer.concat([head, bytes]);
      const end = head.indexOf('\r\n\r\n');
      if (end < 0) return;
      if (!head.toString('latin1', 0, 12).endsWith('101')) {
        reject(new Error(`no upgrade: ${head.toString('latin1', 0, end)}`));
        return;
      }
      socket.off('data', onHead);
      socket.on('data', onBytes);
      if (head.length > end + 4) onBytes(head.subarray(end + 4));
      resolve({
        socket,
        send: (payload, isBinary = true) => socket.write(frameOf(payload, isBinary)),
        write: (frames) => socket.write(frames),
      });
    };
    socket.on('data', onHead);
    socket.once('error', reject);
    socket.once('connect', () => {
      socket.write(
        [
          `GET / HTTP/1.1`,
          `Host: ${url.host}`,
          'Upgrade: websocket',
          'Connection: Upgrade',
          `Sec-WebSocket-Key: ${randomBytes(16).toString('base64')}`,
          'Sec-WebSocket-Version: 13',
          ...(protocol ? [`Sec-WebSocket-Protocol: ${protocol}`] : []),
          '\r\n',
        ].join('\r\n'),
      );
    });
  });
}

/** A client frame, masked with zeros: allowed, and the payload stays as it is. */
export function frameOf(payload: Uint8Array, isBinary = true): Buffer {
  const { length } = payload;
  const header = length < 126 ? 6 : length < 65_536 ? 8 : 14;
  const frame = Buffer.alloc(header + length);
  frame[0] = 0x80 | (isBinary ? 2 : 1);
  if (length < 126) {
    frame[1] = 0x80 | length;
  } else if (length < 65_536) {
    frame[1] = 0x80 | 126;
    frame.writeUInt16BE(length, 2);
  } else {
    frame[1] = 0x80 | 127;
    frame.writeBigUInt64BE(BigInt(length), 2);
  }
  frame.set(payload, header);
  return frame;
}
