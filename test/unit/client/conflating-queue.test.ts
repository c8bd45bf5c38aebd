/** What waits for a slow application with policy `conflate`: the newest of each key, and gaps for the rest. */
import { describe, expect, test } from 'vitest';
import { Outlet } from '../../../client/outlet.ts';
import { type ReceivedRecord, readRun } from '../../../client/record.ts';
import { isGap, type QueueItem } from '../../../client/record-queue.ts';
import { encodeValue } from '../../../shared/msgpack.ts';
import { maxRecordBytes, writeRecord } from '../../../shared/record-run.ts';
import type { Gap } from '../../../shared/terms.ts';
import { Random } from '../../support/random.ts';

const EPOCH = 4;
const at = (offset: number) => ({ epoch: EPOCH, offset });
const conflated = (after: number, upTo: number, count = upTo - after): Gap => ({
  after: at(after),
  upTo: at(upTo),
  count,
  reason: 'conflated',
});

/** Records from `firstOffset` on, one of each key. */
function records(firstOffset: number, keys: readonly (string | null)[]): ReceivedRecord[] {
  const payload = encodeValue(0);
  const run = new Uint8Array(keys.reduce((sum, key) => sum + maxRecordBytes(key, null, payload), 0));
  const end = keys.reduce((place, key) => writeRecord(run, place, 1, key, null, payload), 0);
  const fields = { epoch: EPOCH, firstOffset, count: keys.length, run: run.subarray(0, end) };
  return readRun('a', fields as Parameters<typeof readRun>[1], 0);
}

/** An application that is given one item at a time, and takes it when the test says so. */
function slowReader() {
  const given: QueueItem[] = [];
  let finish: (() => void) | undefined;
  let nextOffset = 1;
  let released = 0;
  let taken = 0;
  const listener = (item: ReceivedRecord | { readonly gap: Gap }) => {
    given.push('gap' in item ? item.gap : item);
    return new Promise<void>((resolve) => {
      finish = resolve;
    });
  };
  const outlet = new Outlet<ReceivedRecord | { readonly gap: Gap }>(
    { listener, inline: true, conflates: true },
    { onGap: () => {}, onTaken: () => taken++, onListenerFailed: (error) => expect.fail(String(error)) },
  );
  const hold = { retain: () => {}, release: () => released++ };
  return {
    given,
    outlet,
    get released() {
      return released;
    },
    get taken() {
      return taken;
    },
    /** Offsets, and gaps as they are. */
    get seen() {
      return given.map((item) => (isGap(item) ? item : item.offset));
    },
    push(...keys: (string | null)[]) {
      outlet.push({ items: records(nextOffset, keys), bytes: 10, hold });
      nextOffset += keys.length;
    },
    pushGap(gap: Gap) {
      outlet.push({ items: [gap], bytes: 10, hold });
      nextOffset = gap.upTo.offset + 1;
    },
    async finish() {
      const done = finish;
      finish = undefined;
      done?.();
      await null;
      await null;
      return done !== undefined;
    },
    async finishAll() {
      while (await this.finish());
    },
  };
}

