/**
 * The only importer of msgpackr: values ⇄ bytes, configured once and guarded. The hot path does not come here; it
 * writes and reads bytes by hand (msgpack-bytes, record-run).
 */
import { addExtension, type Options, Packr, Unpackr } from 'msgpackr';
import { MsgpackError, skipValue } from './msgpack-bytes.ts';
import { readValue } from './value-reader.ts';

/**
 * Memory that is not bytes. msgpackr writes a bin of the right length for these, but leaves in it whatever its buffer
 * held before: wrong, and a leak.
 */
const otherMemory = {
  [Symbol.hasInstance](value: unknown): boolean {
    if (ArrayBuffer.isView(value)) return !(value instanceof Uint8Array);
    return value instanceof ArrayBuffer;
  },
};

function refuse(): never {
  throw new TypeError('not a value of msgpack');
}

addExtension({ Class: otherMemory, write: refuse } as unknown as Parameters<typeof addExtension>[0]);
// Otherwise a function becomes nil, and an invalid Date an extension that no decoder reads.
const refusals = { writeFunction: refuse, onInvalidDate: refuse } as Options;

// Record structures would make bytes depend on what was sent before; a 64-bit integer must come out as a number.
const packr = new Packr({
  ...refusals,
  useRecords: false,
  variableMapSize: true,
  encodeUndefinedAsNil: true,
  mapsAsObjects: true,
  int64AsType: 'number',
});
const exactUnpackr = new Unpackr({ useRecords: false, mapsAsObjects: false, int64AsType: 'bigint' });

/**
 * A value as msgpack, in bytes of its own. Objects become maps with string keys, Date the timestamp extension,
 * Uint8Array bin, undefined nil. Throws TypeError for what msgpack cannot say: functions, cycles, what is nested too
 * deep, invalid dates, integers beyond 64 bits, and ArrayBuffers and views other than Uint8Array.
 */
export function encodeValue(value: unknown): Uint8Array {
  try {
    // msgpackr hands out a view of its scratch buffer that stays valid; copying lets the 8 KiB behind it go.
    return Uint8Array.prototype.slice.call(packr.pack(value));
  } catch (cause) {
    throw new TypeError(
      'the value cannot be encoded as msgpack: use plain objects, arrays, strings, numbers, booleans, null, Date or Uint8Array',
      { cause },
    );
  }
}

/**
 * The one msgpack value in `bytes`; views of `bytes` where it holds bin. Throws {@link MsgpackError} for anything
 * malformed, nested too deep, followed by more bytes, or of an extension type other than (with `timestamps`) Date.
 */
export function decodeValue(bytes: Uint8Array, options: { timestamps: boolean }): unknown {
  return readValue(bytes, 0, bytes.length, options.timestamps);
}

/**
 * As {@link decodeValue} with timestamps, but so that nothing is lost in a JavaScript type: maps are Map, 64-bit
 * integers bigint.
 */
export function decodeExactly(bytes: Uint8Array): unknown {
  if (skipValue(bytes, 0, bytes.length, true) !== bytes.length) {
    throw new MsgpackError('more bytes follow the value');
  }
  try {
    return exactUnpackr.unpack(bytes);
  } catch (cause) {
    throw new MsgpackError('not a msgpack value', { cause });
  }
}
