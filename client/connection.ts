/**
 * One lasting connection to a hub, made of many short ones: carries out what connection-state decides (tokens, hello,
 * timers, reconnecting) and turns frames into bytes and back. Knows nothing of channels; hands every other frame to
 * the client. Called by client.ts only.
 */
import { decodeServer } from '../shared/client-codec.ts';
import { RingcastError } from '../shared/errors.ts';
import {
  type ErrorFrame,
  FEATURES,
  type RequestFrame,
  type ServerFrame,
  type Welcome,
} from '../shared/frames.ts';
import { encodeRequest } from '../shared/request-writer.ts';
import {
  type ConnectionEffect,
  type ConnectionEvent,
  type ConnectionState,
  decideConnection,
  INITIAL_CONNECTION,
} from './connection-state.ts';
import { Heartbeat } from './heartbeat.ts';
import type { Settings, TokenSource } from './options.ts';
import { errorFrom } from './requests.ts';
import type { Transport } from './transport.ts';

/** How long the closing handshake may take, ms. */
const HANG_UP_MS = 2000;

export interface ConnectionHandlers {
  onLive(welcome: Welcome): void;
  /** Nothing that was sent and not answered will be. */
  onLost(): void;
  /** `bytes`: its length on the wire. */
  onFrame(frame: ServerFrame, bytes: number): void;
  onState(state: ConnectionState): void;
  /** Call `drained()` when nothing is outstanding. */
  onDrain(): void;
}

export class Connection {
  /** May be replaced: the next attempt uses it. */
  token: TokenSource | null;
  readonly #settings: Settings;
  readonly #handlers: ConnectionHandlers;
  readonly #heartbeat: Heartbeat;
  readonly #events: ConnectionEvent[] = [];
  /** Under this name the hub knows, on every connection, what this client has published. */
  readonly #producerId: string;
  #state = INITIAL_CONNECTION;
  #transport: Transport | undefined;
  /** Grows with each attempt and each end of one: what was started in another life is ignored. */
  #life = 0;
  #hello: string | null = null;
  #welcome: Welcome | undefined;
  #cancelTimer: (() => void) | undefined;
  #stopWatching: (() => void) | undefined;

