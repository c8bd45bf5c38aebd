/**
 * The client: ties connection, subscriptions, publisher and history together and is what applications hold. Decides
 * nothing by itself: what a frame, a cut or a welcome means is decided where it is dealt with. Made by `connectWith`,
 * which index.ts and node.ts call with a transport each.
 */
import { nanoid } from 'nanoid';
import type { Clock } from '../shared/clock.ts';
import type { RingcastError } from '../shared/errors.ts';
import type { ErrorFrame, ServerFrame, Welcome } from '../shared/frames.ts';
import type { AckLevel, Gap } from '../shared/terms.ts';
import { backoffDelayMs } from './backoff.ts';
import { Channels } from './channels.ts';
import { Connection } from './connection.ts';
import type { ConnectionState } from './connection-state.ts';
import { Emitter } from './emitter.ts';
import { gatherHistory, type HistoryPage, readPages } from './history.ts';
import type { Lag } from './lag.ts';
import { LagWatch } from './lag-watch.ts';
import {
  checkChannel,
  type HistoryOptions,
  type PublishItem,
  type PublishOptions,
  readFrom,
  readResume,
  readTerms,
  type Settings,
  type Status,
  type SubscribeOptions,
  type TokenSource,
} from './options.ts';
import type { GapItem, Listener } from './outlet.ts';
import type { PublishResult } from './publish-queue.ts';
import { Publisher } from './publisher.ts';
import { Pulls } from './pulls.ts';
import type { ReceivedRecord } from './record.ts';
import { errorFrom, Requests } from './requests.ts';
import { closedError, statusOf } from './status.ts';
import type { CursorKeeper, CursorSaver } from './stores/cursor-keeper.ts';
import type { OutboxKeeper } from './stores/outbox-keeper.ts';
import type { Subscription } from './subscription.ts';

export interface ClientEvents {
  /** With why it is not connected, where it is not. */
  status: [status: Status, failure: RingcastError | null];
  /**
   * What nobody else is told of: a refused publish with ack 'none', a token that could not be renewed, a subscription
   * that ended with an error and has no listener for it (then with its channel), a store that failed
   * (`storage-failed`). With `error.publish`: a publish stored by an earlier page was refused; with `producer-unknown`
   * nobody knows whether it had been taken, and the SDK does not try again.
   */
  error: [error: unknown, channel: string | null];
  /** A gap in a subscription on which nobody listens for gaps. */
  gap: [gap: Gap, channel: string];
  /** Of `client.lag`: at most four times a second while anything lags, and when nothing does any more. */
  lag: [lag: Lag | null];
}

type InlineOptions = SubscribeOptions & { readonly gaps: 'inline' };
type PlainOptions = SubscribeOptions & { readonly gaps?: 'events' | undefined };

export class Client {
  readonly #clock: Clock;
  readonly #events = new Emitter<ClientEvents>();
  readonly #connection: Connection;
  readonly #requests: Requests;
  readonly #publisher: Publisher;
  readonly #pulls: Pulls;
  readonly #channels: Channels;
  readonly #lags: LagWatch;
  readonly #cursors: CursorKeeper | undefined;
  #welcome: Welcome | undefined;
  #status: Status = 'connecting';
  #closing: Promise<void> | undefined;
  /** Of a client that is being closed. */
  #drainTimeoutMs: number | undefined;
  #cancelDrain: (() => void) | undefined;

