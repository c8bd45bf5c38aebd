/**
 * A client for tests that does only what it is told: sends any frame or any bytes, records all that comes, answers
 * nothing by itself. It speaks through shared/codec; the JSON form of frames with records is kept as parsed JSON.
 */
import { onTestFinished } from 'vitest';
import { type RawData, WebSocket } from 'ws';
import { type CodecForm, codecOf } from '../../shared/codec.ts';
import {
  type Batch,
  type ClientFrame,
  type Pull,
  type RunFields,
  type ServerFrame,
  SUBPROTOCOLS,
  type Subscribe,
} from '../../shared/frames.ts';
import { encodeValue } from '../../shared/msgpack.ts';
import type { From, RecordInput } from '../../shared/terms.ts';
import { History, isDelivered } from './history.ts';
import { until } from './until.ts';

/** A frame with records as its JSON form has it. */
type JsonRunFrame<F extends RunFields & { op: string }> = Omit<F, 'run'> & { records: JsonRecord[] };
export interface JsonRecord {
  readonly offset: number;
  readonly timeMs: number;
  readonly key: string | null;
  readonly meta: Record<string, unknown> | null;
  readonly data?: unknown;
  readonly payloadBase64?: string;
}
export type FrameOf<Op extends ServerFrame['op']> = Extract<ServerFrame, { op: Op }>;

export interface RawClientOptions {
  /** Default msgpack. */
  readonly form?: CodecForm;
  /** Default: the one of the form. */
  readonly subprotocols?: readonly string[];
  /** Default 5000. */
  readonly timeoutMs?: number;
}

export interface Subscribed {
  readonly channelNumber: number;
  readonly cursor: string;
  readonly head: string;
}

export const record = (value: unknown, key: string | null = null): RecordInput => ({
  key,
  meta: null,
  payload: encodeValue(value),
});

export class RawClient {
  readonly form: CodecForm;
  /** All that came, in order. */
  readonly frames: ServerFrame[] = [];
  /** Set once the connection is gone. */
  close: { readonly code: number; readonly reason: string } | undefined;
  readonly #socket: WebSocket;
  readonly #timeoutMs: number;
  readonly #histories = new Map<number, History>();
  /** Ids of subscribes whose state comes first. */
  readonly #fromState = new Set<number>();
  #unread: ServerFrame[] = [];
  #failure: unknown;
  #lastId = 0;