  constructor(settings: Settings, handlers: ConnectionHandlers, producerId: string) {
    this.#producerId = producerId;
    this.#settings = settings;
    this.#handlers = handlers;
    this.token = settings.token;
    this.#heartbeat = new Heartbeat(settings.clock, settings.pingIntervalMs, {
      ping: (id) => this.send({ op: 'ping', id }),
      dead: (silentMs) => this.#broken('timeout', `the hub was silent for ${Math.round(silentMs)} ms`),
    });
  }

  get state(): ConnectionState {
    return this.#state;
  }

  /** Whether frames may be sent. */
  get ready(): boolean {
    return this.#state.name === 'live' || this.#state.name === 'draining';
  }

  /** Bytes that the transport has not sent yet. */
  get bufferedBytes(): number {
    return this.#transport?.bufferedAmount ?? 0;
  }

  start(): void {
    const { wakeSignals, clock } = this.#settings;
    this.#stopWatching = wakeSignals.watch(clock, (type) => this.#on({ type }));
    this.#on({ type: 'start' });
  }

  close(): void {
    this.#on({ type: 'close' });
  }

  drained(): void {
    this.#on({ type: 'drained' });
  }

  giveUp(failure: RingcastError): void {
    this.#on({ type: 'give-up', failure });
  }

  /** Only while {@link ready}. Returns what the frame takes on the wire, in bytes. */
  send(frame: RequestFrame): number {
    return this.sendBytes(encodeRequest(frame));
  }

  /** As {@link send}, for a frame that is bytes already. */
  sendBytes(bytes: Uint8Array): number {
    this.#transport!.send(bytes);
    return bytes.length;
  }

  /** Gets a token from where tokens come from; a function's failure is its own. */
  async fetchToken(): Promise<string | null> {
    const token = typeof this.token === 'function' ? await this.token() : this.token;
    if (token !== null && typeof token !== 'string') throw new TypeError('token() must return a string');
    return token;
  }

  /** Each event is dealt with to its end before the next: what handlers set off meanwhile waits its turn. */
  #on(event: ConnectionEvent): void {
    this.#events.push(event);
    if (this.#events.length > 1) return;
    for (let next = this.#events[0]; next; next = this.#events[0]) {
      try {
        this.#step(next);
      } finally {
        this.#events.shift();
      }
    }
  }

  #step(event: ConnectionEvent): void {
    const before = this.#state;
    const { clock, backoff, wakeSignals } = this.#settings;
    const step = decideConnection(before, event, {
      nowMs: clock.monotonicMs(),
      wallMs: clock.nowMs(),
      backoff,
      tokenRenewable: typeof this.token === 'function',
      networkAbsent: wakeSignals.networkAbsent,
    });
    this.#state = step.state;
    if (step.state.name !== before.name) this.#enter(step.state);
    for (const effect of step.effects) this.#run(effect);
    if (step.state.name !== before.name) this.#handlers.onState(step.state);
  }

  /** Timers and transport belong to states: what the next one has no use for ends here. */
  #enter({ name }: ConnectionState): void {
    if (name === 'opening' || name === 'greeting') return;
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    if (name === 'live') this.#heartbeat.start();
    else if (name !== 'draining') this.#heartbeat.stop();
    if (name === 'waiting' || name === 'closed') this.#life++;
    if (name === 'closed') this.#stopWatching?.();
  }

  #run(effect: ConnectionEffect): void {
    switch (effect.do) {
      case 'authorize':
        this.#authorize();
        break;
      case 'open':
        this.#open();
        break;
      case 'greet':
        this.send({
          op: 'hello',
          token: this.#hello,
          client: this.#settings.clientName,
          features: FEATURES,
          producerId: this.#producerId,
        });
        return;
      case 'announce-live':
        this.#handlers.onLive(this.#welcome!);
        break;
      case 'announce-lost':
        this.#handlers.onLost();
        break;
      case 'probe':
        this.#heartbeat.probe();
        break;
      case 'wait':
        this.#arm(effect.delayMs, () => this.#on({ type: 'retry' }));
        break;
      case 'drain':
        this.#handlers.onDrain();
        break;
      case 'hang-up':
        this.#transport?.close(1000);
        this.#arm(HANG_UP_MS, () => this.#broken('timeout', 'the hub did not answer the close'));
        break;
      case 'drop':
        this.#transport?.close();
        this.#transport = undefined;
    }
  }

  #arm(delayMs: number, run: () => void): void {
    this.#cancelTimer?.();
    this.#cancelTimer = this.#settings.clock.after(delayMs, run);
  }

  #authorize(): void {
    const life = ++this.#life;
    const { attemptTimeoutMs } = this.#settings;
    this.#arm(attemptTimeoutMs, () =>
      this.#broken('timeout', `no welcome within ${attemptTimeoutMs} ms; is ${this.#settings.url} a hub?`),
    );
    this.fetchToken().then(
      (token) => {
        if (life !== this.#life) return;
        this.#hello = token;
        this.#on({ type: 'token' });
      },
      (cause: unknown) => {
        if (life !== this.#life) return;
        const failure = new RingcastError('token-missing', 'the function that gets the token failed', {
          cause,
        });
        this.#on({ type: 'token-failed', failure });
      },
    );
  }

  #open(): void {
    const life = this.#life;
    const inThisLife = (run: () => void) => {
      if (life === this.#life) run();
    };
    try {
      this.#transport = this.#settings.openTransport(this.#settings.url, {
        onOpen: () => inThisLife(() => this.#on({ type: 'opened' })),
        onMessage: (bytes) => inThisLife(() => this.#receive(bytes)),
        onClose: (code, reason) => inThisLife(() => this.#on({ type: 'disconnected', code, reason })),
      });
    } catch (error) {
      // Platforms may refuse a URL outright, browsers an insecure one for example.
      this.#on({ type: 'disconnected', code: 1006, reason: String(error) });
    }
  }

  #receive(bytes: Uint8Array): void {
    this.#heartbeat.heard();
    try {
      const frame = decodeServer(bytes);
      if (frame) this.#handle(frame, bytes.length);
    } catch (error) {
      if (!(error instanceof RingcastError) || error.code !== 'bad-frame') throw error;
      this.#on({ type: 'broken', failure: error });
    }
  }

  #handle(frame: ServerFrame, bytes: number): void {
    switch (frame.op) {
      case 'welcome':
        this.#welcome = frame;
        this.#on({ type: 'welcomed' });
        break;
      case 'pong':
        this.#heartbeat.answered(frame.id);
        return;
      case 'going-away':
        this.#on({ type: 'going-away', reconnectAfterMs: frame.reconnectAfterMs });
        return;
      case 'error':
        if (!concernsConnection(frame)) break;
        this.#on({ type: 'complaint', failure: errorFrom(frame) });
        return;
    }
    if (this.ready) this.#handlers.onFrame(frame, bytes);
  }

  #broken(code: 'timeout', message: string): void {
    this.#on({ type: 'broken', failure: new RingcastError(code, message) });
  }
}

/** Errors without a request id announce the connection's end, unless they name a channel. */
function concernsConnection({ id, code, details }: ErrorFrame): boolean {
  if (id !== null || code === 'unknown-opcode') return false;
  return details?.channel === undefined && details?.channelNumber === undefined;
}
