/**
 * What may be handed to a store: misuse is a TypeError before anything is touched, and a range is brought into one
 * normal form. A wrong type here would not fail by itself: RocksDB's binding stores a plain Uint8Array as the text
 * "1,2,3", and takes an empty bound for none.
 *
 * Used by rocks-store and memory-store.
 */
import type { StoreOperation, StoreRange } from './ordered-store.ts';

/** A range with nothing left open: at most one upper bound, limits always given. */
export interface NormalRange {
  /** Empty: from the first key. */
  readonly gte: Buffer;
  /** `undefined`: to the last key. Never empty. */
  readonly upper: { readonly key: Buffer; readonly inclusive: boolean } | undefined;
  readonly reverse: boolean;
  /** Infinity: no limit. */
  readonly limit: number;
  /** Infinity: no limit. */
  readonly maxBytes: number;
  readonly keysOnly: boolean;
}

/** Throws TypeError unless `key` is a Buffer of at least one byte. */
export function validateKey(key: Buffer): void {
  if (!Buffer.isBuffer(key) || key.length === 0) {
    throw new TypeError('a store key must be a Buffer of at least one byte');
  }
}

/** Throws TypeError unless it is a well-formed operation. */
export function validateOperation(operation: StoreOperation): void {
  validateKey(operation.key);
  if (operation.type === 'del') return;
  if (operation.type !== 'put') throw new TypeError("a store operation's type must be 'put' or 'del'");
  if (!Buffer.isBuffer(operation.value)) throw new TypeError('a stored value must be a Buffer');
}

/** The caller's operations with bytes of their own. Throws TypeError unless all are well-formed. */
export function copyOperations(operations: Iterable<StoreOperation>): StoreOperation[] {
  return Array.from(operations, (operation) => {
    validateOperation(operation);
    const key = Buffer.from(operation.key);
    if (operation.type === 'del') return { type: 'del', key };
    return { type: 'put', key, value: Buffer.from(operation.value) };
  });
}

/** Throws TypeError unless both are Buffers; as bounds they may be empty. */
export function validateBounds(gte: Buffer, lt: Buffer): void {
  validateBound('gte', gte);
  validateBound('lt', lt);
}

/** The normal form of a range; `undefined` where it can hold nothing. Throws TypeError when malformed. */
export function normalizeRange(range: StoreRange): NormalRange | undefined {
  const { gte = EMPTY, lt, lte, reverse = false, keysOnly = false } = range;
  validateBound('gte', gte);
  if (lt !== undefined) validateBound('lt', lt);
  if (lte !== undefined) validateBound('lte', lte);
  const limit = validateLimit('limit', range.limit);
  const maxBytes = validateLimit('maxBytes', range.maxBytes);
  const upper = upperBound(lt, lte);
  if (limit === 0 || upper?.key.length === 0) return undefined;
  return { gte, upper, reverse, limit, maxBytes, keysOnly };
}

/** A shared value for "no bytes". */
export const EMPTY = Buffer.alloc(0);

function upperBound(lt: Buffer | undefined, lte: Buffer | undefined): NormalRange['upper'] {
  if (lt !== undefined && (lte === undefined || Buffer.compare(lt, lte) <= 0))
    return { key: lt, inclusive: false };
  return lte === undefined ? undefined : { key: lte, inclusive: true };
}

function validateBound(name: string, bound: Buffer): void {
  if (!Buffer.isBuffer(bound)) throw new TypeError(`the bound ${name} must be a Buffer`);
}

function validateLimit(name: string, limit: number | undefined): number {
  if (limit === undefined) return Number.POSITIVE_INFINITY;
  if (!Number.isSafeInteger(limit) || limit < 0)
    throw new TypeError(`${name} must be a whole number, 0 or more`);
  return limit;
}
