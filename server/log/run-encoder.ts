/**
 * Makes the key and the value of one run after the other, always in the same memory: a write of many quiet channels
 * has a small run for each, and two buffers and an object for each would be most of its cost. The bytes themselves are
 * store-keys' to know. Used by write-plan, which hands each on before it makes the next.
 */
import type { Epoch, Offset } from '../../shared/terms.ts';
import type { StoreOperation } from './ordered-store.ts';
import type { RunSlice } from './segment.ts';
import { SEGMENT_BYTES } from './slab-allocator.ts';
import { RUN_HEADER_BYTES, RUN_KEY_BYTES, writeRunHeader, writeRunKey } from './store-keys.ts';

/** Values up to so many bytes have a view that is kept, by their length. */
const MAX_KEPT_VIEW_BYTES = 4096;
/** Up to here a loop copies faster than the two objects that a call needs are made. */
const MAX_LOOP_BYTES = 256;

interface MutablePut {
  readonly type: 'put';
  readonly key: Buffer;
  value: Buffer;
}

export class RunEncoder {
  readonly #key = Buffer.allocUnsafeSlow(RUN_KEY_BYTES);
  readonly #memory = Buffer.allocUnsafeSlow(RUN_HEADER_BYTES + SEGMENT_BYTES);
  readonly #views: Buffer[] = [];
  readonly #put: MutablePut = { type: 'put', key: this.#key, value: this.#memory };
  readonly #del: StoreOperation = { type: 'del', key: this.#key };

  /** Valid, as is what {@link del} returns, until the next call. */
  put(
    number: number,
    epoch: Epoch,
    { bytes, start, end, firstOffset, count }: RunSlice,
    lastTimeMs: number,
    bytesBefore: number,
  ): StoreOperation {
    writeRunKey(this.#key, number, epoch, firstOffset);
    const value = this.#valueOf(RUN_HEADER_BYTES + end - start);
    writeRunHeader(value, count, lastTimeMs, bytesBefore);
    if (end - start > MAX_LOOP_BYTES) bytes.copy(value, RUN_HEADER_BYTES, start, end);
    else for (let i = start, to = RUN_HEADER_BYTES; i < end; i++, to++) value[to] = bytes[i]!;
    this.#put.value = value;
    return this.#put;
  }

  del(number: number, epoch: Epoch, firstOffset: Offset): StoreOperation {
    writeRunKey(this.#key, number, epoch, firstOffset);
    return this.#del;
  }

  #valueOf(length: number): Buffer {
    if (length > this.#memory.length) return Buffer.allocUnsafeSlow(length);
    if (length > MAX_KEPT_VIEW_BYTES) return this.#memory.subarray(0, length);
    let view = this.#views[length];
    if (view === undefined) {
      view = this.#memory.subarray(0, length);
      this.#views[length] = view;
    }
    return view;
  }
}
