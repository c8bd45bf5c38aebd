/**
 * Memory for ring segments: slices of hub-wide slabs of 1 MiB, in five sizes from 256 bytes to 64 KiB. A channel that
 * gets one record a day holds 256 bytes and no buffer of its own (an ArrayBuffer each would cost 0.8 KB); what is
 * larger than 64 KiB is a buffer by itself. Called by channel-log and the ring budget.
 */

/** A segment holds at most this many bytes of records, or one larger record. Also the size of a page. */
export const SEGMENT_BYTES = 65_536;

const SLAB_BYTES = 1024 * 1024;
const SIZES = [256, 1024, 4096, 16_384, SEGMENT_BYTES] as const;

/** Part of a slab. Its bytes may be handed to another channel as soon as it is freed. */
export interface Slice {
  readonly bytes: Buffer;
  readonly start: number;
  readonly capacity: number;
}

export class SlabAllocator {
  readonly #free: Slice[][] = SIZES.map(() => []);
  #usedBytes = 0;

  /** Capacity of the slices in use: what the ring budget bounds. */
  get usedBytes(): number {
    return this.#usedBytes;
  }

  allocate(minBytes: number): Slice {
    const slice = this.#take(minBytes);
    this.#usedBytes += slice.capacity;
    return slice;
  }

  free(slice: Slice): void {
    this.#usedBytes -= slice.capacity;
    const size = SIZES.indexOf(slice.capacity as (typeof SIZES)[number]);
    if (size >= 0 && slice.bytes.length === SLAB_BYTES) this.#free[size]!.push(slice);
  }

  #take(minBytes: number): Slice {
    const size = SIZES.findIndex((capacity) => capacity >= minBytes);
    if (size < 0) return { bytes: Buffer.allocUnsafeSlow(minBytes), start: 0, capacity: minBytes };
    const free = this.#free[size]!;
    if (free.length === 0) this.#cut(size);
    return free.pop()!;
  }

  /** Makes a slab and cuts it into slices of one size. */
  #cut(size: number): void {
    const bytes = Buffer.allocUnsafeSlow(SLAB_BYTES);
    const capacity = SIZES[size]!;
    for (let start = SLAB_BYTES - capacity; start >= 0; start -= capacity) {
      this.#free[size]!.push({ bytes, start, capacity });
    }
  }
}
