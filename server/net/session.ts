/**
 * What a welcomed client does: each request to the verb of the hub that it asks for, within what its token grants. The
 * connection owns it, decodes for it, and ends with it.
 */
import { RingcastError } from '../../shared/errors.ts';
import type {
  ClientFrame,
  Credit,
  Hello,
  Publish,
  Pull,
  Refresh,
  Subscribe,
  Unsubscribe,
} from '../../shared/frames.ts';
import type { LeaseState } from '../auth/token-lease.ts';
import type { VerifiedToken } from '../auth/verify-token.ts';
import type { ProducerConnection } from '../hub/producer-connections.ts';
import { publish, type Refusal } from '../hub/publish.ts';
import { Publisher, type PublisherPort } from '../hub/publisher.ts';
import { pull } from '../hub/pull.ts';
import { Reader, type ReaderEnds } from '../hub/reader.ts';
import { subscribe } from '../hub/subscribe.ts';
import { asRingcastError } from './error-frame.ts';
import type { ConnectionServices } from './services.ts';
import type { Socket } from './socket.ts';
import { type TokenListener, TokenWatch } from './token-watch.ts';

export type Request = Exclude<ClientFrame, Hello>;

/** What a session needs of its connection. */
export interface SessionPort extends PublisherPort, ReaderEnds, ProducerConnection {
  readonly isOpen: boolean;
  sendError(id: number | null, error: RingcastError, details?: Record<string, unknown>): void;
  /** Far more was sent than the credit allows. */
  failCredit(): void;
  /** The token ran out. */
  failExpired(): void;
}

export class Session implements TokenListener {
  readonly reader: Reader;
  readonly #services: ConnectionServices;
  readonly #port: SessionPort;
  /** Names the idempotent producer that this is; null where it is none. */
  readonly #producer: string | null;
  /** Made by the first publish: most clients only read. */
  #publisher: Publisher | undefined;
  #refuse: ((refusal: Refusal, frame: Publish) => void) | undefined;
  readonly #token: TokenWatch;
  #pulls = 0;

  /** @param hello what the client said, `features` being those that the hub knows too */
  constructor(
    socket: Socket,
    services: ConnectionServices,
    token: VerifiedToken,
    { producerId, features }: Pick<Hello, 'producerId' | 'features'>,
    port: SessionPort,
  ) {
    this.#services = services;
    this.#port = port;
    this.reader = new Reader(socket, port);
    this.reader.wantsHeads = features.includes('head');
    const producer = producerId === null ? null : producerName(token, producerId);
    this.#producer = producer;
    this.#token = new TokenWatch(token, services, this);
    // A token may have run out within the tolerance for clocks: then this connection is none already.
    if (producer !== null && port.isOpen) services.hub.producers.claim(producer, port);
  }

  get subject(): string | null {
    return this.#token.subject;
  }

  tokenChanged(state: LeaseState, expiresAtMs: number): void {
    if (state === 'expiring') this.#port.send({ op: 'token-expiring', expiresAtMs });
    else if (state === 'expired') this.#port.failExpired();
  }

