/**
 * An outbox store that lives as long as the test: claims end with `release`, or when the test says that their holders
 * died. What is kept goes through structured clone, as in a browser.
 */
import type {
  OutboxChanges,
  OutboxClaim,
  OutboxContent,
  OutboxHead,
  OutboxStore,
  StoredFrame,
} from '../../client/outbox-store.ts';

interface Slot {
  head: OutboxHead | null;
  readonly frames: Map<number, StoredFrame>;
  holder: symbol | null;
}

export class MemoryOutbox implements OutboxStore {
  readonly #hubs = new Map<string, Slot[]>();
  /** Of all writes, in order. */
  readonly written: OutboxChanges[] = [];
  /** Awaited before a write is kept; what it throws fails the write. */
  beforeWrite: (changes: OutboxChanges) => void | Promise<void> = () => {};

  async claim(hub: string): Promise<OutboxClaim> {
    const free = this.#slots(hub).find(({ holder }) => holder === null);
    return (await this.claimLeftovers(hub)) ?? this.#hold(free ?? this.#newSlot(hub));
  }

  async claimLeftovers(hub: string): Promise<OutboxClaim | undefined> {
    const left = this.#slots(hub).find(({ holder, frames }) => holder === null && frames.size > 0);
    return left && this.#hold(left);
  }

  /** Every holder is gone, in the middle of whatever it did. */
  crash(): void {
    for (const slots of this.#hubs.values()) for (const slot of slots) slot.holder = null;
  }

  /** All that is kept. */
  get frames(): StoredFrame[] {
    return [...this.#hubs.values()].flat().flatMap(({ frames }) => [...frames.values()]);
  }

  #slots(hub: string): Slot[] {
    const slots = this.#hubs.get(hub) ?? [];
    this.#hubs.set(hub, slots);
    return slots;
  }

  #newSlot(hub: string): Slot {
    const slot = { head: null, frames: new Map(), holder: null };
    this.#slots(hub).push(slot);
    return slot;
  }

  #hold(slot: Slot): OutboxClaim {
    const holder = Symbol('holder');
    slot.holder = holder;
    return {
      content: contentOf(slot),
      write: async (changes) => {
        await this.beforeWrite(changes);
        if (slot.holder !== holder) return new Promise(() => {});
        const { head, put, remove } = structuredClone(changes);
        this.written.push(changes);
        slot.head = head;
        for (const frame of put) slot.frames.set(frame.order, frame);
        for (const order of remove) slot.frames.delete(order);
      },
      release: async () => {
        if (slot.holder === holder) slot.holder = null;
      },
    };
  }
}

function contentOf({ head, frames }: Slot): OutboxContent {
  const sorted = [...frames.values()].sort((a, b) => a.order - b.order);
  return structuredClone({ head, frames: sorted });
}
