/** Finds the messages in the bytes that a WebSocket server sends: unmasked, each in one frame. */

const EMPTY = Buffer.alloc(0);

export class MessageReader {
  #rest: Buffer = EMPTY;
  readonly #onMessage: (payload: Buffer, opcode: number) => void;

  /** `onMessage` gets a view that is valid during the call. */
  constructor(onMessage: (payload: Buffer, opcode: number) => void) {
    this.#onMessage = onMessage;
  }

  take(piece: Buffer): void {
    const bytes = this.#rest.length > 0 ? Buffer.concat([this.#rest, piece]) : piece;
    let at = 0;
    for (;;) {
      const start = payloadStart(bytes, at);
      if (start > bytes.length) break;
      const end = start + payloadLength(bytes, at);
      if (end > bytes.length) break;
      this.#onMessage(bytes.subarray(start, end), bytes[at]! & 15);
      at = end;
    }
    // A copy: what reads into one buffer again and again would write over it.
    this.#rest = at < bytes.length ? Buffer.from(bytes.subarray(at)) : EMPTY;
  }
}

/** Beyond the end of `bytes` while the header is not complete. */
function payloadStart(bytes: Buffer, at: number): number {
  if (at + 2 > bytes.length) return at + 2;
  const short = bytes[at + 1]! & 127;
  return at + (short < 126 ? 2 : short === 126 ? 4 : 10);
}

function payloadLength(bytes: Buffer, at: number): number {
  const short = bytes[at + 1]! & 127;
  if (short < 126) return short;
  return short === 126 ? bytes.readUInt16BE(at + 2) : Number(bytes.readBigUInt64BE(at + 2));
}