describe('a slow application that conflates', () => {
  test('is given the newest of each key that waits, and told of the rest by a gap before it', async () => {
    const reader = slowReader();
    reader.push('a', 'a', 'b');
    reader.push('a', 'b', 'c');
    reader.push('a', 'd');
    await reader.finishAll();
    expect(reader.seen).toEqual([1, conflated(1, 4), 5, 6, 7, 8]);
    expect(reader.outlet.cursor).toMatchObject(at(8));
  });

  test('is given all of one frame when nothing came after it', async () => {
    const reader = slowReader();
    reader.push('a', 'a', 'a');
    await reader.finishAll();
    expect(reader.seen).toEqual([1, 2, 3]);
  });

  test('is given what it was being given, though a newer one comes meanwhile', async () => {
    const reader = slowReader();
    reader.push('a');
    reader.push('a');
    expect(reader.outlet.cursor).toBe(null);
    await reader.finish();
    expect(reader.outlet.cursor).toMatchObject(at(1));
    await reader.finishAll();
    expect(reader.seen).toEqual([1, 2]);
  });

  test('is shown every key, though each changes before it is its turn', async () => {
    const reader = slowReader();
    for (let turn = 0; turn < 40; turn++) {
      reader.push('a', 'b', 'c', 'd');
      await reader.finish();
    }
    const shown = reader.given.flatMap((item) => (isGap(item) ? [] : [item.key]));
    for (const key of ['a', 'b', 'c', 'd']) {
      expect(shown.filter((each) => each === key).length, key).toBeGreaterThan(5);
    }
  });

  test('is given every record without a key', async () => {
    const reader = slowReader();
    reader.push(null, 'a', null);
    reader.push('a', null);
    await reader.finishAll();
    expect(reader.seen).toEqual([1, conflated(1, 2), 3, 4, 5]);
  });

  test('is told of what the hub left out and of what was left out here by one gap', async () => {
    const reader = slowReader();
    reader.push('x', 'a');
    reader.pushGap(conflated(2, 10));
    reader.push('a', 'b');
    reader.pushGap(conflated(12, 20, 5));
    reader.push('a', 'b');
    await reader.finishAll();
    expect(reader.seen).toEqual([1, conflated(1, 20, 16), 21, 22]);
  });

  test('is told of a gap of another kind by itself', async () => {
    const reader = slowReader();
    const retention: Gap = { after: at(2), upTo: at(9), count: 7, reason: 'retention' };
    reader.push('x', 'a');
    reader.pushGap(retention);
    reader.push('a');
    await reader.finishAll();
    expect(reader.seen).toEqual([1, conflated(1, 2), retention, 10]);
  });

  test('is given a state whole, whose records are no positions', async () => {
    const reader = slowReader();
    reader.push('x');
    reader.outlet.push({ items: records(2, ['a', 'b']), bytes: 10, cursorAfter: at(9) });
    reader.outlet.push({ items: records(10, ['a']), bytes: 10 });
    await reader.finishAll();
    expect(reader.seen).toEqual([1, 2, 3, 10]);
    expect(reader.outlet.cursor).toMatchObject(at(10));
  });

  test('gives back the room of every frame, also of one that was left out whole', async () => {
    const reader = slowReader();
    for (let frame = 0; frame < 5; frame++) reader.push('a', 'a');
    await reader.finishAll();
    expect(reader.seen).toEqual([1, conflated(1, 9), 10]);
    expect(reader.released).toBe(5);
    expect(reader.taken).toBeGreaterThan(0);
    expect(reader.outlet.queuedBytes).toBe(0);
  });

  test('sees each record or a gap over it, in order, and the newest of each key, whatever comes when', async () => {
    const random = new Random();
    const reader = slowReader();
    const keys: (string | null)[] = [];
    for (let step = 0; step < 3000; step++) {
      if (random.chance(0.5)) {
        const chunk = Array.from({ length: 1 + random.below(6) }, () =>
          random.pick(['a', 'b', 'c', 'd', null]),
        );
        reader.push(...chunk);
        keys.push(...chunk);
      } else await reader.finish();
    }
    await reader.finishAll();
    let position = 0;
    const given = new Set<number>();
    for (const item of reader.given) {
      if (isGap(item)) {
        expect(item, `seed ${random.seed}`).toEqual(conflated(position, item.upTo.offset));
        position = item.upTo.offset;
      } else {
        expect(item.offset, `seed ${random.seed}`).toBe(position + 1);
        position = item.offset;
        given.add(position);
      }
    }
    expect(position).toBe(keys.length);
    for (const [index, key] of keys.entries()) {
      const isNewest = key === null || keys.lastIndexOf(key) === index;
      if (isNewest) expect(given.has(index + 1), `seed ${random.seed}, offset ${index + 1}`).toBe(true);
    }
    expect(given.size).toBeLessThan(keys.length / 2);
    expect(reader.outlet.queuedBytes).toBe(0);
  });
});
