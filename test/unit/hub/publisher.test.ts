import { expect, test } from 'vitest';
import { Publisher } from '../../../server/hub/publisher.ts';
import { RingcastError } from '../../../shared/errors.ts';
import type { ServerFrame } from '../../../shared/frames.ts';

function publisherOf(windowBytes: number) {
  const sent: ServerFrame[] = [];
  return { sent, publisher: new Publisher(windowBytes, { send: (frame) => sent.push(frame) }) };
}

test('gives back exactly what was used, once half of the window is', () => {
  const { sent, publisher } = publisherOf(1000);
  publisher.spend(499);
  expect(publisher.settle(false)).toBe(false);
  expect(sent).toEqual([]);
  publisher.spend(1);
  expect(publisher.settle(false)).toBe(false);
  expect(sent).toEqual([{ op: 'publish-credit', bytes: 500 }]);
  expect(publisher.settle(false)).toBe(false);
  expect(sent).toHaveLength(1);
});

test('holds credit back while the hub is pressed, and says so', () => {
  const { sent, publisher } = publisherOf(1000);
  publisher.spend(600);
  expect(publisher.settle(true)).toBe(true);
  publisher.spend(100);
  expect(publisher.settle(true)).toBe(true);
  expect(sent).toEqual([]);
  publisher.settle(false);
  expect(sent).toEqual([{ op: 'publish-credit', bytes: 700 }]);
});

test('too little use to give back anything is nothing held back', () => {
  const { publisher } = publisherOf(1000);
  publisher.spend(499);
  expect(publisher.settle(true)).toBe(false);
});

test('who keeps to the credit is within it with any frame; who goes on without is not', () => {
  const { publisher } = publisherOf(1000);
  expect(publisher.spend(999)).toBe(true);
  expect(publisher.spend(1_000_000)).toBe(true);
  expect(publisher.spend(1)).toBe(false);
});

test('the answers of a tick go out in one frame, before the credit', () => {
  const { sent, publisher } = publisherOf(1000);
  const answers = [1, 2, 3].map((id) => ({ id, epoch: 1, firstOffsets: [id] }));
  for (const answer of answers) publisher.answer(answer);
  publisher.spend(1000);
  publisher.settle(false);
  expect(sent).toEqual([
    { op: 'published', answers },
    { op: 'publish-credit', bytes: 1000 },
  ]);
  publisher.settle(false);
  expect(sent).toHaveLength(2);
});

test('silent refusals are counted by channel and code, and told once', () => {
  const { sent, publisher } = publisherOf(1000);
  const forbidden = new RingcastError('forbidden', 'no');
  for (let i = 0; i < 3; i++) publisher.refuseSilent('a', forbidden);
  publisher.refuseSilent('b', forbidden);
  publisher.refuseSilent('a', new RingcastError('record-too-large', 'too large'));
  publisher.settle(false);
  const error = { op: 'error', id: null };
  expect(sent).toEqual([
    { ...error, code: 'forbidden', message: 'no', details: { channel: 'a', count: 3 } },
    { ...error, code: 'forbidden', message: 'no', details: { channel: 'b', count: 1 } },
    { ...error, code: 'record-too-large', message: 'too large', details: { channel: 'a', count: 1 } },
  ]);
  publisher.settle(false);
  expect(sent).toHaveLength(3);
});
