/**
 * One client's connection: its states, its token, and each frame to the verb that it asks for. Knows no socket library
 * (websocket-server hands it a Socket) and no log (the hub's verbs do). A fault of the client ends this connection only.
 */
import { nanoid } from 'nanoid';
import { type Codec, codecOf } from '../../shared/codec.ts';
import { CLOSE_CODES, type CloseReason, RingcastError } from '../../shared/errors.ts';
import type {
  ClientFrame,
  ErrorFrame,
  Hello,
  Limits,
  Publish,
  Pull,
  Refresh,
  ServerFrame,
  Subscribe,
  Unsubscribe,
} from '../../shared/frames.ts';
import type { VerifiedToken } from '../auth/verify-token.ts';
import { publish } from '../hub/publish.ts';
import { Publisher } from '../hub/publisher.ts';
import { pull } from '../hub/pull.ts';
import { Reader } from '../hub/reader.ts';
import { subscribe } from '../hub/subscribe.ts';
import { type ConnectionState, nextConnectionState } from './connection-state.ts';
import { Inbox } from './inbox.ts';
import type { ConnectionLimits, ConnectionServices } from './services.ts';
import type { Socket } from './socket.ts';
import { TokenWatch } from './token-watch.ts';

/** A small frame counts as so many bytes of a turn: what it costs is not its length. */
const LEAST_FRAME_BYTES = 128;

/** Answers may wait for a client that does not read, up to so many bytes. */
const MAX_UNREAD_BYTES = 8 * 1024 * 1024;

export class Connection {
  readonly id = nanoid(12);
  readonly #services: ConnectionServices;
  readonly #socket: Socket;
  readonly #codec: Codec;
  readonly #inbox: Inbox;
  readonly #publisher: Publisher;
  readonly #reader: Reader;
  #state: ConnectionState = 'awaiting-hello';
  #token: TokenWatch | undefined;
  #clientName: string | null = null;
  #pulls = 0;
  #turn = 0;
  /** What came in this turn of the event loop. */
  #turnBytes = 0;
  #cancelHelloTimer: (() => void) | undefined;

