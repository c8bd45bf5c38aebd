/**
 * What a subscription has received and the application has not taken: records and gaps in order, counted in bytes.
 * Bounds nothing itself. Called by the outlet.
 */
import type { Gap } from '../shared/terms.ts';
import type { ReceivedRecord } from './record.ts';

export type QueueItem = ReceivedRecord | Gap;

interface Chunk {
  readonly items: readonly QueueItem[];
  readonly bytes: number;
}

export class RecordQueue {
  #chunks: Chunk[] = [];
  /** The next item of the first chunk. */
  #at = 0;
  #bytes = 0;

  /** A chunk counts whole until its last item is taken: its bytes are not free before. */
  get bytes(): number {
    return this.#bytes;
  }

  push(items: readonly QueueItem[], bytes: number): void {
    this.#chunks.push({ items, bytes });
    this.#bytes += bytes;
  }

  peek(): QueueItem | undefined {
    return this.#chunks[0]?.items[this.#at];
  }

  take(): QueueItem | undefined {
    const chunk = this.#chunks[0];
    const item = chunk?.items[this.#at];
    if (chunk && ++this.#at >= chunk.items.length) {
      this.#chunks.shift();
      this.#at = 0;
      this.#bytes -= chunk.bytes;
    }
    return item;
  }

  clear(): void {
    this.#chunks = [];
    this.#at = 0;
    this.#bytes = 0;
  }
}

export function isGap(item: QueueItem): item is Gap {
  return 'upTo' in item;
}
