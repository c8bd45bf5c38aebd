/**
 * Puts a header in front of records: a run from the log becomes a batch frame by one copy into scratch memory that is
 * used again each tick. The JSON form is made from the same bytes, only where someone reads JSON.
 */
import { type CodecForm, jsonCodec, msgpackCodec } from '../../shared/codec.ts';
import { BATCH_HEADER_MAX_BYTES, writeBatchHeader } from '../../shared/record-run.ts';
import type { Offset } from '../../shared/terms.ts';
import type { RunPage } from '../log/log-reader.ts';

const SCRATCH_BYTES = 1024 * 1024;

/** A batch, ready to send. Its bytes are valid until the writer is reset. */
export class Frame {
  readonly prevOffset: Offset;
  readonly lastOffset: Offset;
  /** Of its records, as they lie in the log. */
  readonly runBytes: number;
  /** Run bytes of the channel up to its last record; 0 where nobody asks. */
  readonly endBytes: number;
  readonly bytes: Uint8Array;
  #json: Uint8Array | undefined;

  constructor(bytes: Uint8Array, prevOffset: Offset, lastOffset: Offset, runBytes: number, endBytes: number) {
    this.bytes = bytes;
    this.prevOffset = prevOffset;
    this.lastOffset = lastOffset;
    this.runBytes = runBytes;
    this.endBytes = endBytes;
  }

  inForm(form: CodecForm): Uint8Array {
    if (form === 'msgpack') return this.bytes;
    this.#json ??= jsonCodec.encodeServer(msgpackCodec.decodeServer(this.bytes)!);
    return this.#json;
  }
}

export class FrameWriter {
  #scratch = Buffer.allocUnsafeSlow(SCRATCH_BYTES);
  #at = 0;

  /** Lets go of all frames made since the last call. */
  reset(): void {
    this.#at = 0;
  }

  batch(channelNumber: number, page: RunPage, endBytes = 0): Frame {
    const { epoch, prevOffset, firstOffset, count, bytes } = page;
    const needed = BATCH_HEADER_MAX_BYTES + bytes;
    if (this.#at + needed > this.#scratch.length) {
      // Frames already made keep the old scratch; only what does not fit gets memory of its own.
      this.#scratch = Buffer.allocUnsafeSlow(Math.max(SCRATCH_BYTES, needed));
      this.#at = 0;
    }
    const scratch = this.#scratch;
    const start = this.#at;
    let at = writeBatchHeader(scratch, start, channelNumber, epoch, prevOffset, firstOffset, count);
    for (const slice of page.slices) at += slice.bytes.copy(scratch, at, slice.start, slice.end);
    this.#at = at;
    return new Frame(scratch.subarray(start, at), prevOffset, firstOffset + count - 1, bytes, endBytes);
  }
}
