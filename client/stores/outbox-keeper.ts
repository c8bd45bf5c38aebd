/**
 * Keeps a publisher's outbox in a store: has what is published written before it is sent, and removed once it is settled,
 * one write after the other, each with all that came together meanwhile. What is sent when is the outbox's matter. Made by
 * the store, called by the publisher.
 *
 * Why a crash at any moment neither loses nor repeats what was stored: a number is written before it is used on the wire,
 * together with its record, and a record goes only when the hub has answered. What was removed too late is sent
 * again under its number, which the hub takes once.
 */
import { type FailedPublish, RingcastError } from '../../shared/errors.ts';
import type { NumberedFrame, Outbox, OutboxFrame } from '../outbox.ts';
import type { FrameLimits } from '../publish-queue.ts';
import type { WrittenRecord } from '../record-writer.ts';
import type { OutboxClaim } from './outbox-store.ts';
import { type RejectStored, restoredFrame, storedFrame } from './stored-frame.ts';

/** After a failed write, before the next try, ms. */
const RETRY_MS = 1000;

export interface OutboxKeeperPort {
  readonly limits: FrameLimits;
  after(delayMs: number, run: () => void): () => void;
  /** A write is over: go on. */
  advance(): void;
  /** Rejects the publishes of a frame that is settled. */
  reject(frame: OutboxFrame, error: RingcastError): void;
  report(error: unknown, channel: string | null): void;
  publishOf(channel: string, record: WrittenRecord): FailedPublish;
}

export class OutboxKeeper {
  readonly #claim: OutboxClaim;
  #producerId!: string;
  #outbox!: Outbox;
  #port!: OutboxKeeperPort;
  #writing: Promise<void> | undefined;
  #removed: number[] = [];
  /** Run behind the next write. */
  #after: (() => void)[] = [];
  #cancelRetry: (() => void) | undefined;
  #failing = false;
  #ended = false;

  constructor(claim: OutboxClaim) {
    this.#claim = claim;
  }

  /** As whom to publish: who held the claim before, if that one left something. */
  get producerId(): string | undefined {
    const { head, frames } = this.#claim.content;
    return head && frames.length > 0 ? head.producerId : undefined;
  }

  /** Once, before anything is published. */
  begin(outbox: Outbox, producerId: string, port: OutboxKeeperPort): void {
    this.#producerId = producerId;
    this.#outbox = outbox;
    this.#port = port;
    const { head, frames } = this.#claim.content;
    if (head?.producerId === producerId) {
      const reject: RejectStored = (channel, record, error) => {
        const { code, message } = error as RingcastError;
        if (code === 'publish-stored') return;
        const text = `a publish to ${channel} that was stored earlier: ${message}`;
        const publish = port.publishOf(channel, record);
        port.report(new RingcastError(code, text, { cause: error, publish }), channel);
      };
      outbox.restore(
        frames.map((frame) => restoredFrame(frame, reject)),
        head.lastSequence,
      );
    }
  }

  /** Writes what there is to write, unless a write is under way or is to be tried again later. */
  pump(): void {
    if (this.#writing || this.#cancelRetry || this.#ended) return;
    this.#outbox.seal(this.#port.limits);
    const { frames, removed } = this.#outbox.takeUnstored();
    this.#removed.push(...removed);
    const after = this.#after.splice(0);
    if (frames.length === 0 && this.#removed.length === 0) {
      for (const run of after) run();
      return;
    }
    this.#writing = this.#write(frames).then(() => {
      this.#writing = undefined;
      for (const run of after) run();
      this.#port.advance();
    });
  }

  /** Runs when it is in the store, too, that what was settled up to now is settled. */
  afterWrite(run: () => void): void {
    this.#after.push(run);
  }

  /** Resolves when all is written, or refused. */
  async idle(): Promise<void> {
    for (;;) {
      this.pump();
      if (this.#writing) await this.#writing;
      else if (this.#cancelRetry) await new Promise<void>((resolve) => this.afterWrite(resolve));
      else return;
    }
  }

  /** Writes what is left to be written. After that nothing is. */
  async end(): Promise<void> {
    await this.#written();
    this.#stopRetry();
    this.pump();
    await this.#written();
    this.#stopRetry();
    this.#ended = true;
    for (const run of this.#after.splice(0)) run();
  }

  release(): Promise<void> {
    return this.#claim.release();
  }

  /** One write may lead to the next. */
  async #written(): Promise<void> {
    while (this.#writing) await this.#writing;
  }

  #stopRetry(): void {
    this.#cancelRetry?.();
    this.#cancelRetry = undefined;
  }

  async #write(frames: readonly NumberedFrame[]): Promise<void> {
    const removed = this.#removed;
    this.#removed = [];
    try {
      await this.#claim.write({
        head: { producerId: this.#producerId, lastSequence: this.#outbox.lastSequence },
        put: frames.map(storedFrame),
        remove: removed,
      });
      this.#failing = false;
      this.#outbox.stored(frames);
    } catch (cause) {
      this.#removed.push(...removed);
      this.#failed(frames, cause);
    }
  }

  /** New publishes are refused; what the store holds already waits until it works again. */
  #failed(frames: readonly NumberedFrame[], cause: unknown): void {
    const refused = this.#outbox.unstorable(frames);
    const text = `the outbox store has failed (${String(cause)})`;
    const refusal = new RingcastError('storage-failed', `${text}; nothing was published`, { cause });
    for (const frame of refused) this.#port.reject(frame, refusal);
    if (!this.#outbox.owesStore && this.#removed.length === 0) return;
    if (!this.#failing) {
      const waits = `${text}; what it holds is sent when it works again`;
      this.#port.report(new RingcastError('storage-failed', waits, { cause }), null);
    }
    this.#failing = true;
    this.#cancelRetry = this.#port.after(RETRY_MS, () => {
      this.#cancelRetry = undefined;
      this.pump();
    });
  }
}
