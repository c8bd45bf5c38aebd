/**
 * The publishing side of one connection: its credit, the answers of this tick, and the count of refusals that nobody
 * asked to be told of one by one. Bounds what one connection can have in the hub's hands; publish.ts appends.
 */

import type { RingcastError } from '../../shared/errors.ts';
import type { ErrorFrame, PublishAnswer, ServerFrame } from '../../shared/frames.ts';

/** Credit used, in windows, at which a further frame ends the connection. */
const OVERDRAFT = 1.25;

export interface PublisherPort {
  send(frame: ServerFrame): void;
}

interface Refusals {
  readonly code: ErrorFrame['code'];
  readonly message: string;
  readonly channel: string;
  count: number;
}

export class Publisher {
  /** Names the idempotent producer that this is; null where it is none. */
  readonly producer: string | null;
  /** Has something to settle at the end of the tick; kept by the hub. */
  isUnsettled = false;
  readonly #windowBytes: number;
  readonly #port: PublisherPort;
  /** Bytes of publish frames taken and not given back. */
  #spentBytes = 0;
  #answers: PublishAnswer[] = [];
  /** Of this tick, to be told once what is in the ring now is synced. */
  #unsynced: PublishAnswer[] | undefined;
  /** By code and channel. */
  #refusals: Map<string, Refusals> | undefined;

  /**
   * @param windowBytes what `welcome` grants
   */
  constructor(windowBytes: number, port: PublisherPort, producer: string | null = null) {
    this.producer = producer;
    this.#windowBytes = windowBytes;
    this.#port = port;
  }

  /**
   * Takes a frame's bytes from the credit. False when it was used up long before: a client that keeps to it begins no
   * frame with none left, so a quarter of patience is for sloppy counting only. A flood must be stopped within the
   * tick: uSockets reads on while a receive fills its buffer, and the tick ends only when we say so.
   */
  spend(frameBytes: number): boolean {
    const isWithin = this.#spentBytes < this.#windowBytes * OVERDRAFT;
    this.#spentBytes += frameBytes;
    return isWithin;
  }

  /** To be sent at the end of the tick, with others of the same tick in one frame. */
  answer(answer: PublishAnswer): void {
    this.#answers.push(answer);
  }

  /** As {@link answer}, but not before what came until the end of this tick is synced. */
  answerSynced(answer: PublishAnswer): void {
    this.#unsynced ??= [];
    this.#unsynced.push(answer);
  }

  /** The answers of this tick that wait for the disk, for whoever waits for it. */
  takeUnsynced(): readonly PublishAnswer[] | undefined {
    const unsynced = this.#unsynced;
    this.#unsynced = undefined;
    return unsynced;
  }

  /** A refused publish that wanted no answer: told once per channel, code and tick, with the count. */
  refuseSilent(channel: string, error: RingcastError): void {
    const key = `${error.code} ${channel}`;
    this.#refusals ??= new Map();
    const known = this.#refusals.get(key);
    if (known) known.count++;
    else this.#refusals.set(key, { code: error.code, message: error.message, channel, count: 1 });
  }

  /**
   * End of a tick: sends what has gathered, and gives credit back when half of it is used, unless the hub is pressed.
   * Returns whether credit is still to be given back.
   */
  settle(isPressed: boolean): boolean {
    if (this.#answers.length > 0) {
      this.#port.send({ op: 'published', answers: this.#answers });
      this.#answers = [];
    }
    if (this.#refusals) {
      for (const { code, message, channel, count } of this.#refusals.values()) {
        this.#port.send({ op: 'error', id: null, code, message, details: { channel, count } });
      }
      this.#refusals = undefined;
    }
    if (this.#spentBytes < this.#windowBytes / 2) return false;
    if (isPressed) return true;
    const bytes = this.#spentBytes;
    this.#spentBytes = 0;
    this.#port.send({ op: 'publish-credit', bytes });
    return false;
  }
}
