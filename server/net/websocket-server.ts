/**
 * The outside: the only importer of uWebSockets.js. Turns its sockets into {@link Socket}s and its HTTP requests into
 * plain values; knows nothing of frames. Called by create-hub.
 */
import {
  App,
  type HttpRequest,
  type HttpResponse,
  type us_listen_socket,
  us_listen_socket_close,
  us_socket_local_port,
  type WebSocket,
} from 'uWebSockets.js';
import type { CodecForm } from '../../shared/codec.ts';
import { SUBPROTOCOLS } from '../../shared/frames.ts';
import { LIVE_MARK_BYTES, type SendResult } from '../hub/sink.ts';
import type { Socket, SocketEvents } from './socket.ts';

/**
 * uWebSockets.js cuts a connection without a close frame beyond this (1006). Up to here connection.ts says
 * `frame-too-large`, which needs the whole message to have come.
 */
const TRANSPORT_FRAME_BYTES = 16 * 1024 * 1024;
/** Never reached: send marks end long before. It is checked before an append only, and drops in silence. */
const TRANSPORT_BACKPRESSURE_BYTES = 1024 * 1024 * 1024;
/** uWebSockets.js's DISABLED, whose types do not give it a value. */
const NO_COMPRESSION = 0;
/** A peer that answers no ping for so long is gone. uWebSockets.js pings by itself. */
const IDLE_TIMEOUT_S = 120;
/**
 * A peer that does not take what is buffered before the close is cut after this. uWebSockets.js by itself would hold
 * its buffer for another 16 s, and give no hold of it.
 */
const CLOSE_TIMEOUT_MS = 2000;

export interface HttpAnswer {
  readonly status: string;
  readonly type: string;
  readonly body: string | Uint8Array;
  /** Beside those that every answer has. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** Headers that were not sent are empty. */
export interface HttpQuestion {
  readonly path: string;
  readonly authorization: string;
  readonly accept: string;
  readonly acceptEncoding: string;
  readonly ifNoneMatch: string;
}

export interface ServerOptions<E extends SocketEvents> {
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  readonly maxConnections: number;
  accept(socket: Socket): E;
  /** One connection too many: it is to be told so, and ended. */
  refuse(socket: Socket): void;
  answer(question: HttpQuestion): HttpAnswer | Promise<HttpAnswer>;
}

export interface SocketServer<E extends SocketEvents> {
  readonly port: number;
  readonly connectionCount: number;
  /** What was accepted and is not closed yet. */
  accepted(): Iterable<E>;
  /** Takes no new connections; the open ones go on. */
  stopListening(): void;
  /** Cuts what is still open. */
  close(): void;
}

interface SocketData<E extends SocketEvents> {
  readonly form: CodecForm;
  socket: UwsSocket<E> | undefined;
}

type Uws<E extends SocketEvents> = WebSocket<SocketData<E>>;

/** Said goodbye; the close frame waits until what is buffered has gone out. */
interface Ending {
  readonly code: number;
  readonly reason: string;
  readonly cutTimer: NodeJS.Timeout | undefined;
}

class UwsSocket<E extends SocketEvents> implements Socket {
  readonly form: CodecForm;
  isFull = false;
  /** Who is told; none where the connection was refused. */
  events: E | undefined;
  /** Undefined once it is gone: the native socket must not be touched then. */
  #ws: Uws<E> | undefined;
  #ending: Ending | undefined;

  constructor(ws: Uws<E>, form: CodecForm) {
    this.#ws = ws;
    this.form = form;
  }

  get remoteAddress(): string {
    return this.#ws ? Buffer.from(this.#ws.getRemoteAddressAsText()).toString('ascii') : '';
  }

  get bufferedBytes(): number {
    return this.#ws ? this.#ws.getBufferedAmount() : 0;
  }

