/**
 * A record as it is published: `[key, meta, payload bin]`, or in JSON `{key, meta, data | payloadBase64}`. For the layout
 * of `publish`; the SDK, which writes that frame by hand, does not carry it along.
 */
import type { RecordInput } from './terms.ts';
import { type Kind, meta, nullable, refuse, text, tuple } from './wire-kinds.ts';

const bin: Kind<Uint8Array> = {
  read: (value, where) =>
    value instanceof Uint8Array ? value : refuse(where, 'bin holding one msgpack value'),
  write: (value) => value,
};

export const recordInput: Kind<RecordInput> = tuple<RecordInput>({
  /** Keys are bounded in bytes by the hub; this only keeps absurd ones out. */
  key: nullable(text(1024)),
  meta: nullable(meta),
  payload: bin,
});
