/**
 * What every outbox store has to hold, as plain functions: they run under a test runner and in a page alike, so they
 * bring their own way to complain.
 */
import type { OutboxClaim, OutboxStore, StoredFrame } from '../../client/stores/outbox-store.ts';

export interface OutboxStoreClaim {
  readonly title: string;
  /** @param open the store, over the same place each time; what `open` gave before stays usable. */
  run(open: () => OutboxStore): Promise<void>;
}

const HUB = 'hub.test/';
const HEAD = { producerId: 'somebody', lastSequence: 7 };

function frame(order: number, bytes: readonly number[] = [order]): StoredFrame {
  const entry = {
    channel: 'a',
    sequence: order,
    expectedCursor: null,
    bytes: Uint8Array.from(bytes),
    ends: [1],
  };
  return { order, ack: 'memory', sentMs: null, entries: [entry] };
}

function same(have: unknown, wanted: unknown, what: string): void {
  const text = (value: unknown) =>
    JSON.stringify(value, (_key, each) => (each instanceof Uint8Array ? [...each] : each));
  if (text(have) !== text(wanted)) throw new Error(`${what}: have ${text(have)}, want ${text(wanted)}`);
}

function put(claim: OutboxClaim, ...frames: StoredFrame[]): Promise<void> {
  return claim.write({ head: HEAD, put: frames, remove: [] });
}

const orders = ({ content }: OutboxClaim) => content.frames.map(({ order }) => order);

export const OUTBOX_STORE_SUITE: readonly OutboxStoreClaim[] = [
  {
    title: 'begins with nothing',
    run: async (open) => {
      const claim = await open().claim(HUB);
      same(claim.content, { head: null, frames: [] }, 'the content');
      same(await open().claimLeftovers(HUB), undefined, 'leftovers');
    },
  },
  {
    title: 'gives back what was written, in order and to the byte',
    run: async (open) => {
      const claim = await open().claim(HUB);
      const whole: StoredFrame = {
        order: 300,
        ack: 'disk',
        sentMs: 1_700_000_000_000,
        entries: [
          { channel: 'a', sequence: 5, expectedCursor: '7-9', bytes: Uint8Array.of(0, 255, 3), ends: [1, 3] },
          { channel: 'b', sequence: 1, expectedCursor: null, bytes: new Uint8Array(0), ends: [] },
        ],
      };
      await put(claim, whole, frame(2));
      await put(claim, frame(10), frame(1));
      await claim.release();
      const again = await open().claim(HUB);
      same(again.content.head, HEAD, 'the head');
      same(orders(again), [1, 2, 10, 300], 'the orders');
      same(again.content.frames[3], whole, 'a frame');
      same(again.content.frames[3]!.entries[0]!.bytes instanceof Uint8Array, true, 'bytes are Uint8Array');
    },
  },
  {
    title: 'replaces and removes, and takes no offence at what is not there',
    run: async (open) => {
      const claim = await open().claim(HUB);
      await put(claim, frame(1), frame(2), frame(3));
      const head = { producerId: 'somebody', lastSequence: 8 };
      await claim.write({ head, put: [frame(2, [9])], remove: [1, 77] });
      await claim.release();
      const { content } = await open().claim(HUB);
      same(content, { head, frames: [frame(2, [9]), frame(3)] }, 'the content');
    },
  },
  {
    title: 'keeps its own copy of the bytes',
    run: async (open) => {
      const claim = await open().claim(HUB);
      const bytes = Uint8Array.of(1);
      const entry = { channel: 'a', sequence: 1, expectedCursor: null, bytes, ends: [1] };
      await put(claim, { order: 1, ack: 'memory', sentMs: null, entries: [entry] });
      bytes[0] = 2;
      await claim.release();
      same((await open().claim(HUB)).content.frames, [frame(1)], 'the frames');
    },
  },
  {
    title: 'gives no content to two at once',
    run: async (open) => {
      const [first, second] = await Promise.all([open().claim(HUB), open().claim(HUB)]);
      await put(first, frame(1));
      await put(second, frame(2));
      same(await open().claimLeftovers(HUB), undefined, 'leftovers while both are held');
      await Promise.all([first.release(), second.release()]);
      const found = [await open().claimLeftovers(HUB), await open().claimLeftovers(HUB)];
      same(found.map((claim) => orders(claim!)).sort(), [[1], [2]], 'leftovers');
      same(await open().claimLeftovers(HUB), undefined, 'leftovers while those are held');
    },
  },
  {
    title: 'prefers contents with frames, and gives as leftovers no others',
    run: async (open) => {
      const [empty, left] = [await open().claim(HUB), await open().claim(HUB)];
      await put(empty, frame(1));
      await empty.write({ head: HEAD, put: [], remove: [1] });
      await put(left, frame(2));
      await Promise.all([empty.release(), left.release()]);
      const claim = await open().claim(HUB);
      same(orders(claim), [2], 'the frames of the first claim');
      same(await open().claimLeftovers(HUB), undefined, 'leftovers');
      same(orders(await open().claim(HUB)), [], 'the frames of the second claim');
    },
  },
  {
    title: 'keeps hubs apart',
    run: async (open) => {
      const claim = await open().claim(HUB);
      await put(claim, frame(1));
      await claim.release();
      same(orders(await open().claim('hub.test/other')), [], 'the frames of another hub');
      same(orders(await open().claim(HUB)), [1], 'the frames of the hub');
    },
  },
];