  constructor(socket: Socket, services: ConnectionServices) {
    this.#services = services;
    this.#socket = socket;
    this.#codec = codecOf(socket.form);
    const { maxFrameBytes, publishCreditBytes } = services.limits;
    this.#inbox = new Inbox(
      2 * publishCreditBytes + maxFrameBytes,
      (bytes) => this.#handle(bytes),
      (bytes) => this.#foresee(bytes),
    );
    this.#publisher = new Publisher(publishCreditBytes, (frame) => this.send(frame));
    this.#reader = new Reader(socket, (cause) => this.fail(asError(cause), 'internal-error'));
    this.#cancelHelloTimer = services.clock.after(services.helloTimeoutMs, () =>
      this.fail(
        new RingcastError('hello-timeout', 'no hello came in time: send it first, and at once'),
        'hello-timeout',
      ),
    );
  }

  get state(): ConnectionState {
    return this.#state;
  }

  get clientName(): string | null {
    return this.#clientName;
  }

  get reader(): Reader {
    return this.#reader;
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
      this.#failCredit();
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
      this.#failCredit();
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
    if (this.#socket.bufferedBytes === 0) this.#services.hub.catchUp.drained(this.#reader);
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
    this.#services.log.debug({ connection: this.id, code: error.code }, `connection ended: ${error.message}`);
    this.#write(this.#errorFrame(null, error));
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
    this.#cancelHelloTimer?.();
    this.#token?.close();
    this.#inbox.close();
    this.#services.hub.closeReader(this.#reader);
    this.#services.hub.forgetPublisher(this.#publisher);
  }

  #handle(bytes: Uint8Array): Promise<void> | undefined {
    if (this.#state === 'closed') return undefined;
    let frame: ClientFrame;
    try {
      frame = this.#codec.decodeClient(bytes);
    } catch (cause) {
      this.#refuseFrame(cause);
      return undefined;
    }
    if (this.#state === 'awaiting-hello') return this.#first(frame);
    return this.#dispatch(frame, bytes.length);
  }

  /**
   * A frame waits behind one whose channel is being opened: begin opening its own. After a restart each channel's first
   * use asks the store, and one after the other they would take as many round trips as there are channels.
   */
  #foresee(bytes: Uint8Array): void {
    const grants = this.#token?.grants;
    if (this.#state !== 'open' || !grants) return;
    try {
      const frame = this.#codec.decodeClient(bytes);
      if (frame.op === 'publish') {
        for (const { channel } of frame.entries) {
          if (grants.mayPublish(channel)) this.#services.hub.foresee(channel);
        }
      } else if (frame.op === 'subscribe' || frame.op === 'pull') {
        if (grants.maySubscribe(frame.channel)) this.#services.hub.foresee(frame.channel);
      }
    } catch {
      // It is told when its turn comes.
    }
  }

  #refuseFrame(cause: unknown): void {
    const error =
      cause instanceof RingcastError
        ? cause
        : new RingcastError('bad-frame', 'the frame cannot be read', { cause });
    if (error.code === 'unknown-opcode' && this.#state === 'open') this.#sendError(null, error);
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

  #failCredit(): void {
    const text =
      'far more was sent than the publish credit allows: wait for publish-credit before sending on';
    this.fail(new RingcastError('credit-exceeded', text), 'credit-exceeded');
  }

  #dispatch(frame: ClientFrame, frameBytes: number): Promise<void> | undefined {
    switch (frame.op) {
      case 'hello':
        this.fail(
          new RingcastError('hello-repeated', 'hello is sent once: use refresh for a new token'),
          'bad-frame',
        );
        return undefined;
      case 'publish':
        return this.#publish(frame, frameBytes);
      case 'subscribe':
        return this.#subscribe(frame);
      case 'unsubscribe':
        this.#unsubscribe(frame);
        return undefined;
      case 'pull':
        this.#pull(frame);
        return undefined;
      case 'refresh':
        return this.#refresh(frame);
      case 'ping':
        this.send({ op: 'pong', id: frame.id });
        return undefined;
    }
  }

  async #hello({ token, client }: Hello): Promise<void> {
    const { verifier, clock, tokens, limits, serverName } = this.#services;
    this.#state = nextConnectionState(this.#state, 'hello');
    this.#cancelHelloTimer?.();
    this.#clientName = client;
    let verified: VerifiedToken;
    try {
      verified = await verifier.verify(token);
    } catch (cause) {
      this.#refuseToken(asError(cause));
      return;
    }
    if (this.#state !== 'verifying') return;
    this.#state = nextConnectionState(this.#state, 'accepted');
    this.#token = new TokenWatch(verified, clock, tokens, (state, expiresAtMs) =>
      this.#tokenState(state, expiresAtMs),
    );
    this.send({
      op: 'welcome',
      connectionId: this.id,
      features: [],
      limits: { ...welcomeLimits(limits) },
      publishCreditBytes: limits.publishCreditBytes,
      tokenExpiresAtMs: verified.expiresAtMs,
      server: serverName,
    });
  }

  #refuseToken(error: RingcastError): void {
    // The endpoint of the keys being down is no fault of the token: the client comes back with the same one.
    this.fail(error, error.advice === 'refresh-token' ? 'token-refused' : 'internal-error');
  }

  #tokenState(state: string, expiresAtMs: number): void {
    if (state === 'expiring') this.send({ op: 'token-expiring', expiresAtMs });
    else if (state === 'expired') {
      this.fail(
        new RingcastError('token-expired', 'the token has expired: connect again with another'),
        'token-expired',
      );
    }
  }

  #publish(frame: Publish, frameBytes: number): Promise<void> | undefined {
    if (!this.#publisher.spend(frameBytes)) {
      this.#failCredit();
      return undefined;
    }
    const { hub } = this.#services;
    hub.settleLater(this.#publisher);
    return publish(hub, this.#publisher, frame, this.#token!.grants.mayPublish, ({ error, channel }) => {
      if (frame.id === 0) this.#publisher.refuseSilent(channel, error);
      else this.#sendError(frame.id, error);
    });
  }

  async #subscribe(request: Subscribe): Promise<void> {
    const { hub } = this.#services;
    try {
      await subscribe(
        hub,
        this.#reader,
        request,
        (channel) => this.#token!.grants.maySubscribe(channel),
        () => this.#state === 'open',
        (result) => this.send({ op: 'ok', id: request.id, result: { ...result } }),
      );
    } catch (cause) {
      this.#sendError(request.id, asError(cause));
    }
  }

  #unsubscribe({ id, channelNumber }: Unsubscribe): void {
    const subscription = this.#reader.subscriptions.get(channelNumber);
    if (!subscription) {
      this.#sendError(
        id,
        new RingcastError('not-subscribed', `no subscription has the channel number ${channelNumber}`),
      );
      return;
    }
    this.#services.hub.closeSubscription(subscription);
    this.send({ op: 'ok', id, result: null });
  }

  #pull(request: Pull): void {
    const { hub, limits } = this.#services;
    if (this.#pulls >= limits.maxPullsPerConnection) {
      const text = `at most ${limits.maxPullsPerConnection} pulls may wait for their answers: pull again when one has come`;
      this.#sendError(request.id, new RingcastError('too-many-requests', text, { retryAfterMs: 50 }));
      return;
    }
    this.#pulls++;
    pull(hub, request, (channel) => this.#token!.grants.maySubscribe(channel))
      .then(
        (page) => this.send(page),
        (cause) => this.#sendError(request.id, asError(cause)),
      )
      .finally(() => this.#pulls--);
  }

  async #refresh({ id, token }: Refresh): Promise<void> {
    let verified: VerifiedToken;
    try {
      verified = await this.#services.verifier.verify(token);
    } catch (cause) {
      this.#sendError(id, asError(cause));
      return;
    }
    if (this.#state !== 'open') return;
    this.#token!.replace(verified);
    this.send({ op: 'ok', id, result: { tokenExpiresAtMs: verified.expiresAtMs } });
    this.#endForbidden();
  }

  /** A shrunken grant takes effect on what is open. */
  #endForbidden(): void {
    for (const subscription of [...this.#reader.subscriptions.values()]) {
      const { name, number } = subscription.channel.log;
      if (this.#token!.grants.maySubscribe(name)) continue;
      this.#services.hub.closeSubscription(subscription);
      const error = new RingcastError(
        'forbidden',
        `the new token grants no subscribing to ${name}: it has ended`,
      );
      this.#sendError(null, error, { channel: name, channelNumber: number });
    }
  }

  #sendError(id: number | null, error: RingcastError, details?: Record<string, unknown>): void {
    this.send(this.#errorFrame(id, error, details));
  }

  #errorFrame(id: number | null, error: RingcastError, details: Record<string, unknown> = {}): ErrorFrame {
    if (error.code === 'internal')
      this.#services.log.error({ connection: this.id, err: error }, error.message);
    const { code, message, retryAfterMs } = error;
    const all = retryAfterMs === undefined ? details : { ...details, retryAfterMs };
    return { op: 'error', id, code, message, details: Object.keys(all).length > 0 ? all : null };
  }
}

function welcomeLimits(limits: ConnectionLimits): Limits {
  const { maxFrameBytes, maxRecordBytes, maxKeyBytes, maxMetaBytes, pageBytes } = limits;
  const { maxSubscriptionsPerConnection: maxSubscriptions, maxPullsPerConnection: maxPulls } = limits;
  return { maxFrameBytes, maxRecordBytes, maxKeyBytes, maxMetaBytes, maxSubscriptions, maxPulls, pageBytes };
}

function asError(cause: unknown): RingcastError {
  if (cause instanceof RingcastError) return cause;
  return new RingcastError('internal', 'the hub failed at this request: its log says more', { cause });
}
