/**
 * The only importer of msgpackr: values ⇄ bytes, configured once and guarded. The hot path does not come here; it
 * writes and reads bytes by hand (msgpack-bytes, record-run).
 */
import { Packr, Unpackr } from 'msgpackr';
import { MsgpackError, skipValue } from './msgpack-bytes.ts';

// Record structures would make bytes depend on what was sent before; a 64-bit integer must come out as a number.
const packr = new Packr({
  useRecords: false,
  variableMapSize: true,
  encodeUndefinedAsNil: true,
  mapsAsObjects: true,
  int64AsType: 'number',
});
const unpackr = new Unpackr({ useRecords: false, mapsAsObjects: true, int64AsType: 'number' });

/**
 * A value as msgpack, in bytes of its own. Objects become maps with string keys, Date the timestamp extension,
 * Uint8Array bin, undefined nil. Throws TypeError for what msgpack cannot say (functions, cycles, too deep).
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
  if (skipValue(bytes, 0, bytes.length, options.timestamps) !== bytes.length) {
    throw new MsgpackError('more bytes follow the value');
  }
  try {
    return unpackr.unpack(bytes);
  } catch (cause) {
    throw new MsgpackError('not a msgpack value', { cause });
  }
}
