/**
 * A hub in memory for tests of clients: transports that speak the codec, over logs that follow the protocol. It obeys
 * the rules by itself; a test takes single frames into its own hands with `intercept`, and cuts, stalls or damages
 * what it wants. Frames travel one microtask apart and in order, as on a socket.
 */
import type { OpenTransport, Transport, TransportHandlers } from '../../client/transport.ts';
import { msgpackCodec } from '../../shared/codec.ts';
import type { WireErrorCode } from '../../shared/errors.ts';
import type {
  ClientFrame,
  Publish,
  PublishAnswer,
  Pull,
  ServerFrame,
  Subscribe,
} from '../../shared/frames.ts';
import { encodeValue } from '../../shared/msgpack.ts';
import { type Cursor, compareCursors, formatCursor, ORIGIN, type RecordInput } from '../../shared/terms.ts';
import { batchFrame, FakeFeed, runOf } from './fake-feed.ts';
import { FakeLog, type LogEntry } from './fake-log.ts';
import { FakePublishes } from './fake-publishes.ts';

export class FakeHub {
  readonly connections: FakeConnection[] = [];
  readonly logs = new Map<string, FakeLog>();
  readonly publishes = new FakePublishes((channel) => this.log(channel));
  epoch = 7;
  /** The hub's Unix time, ms, as its welcome tells it. */
  timeMs: number | undefined = 1000;
  /** True: the frame is dealt with, the hub does nothing more about it. */
  intercept: (frame: ClientFrame, connection: FakeConnection) => boolean = () => false;
  /** Refuses connections: they close with this code before they open. */
  refuseWith: number | undefined;
  limits: Record<string, number> = {
    maxFrameBytes: 2 ** 20,
    maxRecordBytes: 2 ** 18,
    maxKeyBytes: 255,
    maxSubscriptions: 100,
    pageBytes: 65_536,
  };
  publishCreditBytes = 262_144;
  /** Gives publish credit back by itself. */
  autoCredit = true;
  /** Syncs, and with it answers ack `disk`, by itself. */
  autoSync = true;
  /** Pushes what is appended by itself. */
  autoPush = true;
  recordsPerBatch = 100;
  recordsPerPage = 10;
  tokenExpiresAtMs: number | null = null;

  readonly openTransport: OpenTransport = (_url, handlers) => {
    const connection = new FakeConnection(this, handlers);
    this.connections.push(connection);
    return connection.transport;
  };

  /** The connection made last. */
  get connection(): FakeConnection {
    return this.connections.at(-1)!;
  }

  /** All frames that came over all connections. */
  received<Op extends ClientFrame['op']>(op: Op): Extract<ClientFrame, { op: Op }>[] {
    const frames = this.connections.flatMap((connection) => connection.received);
    return frames.filter((frame): frame is Extract<ClientFrame, { op: Op }> => frame.op === op);
  }

  log(channel: string): FakeLog {
    let log = this.logs.get(channel);
    if (!log) {
      log = new FakeLog(this.epoch);
      this.logs.set(channel, log);
    }
    return log;
  }

  append(channel: string, ...values: unknown[]): LogEntry[] {
    const log = this.log(channel);
    const entries = values.map((value) => log.append({ payload: encodeValue(value) }));
    if (this.autoPush) this.push();
    return entries;
  }

  appendInput(channel: string, input: RecordInput): LogEntry {
    const entry = this.log(channel).append(input);
    if (this.autoPush) this.push();
    return entry;
  }

  push(): void {
    for (const connection of this.connections) connection.push();
  }

  /** Makes all that was taken durable, and says so to those who wait for it. */
  sync(): void {
    this.publishes.sync();
    for (const connection of this.connections) connection.synced();
  }

  /** Cuts all off, and takes back the newest `lost` publish frames that were not synced. */
  crash(lost: number): void {
    for (const connection of this.connections) connection.cut();
    this.publishes.crash(lost, this.logs.keys());
    this.epoch++;
  }
}

export class FakeConnection {
  readonly hub: FakeHub;
  readonly received: ClientFrame[] = [];
  readonly transport: Transport;
  readonly subscriptions = new Map<number, FakeFeed>();
  /** How the client closed it. */
  closedWith: { readonly code: number | undefined } | undefined;
  welcomed = false;
  producerId: string | null = null;
  readonly #handlers: TransportHandlers;
  #open = false;
  #waiting: Uint8Array[] = [];
  #lastNumber = 0;
  #usedCreditBytes = 0;
  /** Answers of ack `disk` that wait for a sync. */
  #unsynced: PublishAnswer[] = [];

