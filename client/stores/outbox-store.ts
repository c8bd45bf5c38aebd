/**
 * The contract of `connect(url, { outboxStore })`: a place that keeps publishes until the hub has answered. What is kept
 * there, and what becomes of it, is the SDK's matter (outbox-keeper); a store knows no hub and judges nothing. The one
 * for browsers is indexed-db-outbox. A class, and no interface, for the same reason as cursor-store.
 *
 * Publishes are numbered, and the hub takes a number once. So two clients must never use one content at a time, and
 * what was said to be kept must be there after any crash: a number used twice is a record lost.
 */

import { RingcastError } from '../../shared/errors.ts';
import { type Deliverer, deliverLeftovers, type LeftoverOwner } from './leftovers.ts';
import { OutboxKeeper } from './outbox-keeper.ts';

export abstract class OutboxStore {
  /**
   * Takes hold of a content that no other client holds, one with frames where there is one, until it is released or the
   * program ends. Rejects with RingcastError `storage-unavailable` where that cannot be made sure. A hub's contents have
   * nothing to do with another's.
   */
  abstract claim(hub: string): Promise<OutboxClaim>;
  /** The same, of a content with frames only; undefined where none is free. */
  abstract claimLeftovers(hub: string): Promise<OutboxClaim | undefined>;

  /** @internal For a client of that hub. Rejects with RingcastError. */
  async open(hub: string): Promise<OutboxKeeper> {
    try {
      return new OutboxKeeper(await this.claim(hub));
    } catch (cause) {
      if (cause instanceof RingcastError) throw cause;
      throw new RingcastError('storage-failed', `the outbox store has failed: ${String(cause)}`, { cause });
    }
  }

  /** @internal Publishes what other clients have left, whenever the client has connected. */
  deliverLeftovers(client: LeftoverOwner, hub: string, deliverer: (keeper: OutboxKeeper) => Deliverer): void {
    deliverLeftovers(client, async () => {
      const claim = await this.claimLeftovers(hub);
      return claim && deliverer(new OutboxKeeper(claim));
    });
  }
}

export interface OutboxClaim {
  readonly content: OutboxContent;
  /**
   * Resolves when all changes are kept, whatever happens to program or machine; rejects when none is. Called again only
   * when the one before is settled.
   */
  write(changes: OutboxChanges): Promise<void>;
  /** Lets others claim it; what it holds stays. */
  release(): Promise<void>;
}

/** Under which name frames are published, and the largest number that was ever used for any. */
export interface OutboxHead {
  readonly producerId: string;
  readonly lastSequence: number;
}

export interface OutboxContent {
  /** Null as long as nothing was written. */
  readonly head: OutboxHead | null;
  /** By `order`, rising. */
  readonly frames: readonly StoredFrame[];
}

export interface OutboxChanges {
  readonly head: OutboxHead;
  /** Added, or put in the place of those with the same `order`. */
  readonly put: readonly StoredFrame[];
  /** Orders of frames to be removed; of frames that are not there, perhaps. */
  readonly remove: readonly number[];
}

/** What one frame publishes. Plain data: structured clone keeps it. */
export interface StoredFrame {
  readonly order: number;
  readonly ack: 'memory' | 'disk';
  /** The hub's time, ms, at or before which it was not sent yet; null: it was never sent. */
  readonly sentMs: number | null;
  readonly entries: readonly StoredEntry[];
}

export interface StoredEntry {
  readonly channel: string;
  readonly sequence: number;
  readonly expectedCursor: string | null;
  /** Its records, as on the wire, one behind the other. */
  readonly bytes: Uint8Array;
  /** Where each ends. */
  readonly ends: readonly number[];
}
