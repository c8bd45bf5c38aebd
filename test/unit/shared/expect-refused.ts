/** What every hostile frame must meet: a RingcastError of the right code, quickly, with a text that fits an error frame. */
import { expect } from 'vitest';
import { RingcastError } from '../../../shared/errors.ts';

/** Far above what any of these may take, far below what a hang or a quadratic reading would. */
const QUICK_MS = 1500;
export const MiB = 2 ** 20;

export const hex = (text: string) => Uint8Array.from(Buffer.from(text.replaceAll(' ', ''), 'hex'));
export const json = (value: unknown) =>
  new Uint8Array(Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)));

function errorOf(read: () => unknown): unknown {
  const startMs = performance.now();
  try {
    return { returned: read() };
  } catch (error) {
    return error;
  } finally {
    expect(performance.now() - startMs).toBeLessThan(QUICK_MS);
  }
}

export function expectRefused(
  read: () => unknown,
  code: 'bad-frame' | 'unknown-opcode',
  hint?: string,
): void {
  const error = errorOf(read);
  expect(error, hint).toBeInstanceOf(RingcastError);
  expect((error as RingcastError).code, hint).toBe(code);
  // It goes into an error frame, whose message has this limit.
  expect((error as RingcastError).message.length, hint).toBeLessThanOrEqual(4096);
}
