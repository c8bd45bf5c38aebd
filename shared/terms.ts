/**
 * The glossary as types: every noun that both sides speak. No behaviour beyond comparing and writing cursors.
 */

/** Position of a record in its channel, from 1. Below 2^53. Grows by one per record in the embedded log, but no reader may rely on that. */
export type Offset = number;

/**
 * One uninterrupted history of the hub. A new epoch is max(previous + 1, Unix seconds); it begins whenever the hub
 * cannot prove that nothing was lost (unclean stop, empty or restored data folder, memory store).
 */
export type Epoch = number;

/**
 * A point between two records of a channel: everything up to and including (epoch, offset) has been processed.
 * Only the pair grows: (4, 105) is later than (3, 110). Offset 0 stands before the first record.
 */
export interface Cursor {
  readonly epoch: Epoch;
  readonly offset: Offset;
}

/** Before everything, in any history. */
export const ORIGIN: Cursor = Object.freeze({ epoch: 0, offset: 0 });

/** Negative when `a` is earlier, positive when later, 0 when equal. The only way cursors may be compared. */
export function compareCursors(a: Cursor, b: Cursor): number {
  return a.epoch - b.epoch || a.offset - b.offset;
}

/** The cursor's short string form, `<epoch>-<offset>` in decimal, as users, URLs and JSON carry it. */
export function formatCursor(cursor: Cursor): string {
  return `${cursor.epoch}-${cursor.offset}`;
}

const CURSOR_FORM = /^(0|[1-9]\d{0,15})-(0|[1-9]\d{0,15})$/;

/** The inverse of {@link formatCursor}; `undefined` for anything else. */
export function parseCursor(text: string): Cursor | undefined {
  const match = CURSOR_FORM.exec(text);
  if (!match) return undefined;
  const epoch = Number(match[1]);
  const offset = Number(match[2]);
  return Number.isSafeInteger(epoch) && Number.isSafeInteger(offset) ? { epoch, offset } : undefined;
}

/** Small facts about a record, beside its payload: at most 16 entries. */
export type RecordMeta = Readonly<Record<string, string | number | boolean>>;

/** What a publisher hands in. `payload` is exactly one msgpack value, opaque to the hub. */
export interface RecordInput {
  readonly key: string | null;
  readonly meta: RecordMeta | null;
  readonly payload: Uint8Array;
}

/** A record as the log holds it. `timeMs` is the hub's Unix time of the append, never decreasing within a channel. */
export interface LogRecord extends RecordInput {
  readonly timeMs: number;
}

/** Why records are missing, in order of precedence where causes meet. */
export const GAP_REASONS = ['lost', 'retention', 'conflated', 'dropped'] as const;
export type GapReason = (typeof GAP_REASONS)[number];

/**
 * Records that a reader is not given: all after `after`, up to and including `upTo`.
 * `count` is exact, or null when the hub cannot know it; it is never 0 for "unknown".
 * `after` may be earlier than what the reader was shown (reason `lost`): the records between are withdrawn.
 */
export interface Gap {
  readonly after: Cursor;
  readonly upTo: Cursor;
  readonly count: number | null;
  readonly reason: GapReason;
}

/** When a publish is acknowledged: never; once in the ring with its position assigned; once synced to disk. */
export const ACK_LEVELS = ['none', 'memory', 'disk'] as const;
export type AckLevel = (typeof ACK_LEVELS)[number];

/**
 * What becomes of a reader that lags: it is given everything, later · the oldest of what it missed is left out · of each
 * key only the newest is kept · its connection is ended, to resume later.
 */
export const DROP_POLICIES = ['replay', 'drop-oldest', 'conflate', 'disconnect'] as const;
export type DropPolicy = (typeof DROP_POLICIES)[number];

/** When a record is shown to a reader: once it is in the ring, or only once it is synced, so that no crash takes it back. */
export const DELIVERIES = ['memory', 'durable'] as const;
export type Delivery = (typeof DELIVERIES)[number];

/**
 * Where a reader starts. `last` counts records; `since` is Unix time in ms, inclusive; a cursor resumes after what it names.
 * `state`: the newest record of each key, then the log. The map goes on with a state that was cut off: what is later than
 * `state` of one that is complete to `upTo`, then the log from there.
 */
export type From =
  | 'latest'
  | 'earliest'
  | 'state'
  | { readonly state: Cursor; readonly upTo: Cursor }
  | { readonly last: number }
  | { readonly since: number }
  | { readonly cursor: Cursor };
