/**
 * A client of the fewest parts, for load: it writes masked frames, or over TCP the bytes as they are, and hands on the raw
 * bytes that come. The sinks count markers in them, so that every server is measured alike and the load costs as little as
 * can be. For the same reason all sockets read into one buffer: what is handed on holds until the callback returns.
 */
import { randomBytes } from 'node:crypto';
import { connect, type Socket } from 'node:net';

/** No larger than what stays in a core's own cache. */
const READ_BYTES = 65_536;
const reading = Buffer.allocUnsafeSlow(READ_BYTES);
const EXPECT_MS = 15_000;
const SHOWN_CHARACTERS = 300;

export interface RawSocket {
  readonly socket: Socket;
  /** Sends one message. */
  send(payload: Uint8Array, isBinary?: boolean): void;
  /** Sends bytes that are frames already, see {@link frameOf}. */
  write(frames: Uint8Array): void;
  /** Resolves once `text` has come `times` times from now on, by latin1. */
  expect(text: string, times?: number): Promise<void>;
  close(): void;
}

interface Awaited {
  readonly text: string;
  readonly times: number;
  seen: string;
  met(): void;
  missed(cause: Error): void;
}

/**
 * Opens a connection, to `ws:` with an upgrade, to `tcp:` without. `onBytes` gets everything behind the handshake, `onLost`
 * why the connection ended once it was open.
 */
export function openRaw(
  url: URL,
  protocol: string | undefined,
  onBytes: (bytes: Buffer) => void,
  onLost: (cause: Error) => void = () => {},
): Promise<RawSocket> {
  const isTcp = url.protocol === 'tcp:';
  return new Promise((resolve, reject) => {
    let head: Buffer | undefined = isTcp ? undefined : Buffer.alloc(0);
    let awaited: Awaited | undefined;
    let isOpen = false;
    let isClosed = false;
    const take = (bytes: Buffer) => {
      if (awaited) hear(awaited, bytes);
      onBytes(bytes);
    };
    const socket = connect({
      host: url.hostname,
      port: Number(url.port),
      noDelay: true,
      onread: { buffer: reading, callback: (length) => onData(length) },
    });
    const raw: RawSocket = {
      socket,
      send: (payload, isBinary = true) => socket.write(isTcp ? payload : frameOf(payload, isBinary)),
      write: (frames) => socket.write(frames),
      close: () => {
        isClosed = true;
        socket.destroy();
      },
      expect: (text, times = 1) =>
        new Promise<void>((resolve, reject) => {
          const timer = setTimeout(() => fail(new Error('nothing more came')), EXPECT_MS);
          const settle = () => {
            clearTimeout(timer);
            awaited = undefined;
          };
          const met = () => {
            settle();
            resolve();
          };
          const missed = (cause: Error) => {
            settle();
            reject(cause);
          };
          awaited = { text, times, seen: '', met, missed };
        }),
    };
    const fail = (cause: Error) => {
      if (isClosed) return;
      reject(cause);
      const { text, seen } = awaited ?? {};
      if (text !== undefined) {
        const have = JSON.stringify(seen!.slice(0, SHOWN_CHARACTERS));
        awaited!.missed(new Error(`${cause.message}: waited for ${JSON.stringify(text)}, have ${have}`));
      } else if (isOpen) {
        onLost(cause);
      }
    };
    const open = () => {
      isOpen = true;
      resolve(raw);
    };
    const onData = (length: number) => {
      const bytes = reading.subarray(0, length);
      if (!head) {
        take(bytes);
        return true;
      }
      head = Buffer.concat([head, bytes]);
      const end = head.indexOf('\r\n\r\n');
      if (end < 0) return true;
      if (head.toString('latin1', 9, 12) !== '101') {
        fail(new Error(`no upgrade: ${head.toString('latin1', 0, end)}`));
        return true;
      }
      const rest = head.subarray(end + 4);
      head = undefined;
      open();
      // First who opened it, then what came with the answer: that may be what the opener expects.
      if (rest.length > 0) setImmediate(take, rest);
      return true;
    };
    socket.on('error', fail);
    socket.on('close', () => fail(new Error('the server closed the connection')));
    socket.once('connect', () => (isTcp ? open() : socket.write(upgrade(url, protocol))));
  });
}

function hear(awaited: Awaited, bytes: Buffer): void {
  awaited.seen += bytes.toString('latin1');
  if (awaited.seen.split(awaited.text).length > awaited.times) awaited.met();
}

function upgrade(url: URL, protocol: string | undefined): string {
  return [
    `GET ${url.pathname}${url.search} HTTP/1.1`,
    `Host: ${url.host}`,
    'Upgrade: websocket',
    'Connection: Upgrade',
    `Sec-WebSocket-Key: ${randomBytes(16).toString('base64')}`,
    'Sec-WebSocket-Version: 13',
    ...(protocol ? [`Sec-WebSocket-Protocol: ${protocol}`] : []),
    '\r\n',
  ].join('\r\n');
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
