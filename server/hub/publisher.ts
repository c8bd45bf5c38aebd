/**
 * The publishing side of one connection: its credit, the answers of this tick, and the count of refusals that nobody
 * asked to be told of one by one. Bounds what one connection can have in the hub's hands; publish.ts appends.
 */

import type { RingcastError } from '../../shared/errors.ts';
import type { ErrorFrame, PublishAnswer, ServerFrame } from '../../shared/frames.ts';

export class Publisher {
  readonly #windowBytes: number;
  readonly #overdraftBytes: number;
  readonly #send: (frame: ServerFrame) => void;
  /** Bytes of publish frames taken and not given back. */
  #spentBytes = 0;
  #answers: PublishAnswer[] = [];
  #refusals = new Map<
    string,
    { code: ErrorFrame['code']; message: string; channel: string; count: number }
  >();

  /**
   * @param windowBytes what `welcome` grants
   * @param overdraftBytes how far beyond it a connection may go before it is closed
   */
  constructor(windowBytes: number, overdraftBytes: number, send: (frame: ServerFrame) => void) {
    this.#windowBytes = windowBytes;
    this.#overdraftBytes = overdraftBytes;
    this.#send = send;
  }

  /** Takes a frame's bytes from the credit. False when the connection has gone far beyond it. */
  spend(frameBytes: number): boolean {
    this.#spentBytes += frameBytes;
    return this.#spentBytes <= this.#windowBytes + this.#overdraftBytes;
  }

  /** To be sent at the end of the tick, with others of the same tick in one frame. */
  answer(answer: PublishAnswer): void {
    this.#answers.push(answer);
  }

  /** A refused publish that wanted no answer: told once per channel, code and tick, with the count. */
  refuseSilent(channel: string, error: RingcastError): void {
    const key = `${error.code} ${channel}`;
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
      this.#send({ op: 'published', answers: this.#answers });
      this.#answers = [];
    }
    if (this.#refusals.size > 0) {
      for (const { code, message, channel, count } of this.#refusals.values()) {
        this.#send({ op: 'error', id: null, code, message, details: { channel, count } });
      }
      this.#refusals.clear();
    }
    if (this.#spentBytes < this.#windowBytes / 2) return false;
    if (isPressed) return true;
    const bytes = this.#spentBytes;
    this.#spentBytes = 0;
    this.#send({ op: 'publish-credit', bytes });
    return false;
  }
}
