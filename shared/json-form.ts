/**
 * Frames as JSON carries them: parts with names are objects, and a payload is its value where JSON can say that exactly.
 * For hubs; the SDK speaks msgpack. Called by the JSON codec, and by the CLI for the records that it prints.
 */
import { decodeExactly, encodeValue } from './msgpack.ts';
import { MAX_NESTING, MsgpackError, skipValue } from './msgpack-bytes.ts';
import { type Form, objectOf, refuse } from './wire-kinds.ts';

/** The part of a record that JSON names otherwise: `data` or `payloadBase64`. */
const PAYLOAD = 'payload';

export const jsonForm: Form = {
  open(value, names, where) {
    const source = objectOf(value, where);
    return names.map((name) => (name === PAYLOAD ? payloadFromJson(source, where) : source[name]));
  },
  close(names, parts) {
    const members: Record<string, unknown> = {};
    names.forEach((name, i) => {
      if (name === PAYLOAD) Object.assign(members, payloadToJson(parts[i] as Uint8Array));
      else members[name] = parts[i];
    });
    return members;
  },
};

/** `{data}` where JSON can say the payload's value exactly, else `{payloadBase64}`. */
export function payloadToJson(payload: Uint8Array): { data: unknown } | { payloadBase64: string } {
  try {
    return { data: toJsonValue(decodeExactly(payload)) };
  } catch {
    // More than JSON can say; or not one msgpack value, which is no reason to withhold the bytes.
  }
  let binary = '';
  for (const byte of payload) binary += String.fromCharCode(byte);
  return { payloadBase64: btoa(binary) };
}

function payloadFromJson(source: Record<string, unknown>, where: string): Uint8Array {
  if (typeof source.payloadBase64 === 'string') {
    try {
      return Uint8Array.from(atob(source.payloadBase64), (unit) => unit.charCodeAt(0));
    } catch {
      return refuse(`${where}.payloadBase64`, 'base64');
    }
  }
  if (!('data' in source)) return refuse(where, 'an object with data or payloadBase64');
  try {
    const payload = encodeValue(source.data);
    skipValue(payload, 0, payload.length);
    return payload;
  } catch {
    return refuse(`${where}.data`, `nested at most ${MAX_NESTING} deep`);
  }
}

/** What {@link decodeExactly} read, as JSON.stringify wants it. Throws MsgpackError for what JSON cannot say exactly. */
function toJsonValue(value: unknown): unknown {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return value;
  if (typeof value === 'number' && Number.isFinite(value) && !Object.is(value, -0)) return value;
  if (typeof value === 'bigint' && Number.isSafeInteger(Number(value))) return Number(value);
  if (Array.isArray(value)) return value.map(toJsonValue);
  if (value instanceof Map) return Object.fromEntries([...value].map(toJsonMember));
  throw new MsgpackError('JSON cannot say this value');
}

function toJsonMember([name, value]: [unknown, unknown]): [string, unknown] {
  if (typeof name !== 'string') throw new MsgpackError('JSON knows string keys only');
  return [name, toJsonValue(value)];
}
