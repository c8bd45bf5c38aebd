/**
 * The kinds of field that frames are made of. A kind knows one value in three guises: as TypeScript sees it, as
 * msgpack carries it (tuples are arrays) and as JSON carries it (tuples are objects with names), and checks what
 * comes from outside. frames.ts builds every message from these; codec.ts drives them.
 */
import { RingcastError } from './errors.ts';
import { decodeExactly, encodeValue } from './msgpack.ts';
import { MAX_NESTING, MsgpackError, skipValue } from './msgpack-bytes.ts';
import {
  type Cursor,
  type From,
  formatCursor,
  parseCursor,
  type RecordInput,
  type RecordMeta,
} from './terms.ts';

export interface Kind<T> {
  fromWire(value: unknown, where: string): T;
  toWire(value: T): unknown;
  fromJson(value: unknown, where: string): T;
  toJson(value: T): unknown;
}

function refuse(where: string, wanted: string): never {
  throw new RingcastError('bad-frame', `${where} must be ${wanted}`);
}

/** A kind that looks the same everywhere. */
function plain<T>(check: (value: unknown, where: string) => T): Kind<T> {
  return { fromWire: check, fromJson: check, toWire: (value) => value, toJson: (value) => value };
}

/** An integer from 0 to 2^53 − 1, in any msgpack number type. */
export const uint: Kind<number> = plain((value, where) =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
    ? value
    : refuse(where, 'an integer from 0 to 2^53 − 1'),
);

export const flag: Kind<boolean> = plain((value, where) =>
  typeof value === 'boolean' ? value : refuse(where, 'true or false'),
);

export function text(maxLength: number): Kind<string> {
  return plain((value, where) =>
    typeof value === 'string' && value.length <= maxLength
      ? value
      : refuse(where, `a string of at most ${maxLength} characters`),
  );
}

/** One of the words; with `otherwise`, any other string is read as that. */
export function oneOf<const T extends string>(words: readonly T[], otherwise?: T): Kind<T> {
  return plain((value, where) => {
    if (words.includes(value as T)) return value as T;
    if (otherwise !== undefined && typeof value === 'string') return otherwise;
    return refuse(where, `one of ${words.join(', ')}`);
  });
}

/** Absent and null are the same. */
export function nullable<T>(kind: Kind<T>): Kind<T | null> {
  const isNone = (value: unknown) => value === null || value === undefined;
  return {
    fromWire: (value, where) => (isNone(value) ? null : kind.fromWire(value, where)),
    toWire: (value) => (value === null ? null : kind.toWire(value)),
    fromJson: (value, where) => (isNone(value) ? null : kind.fromJson(value, where)),
    toJson: (value) => (value === null ? null : kind.toJson(value)),
  };
}

/** As {@link nullable}, for fields added later: absent ones are left out of the value, and off the end of the array. */
export function optional<T>(kind: Kind<T>): Kind<T | undefined> {
  const isNone = (value: unknown) => value === null || value === undefined;
  return {
    fromWire: (value, where) => (isNone(value) ? undefined : kind.fromWire(value, where)),
    toWire: (value) => (value === undefined ? undefined : kind.toWire(value)),
    fromJson: (value, where) => (isNone(value) ? undefined : kind.fromJson(value, where)),
    toJson: (value) => (value === undefined ? undefined : kind.toJson(value)),
  };
}

export function list<T>(kind: Kind<T>, maxItems: number, minItems = 0): Kind<readonly T[]> {
  const each = (value: unknown, where: string, read: (item: unknown, where: string) => T): T[] => {
    if (!Array.isArray(value) || value.length > maxItems || value.length < minItems) {
      refuse(where, `an array of ${minItems} to ${maxItems} items`);
    }
    return (value as unknown[]).map((item, i) => read(item, `${where}[${i}]`));
  };
  return {
    fromWire: (value, where) => each(value, where, kind.fromWire),
    toWire: (value) => value.map(kind.toWire),
    fromJson: (value, where) => each(value, where, kind.fromJson),
    toJson: (value) => value.map(kind.toJson),
  };
}

export type Fields<T> = { readonly [K in keyof T]-?: Kind<T[K]> };

