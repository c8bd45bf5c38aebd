import { expect, test } from 'vitest';
import { Inbox } from '../../../server/net/inbox.ts';
import { until } from '../../support/until.ts';

/** What a frame that waits is charged beside its bytes. */
const OVERHEAD = 128;

/** Works on frames that begin with 1 until it is told that they are done; on others at once. */
function slowInbox(maxBytes = 1000) {
  const seen: number[][] = [];
  const releases: (() => void)[] = [];
  const inbox = new Inbox(maxBytes, {
    handle(bytes) {
      seen.push([...bytes]);
      return bytes[0] === 1 ? new Promise<void>((resolve) => releases.push(resolve)) : undefined;
    },
    foresee() {},
  });
  return { inbox, seen, release: () => releases.shift()!() };
}

test('frames that need no waiting are worked on at once', () => {
  const { inbox, seen } = slowInbox();
  inbox.take(Uint8Array.of(2));
  inbox.take(Uint8Array.of(3));
  expect(seen).toEqual([[2], [3]]);
});

test('frames behind a slow one wait for it, and keep their order and their bytes', async () => {
  const { inbox, seen, release } = slowInbox();
  const message = Uint8Array.of(1, 0);
  inbox.take(message);
  for (const frame of [2, 1, 3]) {
    message.set([frame, frame]);
    inbox.take(message);
  }
  message.fill(99);
  expect(seen).toEqual([[1, 0]]);
  release();
  await until(() => seen.length === 3, { what: 'the next slow one' });
  expect(seen).toEqual([
    [1, 0],
    [2, 2],
    [1, 1],
  ]);
  inbox.take(Uint8Array.of(4));
  release();
  await until(() => seen.length === 5, { what: 'the rest' });
  expect(seen.slice(3)).toEqual([[3, 3], [4]]);
  inbox.take(Uint8Array.of(5));
  expect(seen.at(-1)).toEqual([5]);
});

test('more bytes waiting than allowed are refused; what was worked on counts no more', async () => {
  const { inbox, seen, release } = slowInbox(10 + 2 * OVERHEAD);
  inbox.take(Uint8Array.of(1));
  expect(inbox.take(new Uint8Array(6))).toBe(true);
  expect(inbox.take(new Uint8Array(4))).toBe(true);
  release();
  await until(() => seen.length === 3, { what: 'the waiting ones' });
  inbox.take(Uint8Array.of(1));
  expect(inbox.take(new Uint8Array(10))).toBe(true);
  expect(inbox.take(new Uint8Array(1))).toBe(false);
});

test('empty frames are not free (two million of them waited)', () => {
  const { inbox } = slowInbox(10 * OVERHEAD);
  inbox.take(Uint8Array.of(1));
  for (let i = 0; i < 10; i++) expect(inbox.take(new Uint8Array(0))).toBe(true);
  expect(inbox.take(new Uint8Array(0))).toBe(false);
});

test('once closed, nothing that waited is worked on', async () => {
  const { inbox, seen, release } = slowInbox();
  inbox.take(Uint8Array.of(1));
  inbox.take(Uint8Array.of(2));
  inbox.close();
  release();
  await new Promise((resolve) => setImmediate(resolve));
  expect(seen).toEqual([[1]]);
});

test('frames that wait are shown ahead of their turn, so many at a time', async () => {
  const releases: (() => void)[] = [];
  const shown: number[] = [];
  const inbox = new Inbox(100_000, {
    handle: () => new Promise<void>((resolve) => releases.push(resolve)),
    foresee: (bytes) => shown.push(bytes[0]!),
  });
  for (let i = 0; i < 41; i++) inbox.take(Uint8Array.of(i));
  expect(shown).toEqual(Array.from({ length: 32 }, (_, i) => i + 1));
  releases.shift()!();
  await until(() => releases.length === 1, { what: 'the second' });
  expect(shown.at(-1)).toBe(33);
});
