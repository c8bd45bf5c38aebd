/**
 * What a publisher of Ringcast may send before the hub gives some back; one that goes far beyond it is cut off. Reads what comes
 * on a connection that has no subscription, so that everything is small and seldom.
 */
import { msgpackCodec } from '../../../shared/codec.ts';
import type { Credit } from './dialect.ts';

export class PublishCredit implements Credit {
  #bytes = 0;
  #rest: Buffer = Buffer.alloc(0);

  get maySend(): boolean {
    return this.#bytes > 0;
  }

  /** Without the headers of the WebSocket frames, which the hub does not count: else credit would dwindle. */
  spend(frames: Buffer, count: number): void {
    const headerBytes = (frames[1]! & 127) < 126 ? 6 : 8;
    this.#bytes -= frames.length - count * headerBytes;
  }

  take(piece: Buffer): void {
    const bytes = Buffer.concat([this.#rest, piece]);
    let at = 0;
    while (at + 4 <= bytes.length) {
      // Unmasked, and none is longer than 64 KiB.
      const short = bytes[at + 1]!;
      const start = at + (short < 126 ? 2 : 4);
      const end = start + (short < 126 ? short : bytes.readUInt16BE(at + 2));
      if (end > bytes.length) break;
      const frame = msgpackCodec.decodeServer(bytes.subarray(start, end));
      if (frame?.op === 'welcome') this.#bytes += frame.publishCreditBytes;
      else if (frame?.op === 'publish-credit') this.#bytes += frame.bytes;
      else if (frame?.op === 'error')
        throw new Error(`a publish was refused: ${frame.code}: ${frame.message}`);
      at = end;
    }
    this.#rest = Buffer.from(bytes.subarray(at));
  }
}