  send(frame: Uint8Array): SendResult {
    const ws = this.#ws;
    if (!ws || this.#ending) return 'closed';
    // 1: all taken. 0: some of it waits. 2 (dropped) cannot be: the limit is out of reach.
    if (ws.send(frame as Uint8Array<ArrayBuffer>, this.form === 'msgpack', false) === 1) return 'sent';
    return this.noteBuffered();
  }

  cork(run: () => void): void {
    if (this.#ws) this.#ws.cork(run);
    else run();
    // What the cork held may have found the kernel full.
    if (this.#ws && !this.isFull) this.noteBuffered();
  }

  end(code: number, reason: string): void {
    if (!this.#ws || this.#ending) return;
    const isLate = this.bufferedBytes > 0;
    const cutTimer = isLate ? setTimeout(() => this.cut(), CLOSE_TIMEOUT_MS).unref() : undefined;
    this.#ending = { code, reason, cutTimer };
    if (!isLate) this.#ws.end(code, reason);
  }

  cut(): void {
    this.#ws?.close();
  }

  /** Room again. */
  drained(): void {
    const buffered = this.bufferedBytes;
    this.isFull = buffered > LIVE_MARK_BYTES;
    if (this.#ending && buffered === 0) this.#ws?.end(this.#ending.code, this.#ending.reason);
  }

  gone(): void {
    this.#ws = undefined;
    clearTimeout(this.#ending?.cutTimer);
  }

  // A method with # would take a field of every socket.
  private noteBuffered(): SendResult {
    if (!this.#ws) return 'closed';
    const buffered = this.#ws.getBufferedAmount();
    if (buffered > LIVE_MARK_BYTES) this.isFull = true;
    return this.isFull ? 'full' : 'buffered';
  }
}

/**
 * Without it a second hub could listen on the same port (SO_REUSEPORT), and the kernel would share the connections out
 * between the two.
 */
const LIBUS_LISTEN_EXCLUSIVE_PORT = 1;

type ExclusiveListen = (
  host: string,
  port: number,
  options: number,
  done: (listening: us_listen_socket | false) => void,
) => void;

/** Rejects when the address cannot be listened on. */
export function startServer<E extends SocketEvents>(options: ServerOptions<E>): Promise<SocketServer<E>> {
  const sockets = new Set<UwsSocket<E>>();
  const app = App();
  app.ws<SocketData<E>>('/*', {
    compression: NO_COMPRESSION,
    maxPayloadLength: TRANSPORT_FRAME_BYTES,
    maxBackpressure: TRANSPORT_BACKPRESSURE_BYTES,
    idleTimeout: IDLE_TIMEOUT_S,
    sendPingsAutomatically: true,
    upgrade(response, request, context) {
      const form = formOf(request.getHeader('sec-websocket-protocol'));
      if (!form) return refuseUpgrade(response, '400 Bad Request', NO_SUBPROTOCOL);
      response.upgrade<SocketData<E>>(
        { form, socket: undefined },
        request.getHeader('sec-websocket-key'),
        SUBPROTOCOLS[form],
        request.getHeader('sec-websocket-extensions'),
        context,
      );
    },
    open(ws) {
      const data = ws.getUserData();
      data.socket = new UwsSocket(ws, data.form);
      sockets.add(data.socket);
      // Told over the WebSocket, as a browser is not shown what HTTP answers.
      if (sockets.size > options.maxConnections) options.refuse(data.socket);
      else data.socket.events = options.accept(data.socket);
    },
    message(ws, message, isBinary) {
      ws.getUserData().socket?.events?.receive(new Uint8Array(message), isBinary);
    },
    drain(ws) {
      const { socket } = ws.getUserData();
      socket?.drained();
      socket?.events?.drained();
    },
    ping(ws) {
      ws.getUserData().socket?.events?.pinged();
    },
    close(ws) {
      const { socket } = ws.getUserData();
      if (!socket) return;
      sockets.delete(socket);
      socket.gone();
      socket.events?.closed();
    },
  });
  app.any('/*', (response, request) => void serve(options, response, request));
  return new Promise((resolve, reject) => {
    // Its types leave this form out.
    const listen = app.listen.bind(app) as unknown as ExclusiveListen;
    listen(options.host, options.port, LIBUS_LISTEN_EXCLUSIVE_PORT, (listening) => {
      if (listening) resolve(serverOf(listening, sockets));
      else
        reject(
          new Error(
            `cannot listen on ${options.host}:${options.port}: the port is in use, or not for you to use`,
          ),
        );
    });
  });
}

const NO_SUBPROTOCOL = `offer the WebSocket subprotocol ${SUBPROTOCOLS.msgpack} or ${SUBPROTOCOLS.json}\n`;

function formOf(offered: string): CodecForm | undefined {
  const names = offered.split(',').map((name) => name.trim());
  if (names.includes(SUBPROTOCOLS.msgpack)) return 'msgpack';
  return names.includes(SUBPROTOCOLS.json) ? 'json' : undefined;
}

function refuseUpgrade(response: HttpResponse, status: string, text: string): void {
  response.writeStatus(status).writeHeader('content-type', 'text/plain').end(text);
}

async function serve(
  options: Pick<ServerOptions<SocketEvents>, 'answer'>,
  response: HttpResponse,
  request: HttpRequest,
): Promise<void> {
  let isAborted = false;
  response.onAborted(() => {
    isAborted = true;
  });
  const question: HttpQuestion = {
    path: request.getUrl(),
    authorization: request.getHeader('authorization'),
    accept: request.getHeader('accept'),
    acceptEncoding: request.getHeader('accept-encoding'),
    ifNoneMatch: request.getHeader('if-none-match'),
  };
  const isHead = request.getMethod() === 'head';
  let answer: HttpAnswer;
  try {
    answer = await options.answer(question);
  } catch {
    answer = {
      status: '500 Internal Server Error',
      type: 'text/plain',
      body: 'the hub failed: its log says more\n',
    };
  }
  if (!isAborted) response.cork(() => write(response, answer, isHead));
}

function write(
  response: HttpResponse,
  { status, type, body, headers = {} }: HttpAnswer,
  isHead: boolean,
): void {
  response.writeStatus(status);
  // An answer without a body has no type of one.
  if (body.length > 0) response.writeHeader('content-type', type);
  response.writeHeader('x-content-type-options', 'nosniff');
  for (const [name, value] of Object.entries(headers)) response.writeHeader(name, value);
  // uWebSockets.js closes the connection behind an answer that says a length and has no body.
  if (isHead) response.writeHeader('connection', 'close').endWithoutBody(Buffer.byteLength(body));
  else response.end(body as string);
}

function serverOf<E extends SocketEvents>(
  listening: us_listen_socket,
  sockets: Set<UwsSocket<E>>,
): SocketServer<E> {
  let isListening = true;
  const stopListening = () => {
    if (isListening) us_listen_socket_close(listening);
    isListening = false;
  };
  return {
    port: us_socket_local_port(listening),
    get connectionCount() {
      return sockets.size;
    },
    *accepted() {
      for (const { events } of sockets) if (events) yield events;
    },
    stopListening,
    close() {
      stopListening();
      for (const socket of [...sockets]) socket.cut();
    },
  };
}
