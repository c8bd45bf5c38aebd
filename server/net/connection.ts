/**
 * One client's connection, from the first byte to the close: its states, hello, what it may send in a turn, and how it
 * ends. What it asks for once it is welcome is its session's. Knows no socket library (websocket-server hands it a
 * Socket). A fault of the client ends this connection only.
 */
import { nanoid } from 'nanoid';
import { type Codec, codecOf } from '../../shared/codec.ts';
import { CLOSE_CODES, type CloseReason, RingcastError } from '../../shared/errors.ts';
import {
  type ClientFrame,
  FEATURES,
  type Hello,
  type Limits,
  type ServerFrame,
} from '../../shared/frames.ts';
import type { VerifiedToken } from '../auth/verify-token.ts';
import type { Reader, ReaderIdentity } from '../hub/reader.ts';
import { type ConnectionState, nextConnectionState } from './connection-state.ts';
import { NOT_WAITING, type Waiter } from './deadlines.ts';
import { asRingcastError, errorFrame } from './error-frame.ts';
import { type FrameHandler, Inbox } from './inbox.ts';
import type { ConnectionLimits, ConnectionServices } from './services.ts';
import { Session, type SessionPort } from './session.ts';
import type { Socket, SocketEvents } from './socket.ts';

/** A small frame counts as so many bytes of a turn: what it costs is not its length. */
const LEAST_FRAME_BYTES = 128;

/** Answers may wait for a client that does not read, up to so many bytes. */
const MAX_UNREAD_BYTES = 8 * 1024 * 1024;

export class Connection implements SocketEvents, SessionPort, FrameHandler, Waiter {
  readonly id = nanoid(12);
  readonly #services: ConnectionServices;
  readonly #socket: Socket;
  readonly #codec: Codec;
  readonly #inbox: Inbox;
  #state: ConnectionState = 'awaiting-hello';
  #session: Session | undefined;
  #clientName: string | null = null;
  #turn = 0;
  /** What came in this turn of the event loop. */
  #turnBytes = 0;
  /** It waits for hello. */
  place = NOT_WAITING;

  constructor(socket: Socket, services: ConnectionServices) {
    this.#services = services;
    this.#socket = socket;
    this.#codec = codecOf(socket.form);
    const { maxFrameBytes, publishCreditBytes } = services.limits;
    this.#inbox = new Inbox(2 * publishCreditBytes + maxFrameBytes, this);
    services.deadlines.set(this, services.helloTimeoutMs);
  }

  /** Hello is late. */
  due(): void {
    const text = 'no hello came in time: send it first, and at once';
    this.fail(new RingcastError('hello-timeout', text), 'hello-timeout');
  }

  get state(): ConnectionState {
    return this.#state;
  }

  get isOpen(): boolean {
    return this.#state === 'open';
  }