  /** @param keeper stores publishes. */
  constructor(settings: Settings, keeper?: OutboxKeeper) {
    const { clock, backoff, maxQueuedBytes, hub, cursorStore } = settings;
    this.#clock = clock;
    const producerId = keeper?.producerId ?? nanoid();
    const handlers = {
      onLive: (welcome: Welcome) => this.#onLive(welcome),
      onLost: () => this.#onLost(),
      onFrame: (frame: ServerFrame, bytes: number) => this.#onFrame(frame, bytes),
      onState: (state: ConnectionState) => this.#onState(state),
      onDrain: () => this.#drain(),
    };
    const report = (error: unknown, channel: string | null) => this.#report(error, channel);
    this.#connection = new Connection(settings, handlers, producerId);
    this.#requests = new Requests();
    const storage = keeper && { keeper, producerId, report };
    this.#publisher = new Publisher(this.#connection, this.#requests, settings, storage);
    this.#pulls = new Pulls(this.#connection, this.#requests);
    this.#lags = new LagWatch(clock, {
      onLag: (lag) => this.#events.emit('lag', lag),
      onBehind: () => this.#drainTimeoutMs === undefined && this.#connection.ready && this.#tellStatus(),
    });
    this.#cursors = cursorStore?.keeper({ hub, clock, report });
    this.#channels = new Channels(this.#connection, {
      requests: this.#requests,
      pulls: this.#pulls,
      lags: this.#lags,
      maxQueuedBytes,
      after: (delayMs, run) => clock.after(delayMs, run),
      later: (attempt, leastMs, run) => clock.after(leastMs + backoffDelayMs(attempt, backoff), run),
      report,
      unheardGap: (gap, channel) => this.#events.emit('gap', gap, channel),
    });
  }

  get status(): Status {
    return this.#status;
  }

  /**
   * The largest lag of its subscriptions that have begun, in records and in ms; null while one of them is unknown, as all
   * are offline.
   */
  get lag(): Lag | null {
    return this.#lags.lag;
  }

  /** Why the client is not connected; of a closed one, why it closed, null when it was asked to. */
  get failure(): RingcastError | null {
    return this.#connection.state.failure;
  }

  /** The hub's last welcome: its name, its limits, when the token runs out. */
  get welcome(): Welcome | undefined {
    return this.#welcome;
  }

  /**
   * What waits, in bytes: publishes not acknowledged, those of them that were sent, frames not out of the socket,
   * records not taken.
   */
  get backlog(): {
    readonly outboxBytes: number;
    readonly unackedBytes: number;
    readonly socketBytes: number;
    readonly queuedBytes: number;
  } {
    return {
      outboxBytes: this.#publisher.outboxBytes,
      unackedBytes: this.#publisher.unackedBytes,
      socketBytes: this.#connection.bufferedBytes,
      queuedBytes: this.#channels.queuedBytes,
    };
  }

  /** The returned function stops listening. */
  on<K extends keyof ClientEvents>(name: K, listener: (...args: ClientEvents[K]) => void): () => void {
    return this.#events.on(name, listener);
  }

  /**
   * Reads a channel from a position on: iterate what it returns, or hand in a listener. A listener's promise is awaited
   * before its next call; if it throws, the subscription ends with that error, its cursor before the record.
   *
   * What the application has not taken counts against the channel's credit (`maxQueuedBytes`): the hub waits, and then
   * does as the policy says. The client's subscriptions to one channel share it, so they wait for each other; with
   * policy `replay` one that holds up others for a second goes on by itself, reading the log.
   *
   * Throws RingcastError `channel-invalid`, `closed`, or `already-subscribed` when the channel is open with another
   * policy, lag limits or deliver, or `state` is asked for while it is open; TypeError for bad options. What the hub says
   * comes by the subscription's event `error`, and from its iterator.
   */
  subscribe(
    channel: string,
    options: InlineOptions,
    listener?: Listener<ReceivedRecord | GapItem>,
  ): Subscription<ReceivedRecord | GapItem>;
  subscribe(
    channel: string,
    options?: PlainOptions,
    listener?: Listener<ReceivedRecord>,
  ): Subscription<ReceivedRecord>;
  subscribe(
    channel: string,
    options: SubscribeOptions = {},
    listener?: Listener<never>,
  ): Subscription<ReceivedRecord> | Subscription<ReceivedRecord | GapItem> {
    checkChannel(channel);
    const { from = 'latest', gaps = 'events', onUnknownCursor = 'end', signal } = options;
    if (this.#closing || this.#status === 'closed') throw closedError();
    const plan = {
      from: readFrom(from),
      inline: gaps === 'inline',
      conflates: options.policy === 'conflate',
      onUnknownCursor,
      listener: listener as Listener<ReceivedRecord> | undefined,
      saver: this.#saver(channel, options),
    };
    const subscription = this.#channels.subscribe<ReceivedRecord>(channel, plan, readTerms(options));
    if (signal) subscription.endOn(signal);
    return subscription;
  }

  /**
   * Appends `data` (any msgpack value; Uint8Array as bytes) to a channel. Resolves as `ack` says: once it is in the hub
   * (`memory`, the default) or on its disk (`disk`), with its cursor; or when sent (`none`). Await it to go no faster
   * than the hub takes.
   *
   * With an acknowledgement it is taken exactly once, and in the order of the calls to its channel: it is kept until
   * the hub answers, and sent again after a cut or a refusal for now. With `none` it is lost with its connection.
   *
   * Rejects with RingcastError: `outbox-full`, `record-too-large`, `record-invalid`, `channel-invalid`, `conflict`,
   * `closed`, the hub's other refusals; `connection-lost` (the client was closed) and `producer-unknown` (it was away
   * for too long) when the record may or may not have been taken.
   */
  publish(
    channel: string,
    data: unknown,
    options: PublishOptions & { readonly ack: 'none' },
  ): Promise<undefined>;
  publish(
    channel: string,
    data: unknown,
    options?: PublishOptions & { readonly ack?: 'memory' | 'disk' | undefined },
  ): Promise<PublishResult>;
  publish(channel: string, data: unknown, options?: PublishOptions): Promise<PublishResult | undefined>;
  publish(channel: string, data: unknown, options: PublishOptions = {}): Promise<PublishResult | undefined> {
    return this.#publisher.publish(channel, data, options);
  }

  /**
   * Appends several records, to one or more channels, all or none of them. Resolves with a result for each, in their
   * order. Rejects as {@link publish}; with `record-too-large` when they do not fit one frame (`maxFrameBytes` of the
   * welcome's limits).
   */
  publishMany(
    items: readonly PublishItem[],
    options: { readonly ack: 'none' },
  ): Promise<readonly undefined[]>;
  publishMany(
    items: readonly PublishItem[],
    options?: { readonly ack?: 'memory' | 'disk' | undefined },
  ): Promise<readonly PublishResult[]>;
  publishMany(
    items: readonly PublishItem[],
    options: { readonly ack?: AckLevel | undefined } = {},
  ): Promise<readonly (PublishResult | undefined)[]> {
    return this.#publisher.publishMany(items, options.ack ?? 'memory');
  }

  /**
   * Resolves once all that was published is in the outbox store, if there is one: from then on it is delivered, though the
   * page be closed at once.
   */
  stored(): Promise<void> {
    return this.#publisher.stored();
  }

  /** Up to `limit` records (default 100) that a channel holds. Rejects with RingcastError. */
  history(
    channel: string,
    options: HistoryOptions & { readonly limit?: number | undefined } = {},
  ): Promise<HistoryPage> {
    return gatherHistory(this.#pulls, channel, options);
  }

  /** All that a channel holds, page by page, each asked for when the one before was taken. */
  pages(channel: string, options: HistoryOptions = {}): AsyncIterable<HistoryPage> {
    return readPages(this.#pulls, channel, options);
  }

  /**
   * Gives the hub another token: the one handed in, which later connections use too, or what the token function
   * returns. Done by itself when a token runs out and a function gets tokens. Rejects with the hub's refusal, the old
   * token holding on.
   */
  async refreshToken(token?: string): Promise<void> {
    if (token !== undefined) this.#connection.token = token;
    else if (typeof this.#connection.token !== 'function') {
      throw new TypeError('hand in the new token: connect was given no function');
    }
    const fresh = await this.#connection.fetchToken();
    if (this.#status === 'closed') throw closedError();
    // Not connected, the next hello carries it.
    if (fresh === null || !this.#connection.ready) return;
    await this.#requests.ask((id) => this.#connection.send({ op: 'refresh', id, token: fresh }));
  }

  /**
   * Ends subscriptions at once, waits up to `timeoutMs` (default 5,000) for publishes to be sent and acknowledged,
   * then closes. What is not settled by then rejects with `connection-lost`, or `closed` if it was never sent; with an
   * outbox store with `publish-stored`, and is sent by the next client.
   */
  close({ timeoutMs = 5000 }: { readonly timeoutMs?: number | undefined } = {}): Promise<void> {
    this.#closing ??= new Promise((resolve) => {
      if (this.#status === 'closed') return resolve();
      this.#events.on('status', (status) => status === 'closed' && resolve(this.#publisher.released));
      this.#drainTimeoutMs = timeoutMs;
      this.#publisher.close(closedError());
      this.#channels.end();
      this.#connection.close();
    });
    return this.#closing;
  }

  // For connectWith -------------------------------------------------------------------------------------------------------

  /** @internal */
  get token(): TokenSource | null {
    return this.#connection.token;
  }

  /** @internal */
  report(error: unknown, channel: string | null): void {
    this.#report(error, channel);
  }

  /** @internal */
  start(): void {
    this.#connection.start();
  }

  /** @internal */
  giveUp(failure: RingcastError): void {
    this.#connection.giveUp(failure);
  }

  // The connection --------------------------------------------------------------------------------------------------------

  #saver(channel: string, options: SubscribeOptions): CursorSaver | undefined {
    const resume = readResume(options.resume);
    if (!resume) return undefined;
    if (!this.#cursors) throw new TypeError('resume needs connect(url, { cursorStore })');
    return this.#cursors.saver(channel, resume);
  }

  #onLive(welcome: Welcome): void {
    this.#welcome = welcome;
    // Subscriptions first: what is published next shall reach them.
    this.#channels.online();
    this.#lags.connected(welcome.timeMs);
    this.#pulls.advance();
    this.#publisher.live(welcome);
  }

  #onLost(): void {
    this.#requests.lost();
    this.#publisher.lost();
    this.#channels.offline();
  }

  #onState(state: ConnectionState): void {
    if (state.name === 'closed') this.#end(state.failure);
    this.#tellStatus();
  }

  #tellStatus(): void {
    const { state } = this.#connection;
    const status = statusOf(state, this.#welcome !== undefined, this.#lags.behind);
    if (status === this.#status) return;
    this.#status = status;
    this.#events.emit('status', status, state.failure);
  }

  #end(failure: RingcastError | null): void {
    const error = failure ?? closedError();
    this.#publisher.abandon(error);
    this.#pulls.close(error);
    this.#channels.end(failure ? { error: failure } : {});
    this.#cancelDrain?.();
  }

  #drain(): void {
    this.#cancelDrain = this.#clock.after(this.#drainTimeoutMs ?? 0, () => this.#connection.drained());
    this.#publisher.whenDrained(() => this.#connection.drained());
  }

  #onFrame(frame: ServerFrame, bytes: number): void {
    switch (frame.op) {
      case 'batch':
      case 'sparse-batch':
      case 'state':
      case 'gap':
        this.#channels.frame(frame, bytes);
        break;
      case 'head':
        this.#channels.head(frame);
        break;
      case 'ok':
      case 'page':
        this.#requests.answered(frame);
        break;
      case 'published':
        for (const answer of frame.answers) this.#requests.answered(answer);
        return;
      case 'publish-credit':
        this.#publisher.granted(frame.bytes);
        break;
      case 'error':
        this.#onError(frame);
        break;
      case 'token-expiring':
        if (typeof this.#connection.token === 'function') {
          this.refreshToken().catch((error: unknown) => this.#report(error, null));
        }
    }
  }

  #onError(frame: ErrorFrame): void {
    if (this.#requests.refused(frame) || frame.id !== null) return;
    const { channel, channelNumber } = frame.details ?? {};
    const error = errorFrom(frame);
    if (typeof channelNumber === 'number' && this.#channels.revoked(channelNumber, error)) return;
    this.#report(error, typeof channel === 'string' ? channel : null);
  }

  /** An error that nobody listens for is better on the console than nowhere. */
  #report(error: unknown, channel: string | null): void {
    if (!this.#events.emit('error', error, channel)) console.error('ringcast:', channel ?? '', error);
  }
}