/** Named parts: an array in the order of the fields on the wire, an object in JSON. Further elements are ignored. */
export function tuple<T extends object>(fields: Fields<T>): Kind<T> {
  const names = Object.keys(fields) as (keyof T & string)[];
  return {
    fromWire(value, where) {
      if (!Array.isArray(value)) refuse(where, 'an array');
      const items = value as unknown[];
      const out: Partial<T> = {};
      for (let i = 0; i < names.length; i++) {
        const name = names[i]!;
        const item = fields[name].fromWire(items[i], `${where}.${name}`);
        if (item !== undefined) out[name] = item;
      }
      return out as T;
    },
    toWire(value) {
      const items = names.map((name) => fields[name].toWire(value[name]));
      while (items.at(-1) === undefined && items.length > 0) items.pop();
      return items;
    },
    fromJson(value, where) {
      const source = objectOf(value, where);
      const out: Partial<T> = {};
      for (const name of names) {
        const item = fields[name].fromJson(source[name], `${where}.${name}`);
        if (item !== undefined) out[name] = item;
      }
      return out as T;
    },
    toJson: (value) => Object.fromEntries(names.map((name) => [name, fields[name].toJson(value[name])])),
  };
}

function objectOf(value: unknown, where: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || ArrayBuffer.isView(value)) {
    refuse(where, 'a map with string keys');
  }
  return value as Record<string, unknown>;
}

/** A map whose members are looked up by name and may grow; unknown members are kept. */
export const dictionary: Kind<Readonly<Record<string, unknown>>> = plain(objectOf);

/** A cursor in its string form. */
export const cursor: Kind<Cursor> = {
  fromWire: readCursor,
  fromJson: readCursor,
  toWire: formatCursor,
  toJson: formatCursor,
};

function readCursor(value: unknown, where: string): Cursor {
  return (
    (typeof value === 'string' ? parseCursor(value) : undefined) ??
    refuse(where, 'a cursor as the hub gave it, such as "1732380000-110"')
  );
}

export const from: Kind<From> = {
  fromWire: readFrom,
  fromJson: readFrom,
  toWire: writeFrom,
  toJson: writeFrom,
};

function readFrom(value: unknown, where: string): From {
  if (value === 'latest' || value === 'earliest' || value === 'state') return value;
  if (typeof value === 'object' && value !== null) {
    const { last, since, cursor: at, state, upTo } = value as Record<string, unknown>;
    const given = [last, since, at, state].filter((member) => member !== undefined).length;
    if (given !== 1) refuse(where, 'a map with exactly one of last, since, cursor and state');
    if (state !== undefined) {
      return { state: readCursor(state, `${where}.state`), upTo: readCursor(upTo, `${where}.upTo`) };
    }
    if (last !== undefined) return { last: uint.fromWire(last, `${where}.last`) };
    if (since !== undefined) return { since: uint.fromWire(since, `${where}.since`) };
    if (at !== undefined) return { cursor: readCursor(at, `${where}.cursor`) };
  }
  return refuse(where, '"latest", "earliest", "state", {last}, {since}, {cursor} or {state, upTo}');
}

function writeFrom(value: From): unknown {
  if (typeof value !== 'object') return value;
  if ('cursor' in value) return { cursor: formatCursor(value.cursor) };
  if ('state' in value) return { state: formatCursor(value.state), upTo: formatCursor(value.upTo) };
  return value;
}

const MAX_META_ENTRIES = 16;

/** String keys, each with a string, finite number or boolean. */
export const meta: Kind<RecordMeta> = plain((value, where) => {
  const entries = Object.entries(objectOf(value, where));
  if (entries.length > MAX_META_ENTRIES) refuse(where, `a map of at most ${MAX_META_ENTRIES} entries`);
  for (const [name, item] of entries) {
    if (typeof item !== 'string' && typeof item !== 'boolean' && !Number.isFinite(item)) {
      refuse(`${where}.${name.slice(0, 64)}`, 'a string, finite number or boolean');
    }
  }
  return value as RecordMeta;
});

/** Keys are bounded in bytes by the hub; this only keeps absurd ones out. */
const key = nullable(text(1024));
const nullableMeta = nullable(meta);

/** A record as it is published: `[key, meta, payload bin]`, or `{key, meta, data | payloadBase64}`. */
export const recordInput: Kind<RecordInput> = {
  fromWire(value, where) {
    if (!Array.isArray(value)) refuse(where, 'an array');
    const [k, m, payload] = value as unknown[];
    if (!(payload instanceof Uint8Array)) refuse(`${where}.payload`, 'bin holding one msgpack value');
    return {
      key: key.fromWire(k, `${where}.key`),
      meta: nullableMeta.fromWire(m, `${where}.meta`),
      payload: payload as Uint8Array,
    };
  },
  toWire: (record) => [record.key, record.meta, record.payload],
  fromJson(value, where) {
    const source = objectOf(value, where);
    return {
      key: key.fromJson(source.key, `${where}.key`),
      meta: nullableMeta.fromJson(source.meta, `${where}.meta`),
      payload: payloadFromJson(source, where),
    };
  },
  toJson: (record) => ({ key: record.key, meta: record.meta, ...payloadToJson(record.payload) }),
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
