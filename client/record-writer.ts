/**
 * Records as they are published, `[key, meta, payload bin]`, each written once: one behind the other into chunks, so that
 * a frame is copied together in long stretches and a publish makes no buffer of its own. Called by the publisher.
 *
 * A chunk is kept as long as any of its records waits for its answer: small, so that one that waits long keeps little.
 */
import { binHeaderBytes, writeBinHeader } from '../shared/msgpack-bytes.ts';
import { writeBytes, writeNil, writeString, writeValue } from '../shared/value-writer.ts';

const CHUNK_BYTES = 16 * 1024;

/** Where a record lies. */
export interface WrittenRecord {
  readonly chunk: Uint8Array;
  readonly start: number;
  readonly end: number;
}

/** Where the writer stood. */
export interface WriterMark {
  readonly chunk: Uint8Array;
  readonly end: number;
  readonly records: number;
}

export class RecordWriter implements WrittenRecord {
  /** These tell of the record that was written last. */
  chunk: Uint8Array = new Uint8Array(0);
  start = 0;
  end = 0;
  payloadBytes = 0;
  /** Of all chunks ever made. */
  allocatedBytes = 0;
  #records = 0;
  /** Where the last record was to begin. */
  #beforeChunk = this.chunk;
  #beforeEnd = 0;
  /** A value's getter may publish in turn. */
  #writing = false;

  /** Throws TypeError for what msgpack cannot say. @param meta the msgpack of a map. */
  write(key: string | null, meta: Uint8Array | null, data: unknown): void {
    const isNested = this.#writing;
    const { chunk, end } = this;
    this.#writing = true;
    try {
      let room = isNested ? this.#newChunk(CHUNK_BYTES) : this.chunk;
      let start = isNested ? 0 : this.end;
      while (!this.#writeInto(room, start, key, meta, data)) {
        // No longer than it has to be where it is long: what comes next begins a chunk of its own.
        room = this.#newChunk(Math.max(CHUNK_BYTES, this.end - start));
        start = 0;
      }
      this.#records++;
      this.#beforeChunk = chunk;
      this.#beforeEnd = end;
    } finally {
      this.#writing = isNested;
    }
  }

  /** Takes back the record written last: what is refused shall use nothing up. Once, and before anything else is written. */
  undo(): void {
    this.rewind({ chunk: this.#beforeChunk, end: this.#beforeEnd, records: this.#records - 1 }, 1);
  }

  mark(): WriterMark {
    return { chunk: this.chunk, end: this.end, records: this.#records };
  }

  /** Takes back the `records` written since, unless others were among them. */
  rewind(mark: WriterMark, records: number): void {
    if (this.#records !== mark.records + records) return;
    this.#records = mark.records;
    this.chunk = mark.chunk;
    this.end = mark.end;
  }

  #newChunk(bytes: number): Uint8Array {
    this.allocatedBytes += bytes;
    return new Uint8Array(bytes);
  }

  /** False where it does not fit; `end` is where it would have ended. */
  #writeInto(
    bytes: Uint8Array,
    start: number,
    key: string | null,
    meta: Uint8Array | null,
    data: unknown,
  ): boolean {
    bytes[start] = 0x93;
    let at = key === null ? writeNil(bytes, start + 1) : writeString(bytes, start + 1, key);
    at = meta === null ? writeNil(bytes, at) : writeBytes(bytes, at, meta);
    // For the short header that most have; a longer payload is moved.
    const end = writeValue(bytes, at + 2, data);
    const payloadBytes = end - at - 2;
    const moved = binHeaderBytes(payloadBytes) - 2;
    if (moved > 0 && end + moved <= bytes.length) bytes.copyWithin(at + 2 + moved, at + 2, end);
    writeBinHeader(bytes, at, payloadBytes);
    this.chunk = bytes;
    this.start = start;
    this.end = end + moved;
    this.payloadBytes = payloadBytes;
    return this.end <= bytes.length;
  }
}