  get identity(): ReaderIdentity {
    return { connection: this.id, client: this.#clientName, subject: this.#session?.subject ?? null };
  }

  /** Undefined until it is welcome. */
  get reader(): Reader | undefined {
    return this.#session?.reader;
  }

  /** Bytes that wait in the process for the client to take them. */
  get bufferedBytes(): number {
    return this.#socket.bufferedBytes;
  }

  /** A message came; its bytes are valid only now. */
  receive(bytes: Uint8Array, isBinary: boolean): void {
    const isFlood = this.#countTurn(bytes.length);
    if (this.#state === 'closed') {
      // It was told; one that floods on is not heard out.
      if (isFlood) this.#socket.cut();
      return;
    }
    if (isFlood) {
      this.failCredit();
      return;
    }
    const { maxFrameBytes } = this.#services.limits;
    if (bytes.length > maxFrameBytes) {
      const text = `a frame of ${bytes.length} bytes is over the limit of ${maxFrameBytes}: send less at once`;
      this.fail(new RingcastError('frame-too-large', text), 'frame-too-large');
    } else if (isBinary !== (this.#codec.form === 'msgpack')) {
      const wanted = isBinary
        ? 'ringcast.v1.json takes text messages'
        : 'ringcast.v1.msgpack takes binary messages';
      this.fail(new RingcastError('bad-frame', wanted), 'bad-frame');
    } else if (!this.#inbox.take(bytes)) {
      this.failCredit();
    }
  }

  /**
   * Whether more came within this turn of the event loop than one that keeps to its credit can send: uSockets reads on
   * while a receive fills its buffer, and everyone else waits for as long.
   */
  #countTurn(frameBytes: number): boolean {
    const { number } = this.#services.turn;
    if (number !== this.#turn) {
      this.#turn = number;
      this.#turnBytes = 0;
    }
    const { publishCreditBytes, maxFrameBytes } = this.#services.limits;
    // One that is too large is refused as that.
    this.#turnBytes += Math.min(maxFrameBytes, Math.max(frameBytes, LEAST_FRAME_BYTES));
    return this.#turnBytes > 2 * publishCreditBytes + 2 * maxFrameBytes;
  }

  /** The socket has taken all or some of what was buffered. */
  drained(): void {
    if (this.#session && this.#socket.bufferedBytes === 0) {
      this.#services.hub.catchUp.drained(this.#session.reader);
    }
  }

  /** The socket has answered a ping by itself. */
  pinged(): void {
    // It answers even while the connection ends, and its answers must not pile up behind a close that nobody reads.
    if (this.#state !== 'closed') this.#refuseUnread();
    else if (this.#socket.bufferedBytes > MAX_UNREAD_BYTES) this.#socket.cut();
  }

  /** The socket is gone. */
  closed(): void {
    if (this.#state !== 'closed') this.#leave();
  }

  /** Says why and ends the connection. */
  fail(error: RingcastError, reason: CloseReason): void {
    if (this.#state === 'closed') return;
    const who = { connection: this.id, client: this.#clientName, address: this.#socket.remoteAddress };
    this.#services.log.debug({ ...who, code: error.code }, `connection ended: ${error.message}`);
    this.#logInternal(error);
    this.#write(errorFrame(null, error));
    this.#leave();
    this.#socket.end(CLOSE_CODES[reason], reason);
  }

  /** The hub is stopping. */
  goAway(reconnectAfterMs: number): void {
    if (this.#state === 'closed') return;
    this.#write({ op: 'going-away', reconnectAfterMs });
    this.#leave();
    this.#socket.end(CLOSE_CODES['going-away'], 'going-away');
  }

  send(frame: ServerFrame): void {
    if (this.#state === 'closed') return;
    this.#write(frame);
    if (this.#socket.isFull) this.#refuseUnread();
  }

  sendError(id: number | null, error: RingcastError, details?: Record<string, unknown>): void {
    this.#logInternal(error);
    this.send(errorFrame(id, error, details));
  }

  failInternally(cause: unknown): void {
    this.fail(asRingcastError(cause), 'internal-error');
  }

  failCredit(): void {
    const text =
      'far more was sent than the publish credit allows: wait for publish-credit before sending on';
    this.fail(new RingcastError('credit-exceeded', text), 'credit-exceeded');
  }

  failLagging(error: RingcastError): void {
    this.fail(error, 'lagging');
  }

  failReplaced(): void {
    const text =
      'another connection said hello as this producer: each producer has one connection, and an id of its own';
    this.fail(new RingcastError('producer-replaced', text), 'producer-replaced');
  }

  failExpired(): void {
    const text = 'the token has expired: connect again with another';
    this.fail(new RingcastError('token-expired', text), 'token-expired');
  }

  /** Sends what must go out however much waits: it is the last. */
  #write(frame: ServerFrame): void {
    this.#socket.send(this.#codec.encodeServer(frame));
  }

  #refuseUnread(): void {
    if (this.#socket.bufferedBytes <= MAX_UNREAD_BYTES) return;
    this.fail(new RingcastError('not-reading', 'this client does not read its answers'), 'not-reading');
  }

  #leave(): void {
    this.#state = nextConnectionState(this.#state, 'close');
    this.#services.deadlines.cancel(this);
    this.#inbox.close();
    this.#session?.close();
  }

  handle(bytes: Uint8Array): Promise<void> | undefined {
    if (this.#state === 'closed') return undefined;
    let frame: ClientFrame;
    try {
      frame = this.#codec.decodeClient(bytes);
    } catch (cause) {
      this.#refuseFrame(cause);
      return undefined;
    }
    if (this.#state === 'awaiting-hello') return this.#first(frame);
    if (frame.op !== 'hello') return this.#session!.handle(frame, bytes.length);
    const text = 'hello is sent once: use refresh for a new token';
    this.fail(new RingcastError('hello-repeated', text), 'bad-frame');
    return undefined;
  }

  foresee(bytes: Uint8Array): void {
    if (!this.#session) return;
    try {
      this.#session.foresee(this.#codec.decodeClient(bytes));
    } catch {
      // It is told when its turn comes.
    }
  }

  #refuseFrame(cause: unknown): void {
    const error =
      cause instanceof RingcastError
        ? cause
        : new RingcastError('bad-frame', 'the frame cannot be read', { cause });
    if (error.code === 'unknown-opcode' && this.#state === 'open') this.sendError(null, error);
    else if (error.code === 'unknown-opcode') this.#failHello();
    else this.fail(error, 'bad-frame');
  }

  #first(frame: ClientFrame): Promise<void> | undefined {
    if (frame.op === 'hello') return this.#hello(frame);
    this.#failHello();
    return undefined;
  }

  #failHello(): void {
    this.fail(new RingcastError('hello-required', 'the first frame must be hello'), 'hello-required');
  }

  async #hello({ token, client, producerId, features }: Hello): Promise<void> {
    const { verifier, limits, serverName } = this.#services;
    this.#state = nextConnectionState(this.#state, 'hello');
    this.#services.deadlines.cancel(this);
    this.#clientName = client;
    let verified: VerifiedToken;
    try {
      verified = await verifier.verify(token);
    } catch (cause) {
      this.#refuseToken(asRingcastError(cause));
      return;
    }
    if (this.#state !== 'verifying') return;
    this.#state = nextConnectionState(this.#state, 'accepted');
    const known = FEATURES.filter((feature) => features.includes(feature));
    this.#session = new Session(
      this.#socket,
      this.#services,
      verified,
      { producerId, features: known },
      this,
    );
    this.send({
      op: 'welcome',
      connectionId: this.id,
      features: known,
      limits: { ...welcomeLimits(limits) },
      publishCreditBytes: limits.publishCreditBytes,
      tokenExpiresAtMs: verified.expiresAtMs,
      server: serverName,
      timeMs: this.#services.hub.nowMs,
    });
  }

  #refuseToken(error: RingcastError): void {
    // The endpoint of the keys being down is no fault of the token: the client comes back with the same one.
    this.fail(error, error.advice === 'refresh-token' ? 'token-refused' : 'internal-error');
  }

  #logInternal(error: RingcastError): void {
    if (error.code === 'internal')
      this.#services.log.error({ connection: this.id, err: error }, error.message);
  }
}

function welcomeLimits(limits: ConnectionLimits): Limits {
  const { maxFrameBytes, maxRecordBytes, maxKeyBytes, maxMetaBytes, pageBytes } = limits;
  const { maxSubscriptionsPerConnection: maxSubscriptions, maxPullsPerConnection: maxPulls } = limits;
  return { maxFrameBytes, maxRecordBytes, maxKeyBytes, maxMetaBytes, maxSubscriptions, maxPulls, pageBytes };
}
