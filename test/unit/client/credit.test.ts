/** Applications that are slower than their channels: what the hub is given credit for, and who waits for whom. */
import { describe, expect, test } from 'vitest';
import { CreditWindow } from '../../../client/credit-window.ts';
import type { ReceivedRecord } from '../../../client/record.ts';
import type { Subscription } from '../../../client/subscription.ts';
import { collector, comeBack, quiet, setUp } from '../../support/fake-client.ts';
import type { FakeHub } from '../../support/fake-hub.ts';

const WINDOW = 2 ** 20;
const BIG = 'x'.repeat(60_000);
/** What a frame with one big record takes on the wire, roughly. */
const FRAME_BYTES = 60_100;

function bigs(count: number): string[] {
  return Array.from({ length: count }, () => BIG);
}

function upTo(last: number, first = 1): number[] {
  return Array.from({ length: last - first + 1 }, (_, n) => first + n);
}

/** A subscription whose records wait, and the function that lets the listener go on for good. */
function stalled(subscribe: (listener: (record: ReceivedRecord) => unknown) => Subscription) {
  const seen: number[] = [];
  let open: (() => void) | undefined;
  const gate = new Promise<void>((resolve) => {
    open = resolve;
  });
  const subscription = subscribe(async (record) => {
    await gate;
    seen.push(record.offset);
  });
  return { seen, subscription, go: () => open?.() };
}

async function setUpOneByOne() {
  return setUp({}, (hub) => {
    hub.recordsPerBatch = 1;
  });
}

function given(hub: FakeHub): number[] {
  return hub.received('credit').map(({ bytes }) => bytes);
}

describe('credit window', () => {
  const setUpWindow = () => {
    let calls = 0;
    const window = new CreditWindow(1000, () => {
      calls++;
    });
    return { window, calls: () => calls };
  };

  test('is given back in halves, once the application has taken so much', () => {
    const { window, calls } = setUpWindow();
    const holds = [300, 300].map((bytes) => window.charge(bytes));
    holds[0]!.release();
    expect([calls(), window.takeReturn(), window.heldBytes]).toEqual([0, 0, 300]);
    holds[1]!.release();
    expect([calls(), window.takeReturn(), window.takeReturn(), window.heldBytes]).toEqual([1, 600, 0, 0]);
  });

  test('a frame is held until the last who keeps records of it has released it', () => {
    const { window } = setUpWindow();
    const hold = window.charge(800);
    hold.retain();
    hold.retain();
    hold.release();
    hold.release();
    expect([window.heldBytes, window.takeReturn()]).toEqual([800, 0]);
    hold.release();
    expect([window.heldBytes, window.takeReturn()]).toEqual([0, 800]);
  });

  test('is exhausted by what is held and what is not given back together', () => {
    const { window } = setUpWindow();
    const [first] = [window.charge(400), window.charge(599)];
    first!.release();
    expect(window.exhausted).toBe(false);
    window.charge(1);
    expect(window.exhausted).toBe(true);
  });

  test('a new subscription begins with what is held, and gives back what is taken from then on', () => {
    const { window } = setUpWindow();
    const holds = [window.charge(400), window.charge(900)];
    holds[0]!.release();
    expect(window.begin()).toBe(900);
    expect(window.takeReturn()).toBe(0);
    holds[1]!.release();
    expect(window.takeReturn()).toBe(900);
    window.charge(5000);
    expect(window.begin()).toBe(1000);
  });
});

