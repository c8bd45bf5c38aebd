/**
 * The kinds of field that frames are made of. A kind knows one value as TypeScript sees it and as a form of frames
 * carries it, and checks what comes from outside. frame-layouts.ts builds every message from these; the codecs drive
 * them, each with its form: msgpack's is here, JSON's in json-form.ts, where the SDK does not carry it along.
 */
import { RingcastError } from './errors.ts';
import { type Cursor, type From, formatCursor, parseCursor, type RecordMeta } from './terms.ts';

/** What differs between frames as msgpack and as JSON: how parts with names lie together. */
export interface Form {
  /** The parts, in the order of `names`. Throws RingcastError `bad-frame`. */
  open(value: unknown, names: readonly string[], where: string): readonly unknown[];
  close(names: readonly string[], parts: unknown[]): unknown;
}

export interface Kind<T> {
  read(value: unknown, where: string, form: Form): T;
  write(value: T, form: Form): unknown;
}

/** An array. Further elements are ignored, undefined ones left off its end. */
export const wireForm: Form = {
  open: (value, _, where) => (Array.isArray(value) ? value : refuse(where, 'an array')),
  close(_, parts) {
    while (parts.length > 0 && parts.at(-1) === undefined) parts.pop();
    return parts;
  },
};

export function refuse(where: string, wanted: string): never {
  throw new RingcastError('bad-frame', `${where} must be ${wanted}`);
}

/** A kind that looks the same everywhere. */
function plain<T>(check: (value: unknown, where: string) => T): Kind<T> {
  return { read: check, write: (value) => value };
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
  return {
    read: (value, where, form) => (isNone(value) ? null : kind.read(value, where, form)),
    write: (value, form) => (value === null ? null : kind.write(value, form)),
  };
}

/** As {@link nullable}, for fields added later: absent ones are left out of the value, and off the end of the array. */
export function optional<T>(kind: Kind<T>): Kind<T | undefined> {
  return {
    read: (value, where, form) => (isNone(value) ? undefined : kind.read(value, where, form)),
    write: (value, form) => (value === undefined ? undefined : kind.write(value, form)),
  };
}

function isNone(value: unknown): boolean {
  return value === null || value === undefined;
}

export function list<T>(kind: Kind<T>, maxItems: number, minItems = 0): Kind<readonly T[]> {
  return {
    read(value, where, form) {
      if (!Array.isArray(value) || value.length > maxItems || value.length < minItems) {
        refuse(where, `an array of ${minItems} to ${maxItems} items`);
      }
      return (value as unknown[]).map((item, i) => kind.read(item, `${where}[${i}]`, form));
    },
    write: (value, form) => value.map((item) => kind.write(item, form)),
  };
}

export type Fields<T> = { readonly [K in keyof T]-?: Kind<T[K]> };

/** Named parts, in the order of the fields: as they lie together in the form. */
export function tuple<T extends object>(fields: Fields<T>): Kind<T> {
  const names = Object.keys(fields) as (keyof T & string)[];
  return {
    read(value, where, form) {
      const parts = form.open(value, names, where);
      const out: Partial<T> = {};
      for (let i = 0; i < names.length; i++) {
        const name = names[i]!;
        const part = fields[name].read(parts[i], `${where}.${name}`, form);
        if (part !== undefined) out[name] = part;
      }
      return out as T;
    },
    write: (value, form) =>
      form.close(
        names,
        names.map((name) => fields[name].write(value[name], form)),
      ),
  };
}

export function objectOf(value: unknown, where: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || ArrayBuffer.isView(value)) {
    refuse(where, 'a map with string keys');
  }
  return value as Record<string, unknown>;
}

/** A map whose members are looked up by name and may grow; unknown members are kept. */
export const dictionary: Kind<Readonly<Record<string, unknown>>> = plain(objectOf);

/** A cursor in its string form. */
export const cursor: Kind<Cursor> = { read: readCursor, write: formatCursor };

function readCursor(value: unknown, where: string): Cursor {
  return (
    (typeof value === 'string' ? parseCursor(value) : undefined) ??
    refuse(where, 'a cursor as the hub gave it, such as "1732380000-110"')
  );
}

export const from: Kind<From> = { read: readFrom, write: writeFrom };

function readFrom(value: unknown, where: string): From {
  if (value === 'latest' || value === 'earliest' || value === 'state') return value;
  if (typeof value === 'object' && value !== null) {
    const { last, since, cursor: at, state, upTo } = value as Record<string, unknown>;
    const given = [last, since, at, state].filter((member) => member !== undefined).length;
    if (given !== 1) refuse(where, 'a map with exactly one of last, since, cursor and state');
    if (state !== undefined) {
      return { state: readCursor(state, `${where}.state`), upTo: readCursor(upTo, `${where}.upTo`) };
    }
    if (last !== undefined) return { last: uint.read(last, `${where}.last`, wireForm) };
    if (since !== undefined) return { since: uint.read(since, `${where}.since`, wireForm) };
    if (at !== undefined) return { cursor: readCursor(at, `${where}.cursor`) };
  }
  return refuse(where, '"latest", "earliest", "state", {last}, {since}, {cursor} or {state, upTo}');
}

export function writeFrom(value: From): unknown {
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