  private constructor(socket: WebSocket, form: CodecForm, timeoutMs: number) {
    this.#socket = socket;
    this.form = form;
    this.#timeoutMs = timeoutMs;
    socket.on('message', (data, isBinary) => this.#receive(data, isBinary));
    socket.on('close', (code, reason) => {
      this.close = { code, reason: reason.toString() };
    });
    // A cut connection may be an error first; what counts is the close that follows.
    socket.on('error', () => {});
  }

  /** Connects and says nothing. Rejects when the hub refuses. The connection is cut when the test ends. */
  static async connect(url: string, options: RawClientOptions = {}): Promise<RawClient> {
    const { form = 'msgpack', subprotocols = [SUBPROTOCOLS[form]], timeoutMs = 5000 } = options;
    const socket = new WebSocket(url, [...subprotocols], { perMessageDeflate: false });
    const client = new RawClient(socket, form, timeoutMs);
    onTestFinished(() => socket.terminate());
    await new Promise<void>((resolve, reject) => socket.once('open', resolve).once('error', reject));
    return client;
  }

  get lastId(): number {
    return this.#lastId;
  }

  nextId(): number {
    return ++this.#lastId;
  }

  send(frame: ClientFrame): void {
    this.sendRaw(codecOf(this.form).encodeClient(frame));
  }

  /** Any bytes, by default in the kind of message that the form takes. */
  sendRaw(bytes: Uint8Array | string, { binary = this.form === 'msgpack' } = {}): void {
    this.#socket.send(bytes, { binary });
  }

  /** The next frame of this kind (and of this look) that was not taken yet; others are left. */
  next<Op extends ServerFrame['op']>(
    op: Op,
    matches: (frame: FrameOf<Op>) => boolean = () => true,
  ): Promise<FrameOf<Op>> {
    const take = () => {
      if (this.#failure) throw this.#failure;
      const at = this.#unread.findIndex((frame) => frame.op === op && matches(frame as FrameOf<Op>));
      return at < 0 ? undefined : (this.#unread.splice(at, 1)[0] as FrameOf<Op>);
    };
    const have = () => [this.frames.slice(-8), this.close, this.#failure];
    return until(take, { what: `a frame ${op}`, timeoutMs: this.#timeoutMs, have }) as Promise<FrameOf<Op>>;
  }

  /** As {@link next}, of a form whose records are JSON. */
  async nextJson(op: 'batch'): Promise<JsonRunFrame<Batch>>;
  async nextJson(op: 'page'): Promise<JsonRunFrame<FrameOf<'page'>>>;
  async nextJson(op: 'batch' | 'page'): Promise<unknown> {
    return this.next(op);
  }

  async hello(token: string | null, producerId: string | null = null): Promise<FrameOf<'welcome'>> {
    this.send({ op: 'hello', token, client: 'raw', features: [], producerId });
    return this.next('welcome');
  }

  /** Subscribes and records the history from the answer on. Rejects with the error frame. */
  async subscribe(
    channel: string,
    from: From = 'latest',
    options: Subscribe['options'] = null,
  ): Promise<Subscribed> {
    const id = this.nextId();
    if (from === 'state' || (typeof from === 'object' && 'state' in from)) this.#fromState.add(id);
    this.send({ op: 'subscribe', id, channel, from, options });
    return (await this.answer(id)) as unknown as Subscribed;
  }

  async unsubscribe(channelNumber: number): Promise<void> {
    const id = this.nextId();
    this.send({ op: 'unsubscribe', id, channelNumber });
    await this.answer(id);
  }

  /** What one subscription was shown so far; throws once a frame broke the contract. */
  history(channelNumber: number): History {
    if (this.#failure) throw this.#failure;
    return this.#histories.get(channelNumber)!;
  }

  /** Publishes values to one channel and waits for the positions. Rejects with the error frame. */
  async publish(channel: string, values: readonly unknown[], ack: 'memory' | 'disk' = 'memory') {
    const id = this.publishLater([{ channel, values }], ack);
    return this.published(id);
  }

  /** Sends a publish and does not wait. */
  publishLater(
    entries: readonly { channel: string; values: readonly unknown[] }[],
    ack: 'memory' | 'disk' = 'memory',
    id = this.nextId(),
  ): number {
    const sent = entries.map(({ channel, values }) => ({ channel, records: values.map((v) => record(v)) }));
    this.send({ op: 'publish', id, ack, entries: sent });
    return id;
  }

  /** The answer to a publish. */
  async published(id: number) {
    const isMine = (frame: ServerFrame) =>
      (frame.op === 'published' && frame.answers.some((answer) => answer.id === id)) ||
      (frame.op === 'error' && frame.id === id);
    const have = () => [this.frames.slice(-8), this.close, this.#failure];
    const what = `the answer to publish ${id}`;
    const frame = (await until(() => this.frames.find(isMine), { what, timeoutMs: this.#timeoutMs, have }))!;
    if (frame.op === 'error') throw frame;
    return (frame as FrameOf<'published'>).answers.find((answer) => answer.id === id)!;
  }

  pull(channel: string, pull: Partial<Pull> = {}): number {
    const id = this.nextId();
    const defaults = { from: 'earliest' as const, limit: null, reverse: null, upTo: null };
    this.send({ op: 'pull', id, channel, ...defaults, ...pull });
    return id;
  }

  /** The page that answers a pull. Rejects with the error frame. */
  async page(id: number): Promise<FrameOf<'page'>> {
    const have = () => [this.frames.slice(-8), this.close];
    const isMine = (frame: ServerFrame) => (frame.op === 'page' || frame.op === 'error') && frame.id === id;
    const frame = (await until(() => this.frames.find(isMine), { what: `page ${id}`, have }))!;
    if (frame.op === 'error') throw frame;
    return frame as FrameOf<'page'>;
  }

  /** The result of a request. Rejects with the error frame. */
  async answer(id: number): Promise<Readonly<Record<string, unknown>> | null> {
    const isMine = (frame: ServerFrame) => (frame.op === 'ok' || frame.op === 'error') && frame.id === id;
    const what = `the answer to ${id}`;
    const have = () => [this.frames.slice(-8), this.close];
    const frame = (await until(() => this.frames.find(isMine), { what, timeoutMs: this.#timeoutMs, have }))!;
    if (frame.op === 'error') throw frame;
    return (frame as FrameOf<'ok'>).result;
  }

  /** The error with this id that was or will be sent. */
  error(id: number | null): Promise<FrameOf<'error'>> {
    return this.next('error', (frame) => frame.id === id);
  }

  /** A round trip: all that was sent before has been worked on, unless it waits for the disk. */
  async ping(): Promise<void> {
    const id = this.nextId();
    this.send({ op: 'ping', id });
    await this.next('pong', (frame) => frame.id === id);
  }

  async closed(timeoutMs = this.#timeoutMs): Promise<{ code: number; reason: string }> {
    const have = () => this.frames.slice(-8);
    return (await until(() => this.close, { what: 'the close', timeoutMs, have }))!;
  }

  /** A ping of the WebSocket itself, not of the protocol. */
  pingSocket(payload: Uint8Array): void {
    this.#socket.ping(payload);
  }

  /** Reads nothing from the socket until resumed. */
  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  /** Goes without a word. */
  cut(): void {
    this.#socket.terminate();
  }

  #receive(data: RawData, isBinary: boolean): void {
    try {
      if (isBinary !== (this.form === 'msgpack')) throw new TypeError('a message of the wrong kind came');
      const frame = this.#decode(data as Buffer);
      if (!frame) return;
      this.frames.push(frame);
      this.#unread.push(frame);
      this.#follow(frame);
    } catch (cause) {
      this.#failure ??= cause;
    }
  }

  #decode(bytes: Buffer): ServerFrame | undefined {
    if (this.form === 'msgpack') return codecOf('msgpack').decodeServer(bytes);
    const parsed = JSON.parse(bytes.toString('utf8'));
    return 'records' in parsed ? parsed : codecOf('json').decodeServer(bytes);
  }

  #follow(frame: ServerFrame): void {
    if (frame.op === 'ok' && frame.result && 'channelNumber' in frame.result) {
      const { channelNumber, cursor } = frame.result as unknown as Subscribed;
      this.#histories.set(channelNumber, new History(cursor, this.#fromState.delete(frame.id)));
    } else if (isDelivered(frame) && (this.form === 'msgpack' || frame.op === 'gap')) {
      this.#histories.get(frame.channelNumber)!.take(frame);
    }
  }
}