describe('an application that is slow', () => {
  test('is sent a window and no more, and all the rest once it takes what it has', async () => {
    const { hub, clock, client } = await setUpOneByOne();
    const { seen, go } = stalled((listener) => client.subscribe('a', {}, listener));
    await quiet();
    hub.append('a', ...bigs(100));
    await quiet();
    clock.advance(10_000);
    await quiet();
    expect(hub.received('subscribe')[0]?.options).toEqual({ creditBytes: WINDOW });
    expect(client.backlog.queuedBytes).toBeGreaterThan(WINDOW - FRAME_BYTES);
    expect(client.backlog.queuedBytes).toBeLessThan(WINDOW + FRAME_BYTES);
    go();
    await quiet();
    expect(seen).toEqual(upTo(100));
    expect(hub.received('pull')).toEqual([]);
    for (const bytes of given(hub)) expect(bytes).toBeGreaterThanOrEqual(WINDOW / 2);
    expect(given(hub).length).toBeGreaterThan(8);
  });

  test('of an iterator as well', async () => {
    const { hub, client } = await setUpOneByOne();
    const iterator = client.subscribe('a')[Symbol.asyncIterator]();
    await quiet();
    hub.append('a', ...bigs(40));
    await quiet();
    expect(client.backlog.queuedBytes).toBeLessThan(WINDOW + FRAME_BYTES);
    for (const offset of upTo(40)) expect((await iterator.next()).value?.offset).toBe(offset);
  });

  test('that awaits its publish before the next record is not held up for ever', async () => {
    const { hub, client } = await setUpOneByOne();
    const seen: number[] = [];
    client.subscribe('a', {}, async (record) => {
      await client.publish('out', record.offset);
      seen.push(record.offset);
    });
    await quiet();
    hub.append('a', ...bigs(100));
    await quiet();
    expect(seen).toEqual(upTo(100));
  });

  test('holds up neither other channels nor anything else on the connection', async () => {
    const { hub, client } = await setUpOneByOne();
    stalled((listener) => client.subscribe('a', {}, listener));
    const other = collector();
    client.subscribe('b', {}, other.listener);
    await quiet();
    hub.append('a', ...bigs(60));
    hub.append('b', 'urgent');
    await quiet();
    expect(other.seen).toEqual(['urgent']);
    expect(await client.publish('c', 1)).toEqual({ cursor: '7-1' });
  });

  test('is sent no more on the next connection than there is room for', async () => {
    const { hub, clock, client } = await setUpOneByOne();
    const { seen, go } = stalled((listener) => client.subscribe('a', {}, listener));
    await quiet();
    hub.append('a', ...bigs(30));
    await quiet();
    hub.connection.cut();
    await comeBack({ clock, client });
    hub.append('a', BIG);
    await quiet();
    expect(hub.received('subscribe')[1]?.options).toEqual({ creditBytes: WINDOW, heldBytes: WINDOW });
    expect(client.backlog.queuedBytes).toBeLessThan(WINDOW + FRAME_BYTES);
    go();
    await quiet();
    expect(seen).toEqual(upTo(31));
  });

  test('a frame larger than the window passes, and does not stop what follows', async () => {
    const { hub, client } = await setUp({ maxQueuedBytes: 1000 }, (prepared) => {
      prepared.recordsPerBatch = 1;
    });
    const { seen, listener } = collector();
    client.subscribe('a', {}, listener);
    await quiet();
    hub.append('a', 'x'.repeat(5000), 'y'.repeat(5000), 'z');
    await quiet();
    expect(seen).toHaveLength(3);
  });

  test('frames that bring nothing new are given back at once', async () => {
    const { hub, client } = await setUp({ maxQueuedBytes: 1000 });
    client.subscribe('a', {}, () => {});
    await quiet();
    const entries = hub.append('a', 'x'.repeat(300));
    await quiet();
    for (let i = 0; i < 4; i++) {
      hub.connection.sendBatch(1, { epoch: 7, offset: 0 }, entries);
    }
    await quiet();
    expect(given(hub)).toHaveLength(2);
  });
});

describe('several readers of one channel', () => {
  test('wait for the slowest for a second; then it reads the log by itself, missing and repeating nothing', async () => {
    const { hub, clock, client } = await setUpOneByOne();
    const slow = stalled((listener) => client.subscribe('a', {}, listener));
    const quick: number[] = [];
    client.subscribe('a', {}, (record) => quick.push(record.offset));
    await quiet();
    hub.append('a', ...bigs(60));
    await quiet();
    const before = quick.length;
    expect(before).toBeLessThan(20);
    clock.advance(999);
    await quiet();
    expect(quick).toHaveLength(before);
    clock.advance(1);
    await quiet();
    expect(quick).toEqual(upTo(60));
    expect(slow.subscription.state).toBe('catching-up');
    expect(client.backlog.queuedBytes).toBeLessThan(WINDOW + FRAME_BYTES);
    slow.go();
    await quiet();
    hub.append('a', 'more');
    await quiet();
    expect(slow.seen).toEqual(upTo(61));
    expect(slow.subscription.state).toBe('live');
  });

  test('a stall that ends in time sends nobody off', async () => {
    const { hub, clock, client } = await setUpOneByOne();
    const slow = stalled((listener) => client.subscribe('a', {}, listener));
    client.subscribe('a', {}, () => {});
    await quiet();
    hub.append('a', ...bigs(60));
    await quiet();
    clock.advance(999);
    slow.go();
    await quiet();
    clock.advance(10_000);
    await quiet();
    expect(slow.seen).toEqual(upTo(60));
    expect(hub.received('pull')).toEqual([]);
  });

  test('one that unsubscribes makes room for the others', async () => {
    const { hub, client } = await setUpOneByOne();
    const slow = stalled((listener) => client.subscribe('a', {}, listener));
    const quick: number[] = [];
    client.subscribe('a', {}, (record) => quick.push(record.offset));
    await quiet();
    hub.append('a', ...bigs(60));
    await quiet();
    slow.subscription.unsubscribe();
    await quiet();
    expect(quick).toEqual(upTo(60));
  });

  test('with another policy than replay nobody is sent off: the hub decides what they miss', async () => {
    const { hub, clock, client } = await setUpOneByOne();
    const options = { policy: 'drop-oldest', maxLagRecords: 5 } as const;
    const slow = stalled((listener) => client.subscribe('a', options, listener));
    client.subscribe('a', options, () => {});
    await quiet();
    hub.append('a', ...bigs(60));
    await quiet();
    clock.advance(10_000);
    await quiet();
    expect(hub.received('pull')).toEqual([]);
    slow.go();
    await quiet();
    expect(slow.seen).toEqual(upTo(60));
  });
});