  constructor(hub: FakeHub, handlers: TransportHandlers) {
    this.hub = hub;
    this.#handlers = handlers;
    this.transport = {
      bufferedAmount: 0,
      send: (bytes) => {
        const frame = msgpackCodec.decodeClient(bytes.slice());
        queueMicrotask(() => this.#open && this.#receive(frame, bytes.length));
      },
      close: (code) => {
        this.closedWith = { code };
        if (code !== undefined) queueMicrotask(() => this.cut(code));
        else this.#open = false;
      },
    };
    queueMicrotask(() => {
      if (hub.refuseWith !== undefined) return handlers.onClose(hub.refuseWith, 'refused by the test');
      this.#open = true;
      handlers.onOpen();
    });
  }

  get open(): boolean {
    return this.#open;
  }

  /** Ends the connection; what is under way is lost. */
  cut(code = 1006, reason = ''): void {
    if (!this.#open) return;
    this.#open = false;
    this.#handlers.onClose(code, reason);
  }

  /** Returns its bytes. */
  send(frame: ServerFrame): number {
    const bytes = msgpackCodec.encodeServer(frame);
    this.sendBytes(bytes);
    return bytes.length;
  }

  sendBytes(bytes: Uint8Array): void {
    if (!this.#open) return;
    this.#waiting.push(bytes);
    queueMicrotask(() => this.#deliver());
  }

  refuse(id: number | null, code: WireErrorCode, details: Record<string, unknown> | null = null): void {
    this.send({ op: 'error', id, code, message: `${code}, said the test`, details });
  }

  welcome(): void {
    this.welcomed = true;
    const { limits, publishCreditBytes, tokenExpiresAtMs, timeMs } = this.hub;
    this.send({
      op: 'welcome',
      connectionId: `c${this.hub.connections.length}`,
      features: [],
      limits,
      publishCreditBytes,
      tokenExpiresAtMs,
      server: 'fake/1',
      timeMs,
    });
  }

  /** Brings every subscription up to its channel's head. */
  push(): void {
    for (const feed of this.subscriptions.values()) feed.push();
  }

  sendBatch(channelNumber: number, begin: Cursor, entries: readonly LogEntry[]): void {
    this.send(batchFrame(channelNumber, begin, entries));
  }

  /** The number under which the channel is subscribed to. */
  numberOf(channel: string): number {
    for (const [number, subscription] of this.subscriptions) {
      if (subscription.channel === channel) return number;
    }
    throw new Error(`${channel} is not subscribed to`);
  }

  #deliver(): void {
    if (!this.#open) return;
    const bytes = this.#waiting.shift();
    // A buffer of its own, as from a socket.
    if (bytes) this.#handlers.onMessage(bytes.slice());
    if (this.#waiting.length > 0) queueMicrotask(() => this.#deliver());
  }

  #receive(frame: ClientFrame, bytes: number): void {
    this.received.push(frame);
    if (frame.op === 'hello') this.producerId = frame.producerId;
    if (frame.op === 'publish') this.#giveCredit(bytes);
    if (this.hub.intercept(frame, this)) return;
    switch (frame.op) {
      case 'hello':
        this.welcome();
        break;
      case 'subscribe':
        this.subscribe(frame);
        break;
      case 'unsubscribe':
        this.subscriptions.delete(frame.channelNumber);
        this.send({ op: 'ok', id: frame.id, result: null });
        break;
      case 'publish':
        this.takePublish(frame);
        break;
      case 'pull':
        this.answerPull(frame);
        break;
      case 'credit':
        this.subscriptions.get(frame.channelNumber)?.grant(frame.bytes);
        break;
      case 'refresh':
        this.send({ op: 'ok', id: frame.id, result: { tokenExpiresAtMs: this.hub.tokenExpiresAtMs } });
        break;
      case 'ping':
        this.send({ op: 'pong', id: frame.id });
    }
  }

  subscribe({ id, channel, from, options }: Subscribe): void {
    const log = this.hub.log(channel);
    const cursor = log.begin(from);
    if ([...this.subscriptions.values()].some((each) => each.channel === channel)) {
      this.refuse(id, 'already-subscribed');
      return;
    }
    if (!log.knows(cursor)) {
      this.refuse(id, 'unknown-cursor');
      return;
    }
    const channelNumber = ++this.#lastNumber;
    const feed = new FakeFeed(this, channelNumber, channel, cursor, options ?? {});
    this.subscriptions.set(channelNumber, feed);
    const result = { channelNumber, cursor: formatCursor(feed.cursor), head: formatCursor(log.head) };
    this.send({ op: 'ok', id, result });
    if (from === 'state') feed.beginState(ORIGIN);
    else if (typeof from === 'object' && 'state' in from) feed.beginState(from.state, from.upTo);
    if (this.hub.autoPush) this.push();
  }

  takePublish(frame: Publish): void {
    const taken = this.hub.publishes.take(frame, this.producerId);
    if ('code' in taken) this.refuse(frame.id, taken.code, taken.details);
    else if (frame.id !== 0) this.#answerPublish({ id: frame.id, ...taken }, frame.ack);
    if (frame.ack === 'disk' && this.hub.autoSync) this.hub.sync();
    if (this.hub.autoPush) this.hub.push();
  }

  /** Whatever becomes of a publish, its bytes come back. */
  #giveCredit(bytes: number): void {
    this.#usedCreditBytes += bytes;
    if (!this.hub.autoCredit || this.#usedCreditBytes * 2 < this.hub.publishCreditBytes) return;
    this.send({ op: 'publish-credit', bytes: this.#usedCreditBytes });
    this.#usedCreditBytes = 0;
  }

  /** What was published with ack `disk` is on the disk. */
  synced(): void {
    for (const answer of this.#unsynced.splice(0)) this.send({ op: 'published', answers: [answer] });
  }

  #answerPublish(answer: PublishAnswer, ack: Publish['ack']): void {
    if (ack === 'disk') this.#unsynced.push(answer);
    else this.send({ op: 'published', answers: [answer] });
  }

  answerPull({ id, channel, from, limit, reverse }: Pull): void {
    const log = this.hub.log(channel);
    const begin = log.begin(from);
    if (!log.knows(begin)) {
      this.refuse(id, 'unknown-cursor');
      return;
    }
    const max = Math.min(limit ?? Number.POSITIVE_INFINITY, this.hub.recordsPerPage);
    const stretch = reverse ? log.readBack(begin, max) : log.read(begin, max);
    const { gaps, entries, next } = stretch;
    const atEnd = 'atEnd' in stretch ? (stretch.atEnd as boolean) : compareCursors(next, log.head) >= 0;
    this.send({
      op: 'page',
      id,
      next,
      atEnd,
      gaps,
      epoch: stretch.begin.epoch,
      prevOffset: stretch.begin.offset,
      firstOffset: entries[0]?.offset ?? stretch.begin.offset + 1,
      count: entries.length,
      run: runOf(entries),
    });
  }
}