  /** Nothing of it goes on. */
  close(): void {
    const { hub } = this.#services;
    if (this.#producer !== null) hub.producers.release(this.#producer, this.#port);
    this.#token.close();
    hub.closeReader(this.reader);
    if (this.#publisher) hub.forgetPublisher(this.#publisher);
  }

  /** Carries a request out; the promise, where there is one, never rejects, and the next frame waits for it. */
  handle(request: Request, frameBytes: number): Promise<void> | undefined {
    switch (request.op) {
      case 'publish':
        return this.#publish(request, frameBytes);
      case 'subscribe':
        return this.#subscribe(request);
      case 'unsubscribe':
        this.#unsubscribe(request);
        return undefined;
      case 'pull':
        this.#pull(request);
        return undefined;
      case 'credit':
        this.#credit(request);
        return undefined;
      case 'refresh':
        return this.#refresh(request);
      case 'ping':
        this.#port.send({ op: 'pong', id: request.id });
        return undefined;
    }
  }

  /**
   * The request waits behind one whose channel is being opened: begin opening its own. After a restart each channel's
   * first use asks the store, and one after the other they would take as many round trips as there are channels.
   */
  foresee(request: ClientFrame): void {
    const { hub } = this.#services;
    const { grants } = this.#token;
    if (request.op === 'publish') {
      for (const { channel } of request.entries) if (grants.mayPublish(channel)) hub.foresee(channel);
    } else if (request.op === 'subscribe' || request.op === 'pull') {
      if (grants.maySubscribe(request.channel)) hub.foresee(request.channel);
    }
  }

  #publish(request: Publish, frameBytes: number): Promise<void> | undefined {
    const { hub, limits } = this.#services;
    this.#publisher ??= new Publisher(limits.publishCreditBytes, this.#port, this.#producer);
    this.#refuse ??= (refusal, frame) => this.#refusePublish(refusal, frame);
    if (!this.#publisher.spend(frameBytes)) {
      this.#port.failCredit();
      return undefined;
    }
    hub.settleLater(this.#publisher);
    return publish(hub, this.#publisher, request, this.#token.grants.mayPublish, this.#refuse);
  }

  #refusePublish({ error, channel, head }: Refusal, { id }: Publish): void {
    if (id === 0) this.#publisher?.refuseSilent(channel, error);
    else this.#port.sendError(id, error, head === undefined ? { channel } : { channel, head });
  }

  async #subscribe(request: Subscribe): Promise<void> {
    try {
      await subscribe(
        this.#services.hub,
        this.reader,
        request,
        (channel) => this.#token.grants.maySubscribe(channel),
        () => this.#port.isOpen,
        (result) => this.#port.send({ op: 'ok', id: request.id, result: { ...result } }),
      );
    } catch (cause) {
      this.#port.sendError(request.id, asRingcastError(cause));
    }
  }

  #unsubscribe({ id, channelNumber }: Unsubscribe): void {
    const subscription = this.reader.find(channelNumber);
    if (!subscription) {
      const text = `no subscription has the channel number ${channelNumber}`;
      this.#port.sendError(id, new RingcastError('not-subscribed', text));
      return;
    }
    this.#services.hub.closeSubscription(subscription);
    this.#port.send({ op: 'ok', id, result: null });
  }

  /** Of a subscription that has just ended it comes late, and counts for nothing. */
  #credit({ channelNumber, bytes }: Credit): void {
    const subscription = this.reader.find(channelNumber);
    if (subscription) this.#services.hub.catchUp.credited(subscription, bytes);
  }

  #pull(request: Pull): void {
    const { hub, limits } = this.#services;
    if (this.#pulls >= limits.maxPullsPerConnection) {
      const text = `at most ${limits.maxPullsPerConnection} pulls may wait for their answers: pull again when one has come`;
      this.#port.sendError(request.id, new RingcastError('too-many-requests', text, { retryAfterMs: 50 }));
      return;
    }
    this.#pulls++;
    pull(hub, request, (channel) => this.#token.grants.maySubscribe(channel))
      .then(
        (page) => this.#port.send(page),
        (cause) => this.#port.sendError(request.id, asRingcastError(cause)),
      )
      .finally(() => this.#pulls--);
  }

  async #refresh({ id, token }: Refresh): Promise<void> {
    let verified: VerifiedToken;
    try {
      verified = await this.#services.verifier.verify(token);
    } catch (cause) {
      this.#port.sendError(id, asRingcastError(cause));
      return;
    }
    if (!this.#port.isOpen) return;
    this.#token.replace(verified);
    this.#port.send({ op: 'ok', id, result: { tokenExpiresAtMs: verified.expiresAtMs } });
    this.#endForbidden();
  }

  /** A shrunken grant takes effect on what is open. */
  #endForbidden(): void {
    for (const subscription of this.reader.subscriptions.values()) {
      const { name, number } = subscription.channel.log;
      if (this.#token.grants.maySubscribe(name)) continue;
      this.#services.hub.closeSubscription(subscription);
      const text = `the new token grants no subscribing to ${name}: it has ended`;
      const details = { channel: name, channelNumber: number };
      this.#port.sendError(null, new RingcastError('forbidden', text), details);
    }
  }
}

/** Users with tokens of their own cannot pass for each other's producers. */
function producerName({ subject }: VerifiedToken, producerId: string): string {
  return JSON.stringify([subject, producerId]);
}
