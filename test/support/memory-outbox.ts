/**
 * An outbox store that lives as long as the test: claims end with `release`, or when the test says that their holder
 * died. What is kept goes through structured clone, as in a browser. Each holder has a view of its own.
 */
import {
  type OutboxChanges,
  type OutboxClaim,
  type OutboxContent,
  type OutboxHead,
  OutboxStore,
  type StoredFrame,
} from '../../client/stores/outbox-store.ts';

interface Slot {
  head: OutboxHead | null;
  readonly frames: Map<number, StoredFrame>;
  holder: symbol | null;
}

export class MemoryOutbox extends OutboxStore {
  readonly #hubs = new Map<string, Slot[]>();
  /** Awaited before a write is kept; what it throws fails the write. */
  beforeWrite: (changes: OutboxChanges) => void | Promise<void> = () => {};
  onKept: (changes: OutboxChanges) => void = () => {};

  claim(hub: string): Promise<OutboxClaim> {
    return this.view().claim(hub);
  }

  claimLeftovers(hub: string): Promise<OutboxClaim | undefined> {
    return this.view().claimLeftovers(hub);
  }

  /** The store for one holder: `die` ends it in the middle of whatever it does. */
  view(): OutboxStore & { die(): void } {
    const holder = Symbol('holder');
    let isDead = false;
    const hold = (slot: Slot) => this.#hold(slot, holder, () => isDead);
    const claimLeftovers = async (hub: string) => {
      const left = this.#slots(hub).find(({ holder, frames }) => holder === null && frames.size > 0);
      return left && hold(left);
    };
    const claim = async (hub: string) => {
      const free = () => this.#slots(hub).find(({ holder }) => holder === null);
      return (await claimLeftovers(hub)) ?? hold(free() ?? this.#newSlot(hub));
    };
    const die = () => {
      isDead = true;
      for (const slot of [...this.#hubs.values()].flat()) if (slot.holder === holder) slot.holder = null;
    };
    return new (class extends OutboxStore {
      claim = claim;
      claimLeftovers = claimLeftovers;
      die = die;
    })();
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

  #hold(slot: Slot, holder: symbol, isDead: () => boolean): OutboxClaim {
    if (isDead()) return { content: { head: null, frames: [] }, write: never, release: never };
    slot.holder = holder;
    return {
      content: contentOf(slot),
      write: async (changes) => {
        await this.beforeWrite(changes);
        if (isDead()) return never();
        const { head, put, remove } = structuredClone(changes);
        this.onKept(changes);
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

function never(): Promise<never> {
  return new Promise(() => {});
}

function contentOf({ head, frames }: Slot): OutboxContent {
  const sorted = [...frames.values()].sort((a, b) => a.order - b.order);
  return structuredClone({ head, frames: sorted });
}
