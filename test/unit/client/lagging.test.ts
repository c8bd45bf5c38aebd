/** The lag and the status of a client, over a fake hub: of a slow application, behind a full socket, after a cut. */
import { beforeEach, describe, expect, test } from 'vitest';
import type { Lag } from '../../../client/lag.ts';
import { LagWatch, LOOK_MS } from '../../../client/lag-watch.ts';
import type { Status } from '../../../client/options.ts';
import type { Subscription } from '../../../client/subscription.ts';
import type { Clock } from '../../../shared/clock.ts';
import { comeBack, type FakeSetup, quiet, setUp } from '../../support/fake-client.ts';

let setup: FakeSetup;
let statuses: Status[];
let lags: (Lag | null)[];

beforeEach(async () => {
  setup = await setUp();
  statuses = [];
  lags = [];
  setup.client.on('status', (status) => statuses.push(status));
  setup.client.on('lag', (lag) => lags.push(lag));
});

/** A listener whose records are done with when the test says so. */
class SlowListener {
  readonly taking: (() => void)[] = [];
  readonly listener = () => new Promise<void>((resolve) => this.taking.push(resolve));

  async take(count: number): Promise<void> {
    for (let i = 0; i < count; i++) {
      this.taking.shift()?.();
      await quiet();
    }
  }
}

/** Appends at the hub's present time. */
async function append(channel: string, ...values: unknown[]): Promise<void> {
  const { hub, clock } = setup;
  // The time of the welcome is 1000 at the clock's beginning.
  hub.log(channel).timeMs = 1000 + clock.nowMs() - 1_700_000_000_000 - values.length;
  hub.append(channel, ...values);
  await quiet();
}

async function pass(ms: number): Promise<void> {
  for (let left = ms; left > 0; left -= 50) {
    setup.clock.advance(Math.min(50, left));
    await quiet();
  }
}

async function open(channel: string, listener?: (item: unknown) => unknown): Promise<Subscription> {
  const subscription = setup.client.subscribe(channel, {}, listener);
  await quiet();
  // Nobody looks any more.
  await pass(2 * LOOK_MS);
  return subscription;
}

function sendHead(channel: string, offset: number, live: boolean): void {
  const { connection } = setup.hub;
  const channelNumber = connection.numberOf(channel);
  connection.send({ op: 'head', channelNumber, head: { epoch: setup.hub.epoch, offset }, live });
}

describe('a slow application', () => {
  test('sees its lag grow in records and age, and fall to zero with a last event', async () => {
    const slow = new SlowListener();
    const subscription = await open('a', slow.listener);
    const told: (Lag | null)[] = [];
    subscription.on('lag', (lag) => told.push(lag));
    await append('a', 1, 2, 3);
    await pass(500);
    expect(subscription.lag).toEqual({ records: 3, ms: 502 });
    expect(setup.client.lag).toEqual({ records: 3, ms: 502 });
    expect(subscription.cursor).toBe('7-0');
    await slow.take(1);
    expect(subscription.lag).toEqual({ records: 2, ms: 501 });
    await slow.take(2);
    expect(subscription.lag).toEqual({ records: 0, ms: 0 });
    await pass(1000);
    expect(told).toEqual([
      { records: 3, ms: 252 },
      { records: 3, ms: 502 },
      { records: 0, ms: 0 },
    ]);
    expect(lags).toEqual(told);
  });

  test('is told so at most four times a second, and nothing is looked at once it has caught up', async () => {
    const slow = new SlowListener();
    await open('a', slow.listener);
    for (let i = 0; i < 40; i++) {
      await append('a', i);
      await pass(50);
    }
    expect(lags.length).toBeGreaterThan(4);
    expect(lags.length).toBeLessThanOrEqual(8);
    await slow.take(40);
    await pass(LOOK_MS);
    expect(lags.at(-1)).toEqual({ records: 0, ms: 0 });
    const told = lags.length;
    await append('a', 'one more');
    await slow.take(1);
    await pass(5000);
    expect(lags).toHaveLength(told);
  });

  test('has its client catch up after a second, and be live once it is quick again', async () => {
    const slow = new SlowListener();
    await open('a', slow.listener);
    await append('a', 1, 2);
    await pass(1000);
    expect(statuses).toEqual([]);
    await pass(500);
    expect(setup.client.status).toBe('catching-up');
    await slow.take(2);
    await pass(LOOK_MS);
    expect(statuses).toEqual(['catching-up', 'live']);
  });

  test('that keeps up with its channel is not slow, however busy it is', async () => {
    const slow = new SlowListener();
    const subscription = await open('a', slow.listener);
    for (let i = 0; i < 100; i++) {
      await append('a', i);
      await slow.take(i === 0 ? 0 : 1);
      await pass(50);
      expect(subscription.lag?.records).toBe(1);
    }
    expect(statuses).toEqual([]);
  });

  test('that iterates is counted alike', async () => {
    const subscription = await open('a');
    const iterator = subscription[Symbol.asyncIterator]();
    await append('a', 1, 2, 3);
    await quiet();
    await iterator.next();
    expect(subscription.lag?.records).toBe(2);
    await iterator.next();
    await iterator.next();
    expect(subscription.lag?.records).toBe(0);
  });

  test('that unsubscribes lags no more', async () => {
    const subscription = await open('a', new SlowListener().listener);
    await append('a', 1);
    await pass(2000);
    expect(setup.client.status).toBe('catching-up');
    subscription.unsubscribe();
    expect(setup.client.status).toBe('live');
    expect(setup.client.lag).toEqual({ records: 0, ms: 0 });
    expect(subscription.lag).toBeNull();
    expect(lags.at(-1)).toEqual({ records: 0, ms: 0 });
  });
});

describe('behind a full socket or without credit', () => {
  test('a subscription is as far behind as the hub says, and catches up until it says otherwise', async () => {
    const subscription = await open('a', () => {});
    await append('a', 1);
    await pass(1000);
    setup.hub.autoPush = false;
    sendHead('a', 500, false);
    await quiet();
    expect(subscription.state).toBe('catching-up');
    expect(subscription.lag?.records).toBe(499);
    await pass(2 * LOOK_MS);
    expect(statuses).toEqual(['catching-up']);
    expect(subscription.lag).toEqual({ records: 499, ms: 500 });
    await append('a', ...Array.from({ length: 499 }, (_, i) => i));
    setup.hub.push();
    await quiet();
    expect(subscription.state).toBe('catching-up');
    expect(subscription.lag).toEqual({ records: 0, ms: 0 });
    sendHead('a', 500, true);
    await quiet();
    expect(subscription.state).toBe('live');
    expect(statuses).toEqual(['catching-up', 'live']);
  });

  test('a head moves no cursor, and one that was passed already is forgotten', async () => {
    const subscription = await open('a', () => {});
    await append('a', 1, 2, 3);
    await quiet();
    sendHead('a', 2, false);
    await quiet();
    expect(subscription.cursor).toBe('7-3');
    expect(subscription.lag).toEqual({ records: 0, ms: 0 });
  });

  test('a spell of less than a quarter of a second is not told', async () => {
    const subscription = await open('a', () => {});
    const states: string[] = [];
    subscription.on('state', (state) => states.push(state));
    sendHead('a', 0, false);
    await quiet();
    await pass(LOOK_MS - 50);
    sendHead('a', 0, true);
    await quiet();
    await pass(2000);
    expect(states).toEqual(['catching-up', 'live']);
    expect(statuses).toEqual([]);
  });

  test('a head for a subscription that is gone is passed over', async () => {
    const subscription = await open('a', () => {});
    const channelNumber = setup.hub.connection.numberOf('a');
    subscription.unsubscribe();
    setup.hub.connection.send({ op: 'head', channelNumber, head: { epoch: 7, offset: 9 }, live: false });
    await pass(1000);
    expect(statuses).toEqual([]);
  });
});

describe('a replay', () => {
  const numbers = (count: number) => Array.from({ length: count }, (_, i) => i);

  test('whose next records are to come is as old as the last of it', async () => {
    const { hub, client } = setup;
    await append('a', ...numbers(20));
    hub.autoPush = false;
    await pass(60_000);
    const subscription = client.subscribe('a', { from: 'earliest' }, () => {});
    await quiet();
    // The age of the first record is not known before it comes.
    expect([subscription.state, subscription.lag]).toEqual(['catching-up', null]);
    hub.connection.sendBatch(
      hub.connection.numberOf('a'),
      { epoch: 7, offset: 0 },
      hub.log('a').entries.slice(0, 15),
    );
    await quiet();
    expect(subscription.lag).toEqual({ records: 5, ms: 60_005 });
  });

  test('by pages knows what the subscription beside it knew, and what its pages show', async () => {
    setup = await setUp({ maxQueuedBytes: 4000 });
    const { hub, client } = setup;
    const beside = await open('a', () => {});
    await append('a', ...numbers(30));
    const slow = new SlowListener();
    const subscription = client.subscribe('a', { from: 'earliest' }, slow.listener);
    await quiet();
    beside.unsubscribe();
    expect([subscription.state, subscription.lag?.records]).toEqual(['catching-up', 30]);
    hub.intercept = (frame) => frame.op === 'subscribe';
    await append('a', ...numbers(10));
    await slow.take(15);
    expect(subscription.lag?.records).toBe(15);
    await slow.take(16);
    expect([subscription.state, subscription.lag?.records]).toEqual(['catching-up', 9]);
  });
});

describe('what is not known', () => {
  test('is the lag of a subscription that has not begun; the others’ counts for the client', async () => {
    setup.hub.intercept = (frame) => frame.op === 'subscribe' && frame.channel === 'b';
    await open('a', () => {});
    const pending = await open('b', () => {});
    expect([pending.state, pending.lag]).toEqual(['pending', null]);
    expect(setup.client.lag).toEqual({ records: 0, ms: 0 });
    await pass(5000);
    expect(statuses).toEqual([]);
  });

  test('is the lag while the connection is away', async () => {
    const slow = new SlowListener();
    const subscription = await open('a', slow.listener);
    await append('a', 1, 2);
    await pass(300);
    setup.hub.connection.cut();
    expect([subscription.lag, setup.client.lag]).toEqual([null, null]);
    await pass(LOOK_MS);
    expect(lags.at(-1)).toBeNull();
    await slow.take(2);
    await comeBack(setup);
    await pass(LOOK_MS);
    expect(lags.at(-1)).toEqual({ records: 0, ms: 0 });
  });

  test('is the lag of whom the hub told no time, as soon as there is some', async () => {
    setup = await setUp({}, (hub) => {
      hub.timeMs = undefined;
    });
    const slow = new SlowListener();
    const subscription = await open('a', slow.listener);
    expect(subscription.lag).toEqual({ records: 0, ms: 0 });
    await append('a', 1);
    await quiet();
    expect(subscription.lag).toBeNull();
  });

  test('is the lag while the state comes', async () => {
    const { hub, client } = setup;
    hub.autoPush = false;
    await append('a', 1);
    const subscription = client.subscribe('a', { from: 'state' }, () => {});
    await quiet();
    expect([subscription.state, subscription.lag]).toEqual(['catching-up', null]);
    hub.push();
    await quiet();
    expect([subscription.state, subscription.lag]).toEqual(['live', { records: 0, ms: 0 }]);
  });
});

describe('the status', () => {
  test('after a cut is catching-up until every subscription is live', async () => {
    await open('a', () => {});
    await open('b', () => {});
    setup.hub.autoPush = false;
    setup.hub.connection.cut();
    await append('b', 1, 2);
    await comeBackToAny();
    expect(setup.client.status).toBe('catching-up');
    setup.hub.push();
    await quiet();
    expect(statuses).toEqual(['offline', 'catching-up', 'live']);
  });

  test('after a cut is catching-up too until one that had not begun before has begun', async () => {
    const { hub, clock } = setup;
    hub.intercept = (frame) => frame.op === 'subscribe';
    const subscription = setup.client.subscribe('a', {}, () => {});
    await pass(2000);
    expect(subscription.state).toBe('pending');
    hub.connection.cut();
    clock.advance(200);
    await quiet();
    expect([subscription.state, ...statuses]).toEqual(['pending', 'offline', 'catching-up']);
    hub.intercept = () => false;
    hub.connection.cut();
    await comeBack(setup);
    expect(statuses.at(-1)).toBe('live');
  });

  test('after a cut with nothing missed is live again within the same turn of frames', async () => {
    await open('a', () => {});
    setup.hub.connection.cut();
    await comeBack(setup);
    expect(statuses).toEqual(['offline', 'catching-up', 'live']);
  });

  test('passes from one subscription that catches up to another without a word', async () => {
    await open('a', () => {});
    await open('b', () => {});
    sendHead('a', 0, false);
    await pass(1000);
    expect(statuses).toEqual(['catching-up']);
    setup.client.subscribe('c', {}, new SlowListener().listener);
    await quiet();
    await append('c', 1);
    await pass(2000);
    sendHead('a', 0, true);
    await pass(1000);
    expect(statuses).toEqual(['catching-up']);
  });

  test('of a replay from the beginning that takes a while is catching-up', async () => {
    const { hub, client } = setup;
    await append('a', ...Array.from({ length: 20 }, (_, i) => i));
    hub.autoPush = false;
    const subscription = client.subscribe('a', { from: 'earliest' }, () => {});
    await pass(LOOK_MS - 50);
    expect([subscription.state, ...statuses]).toEqual(['catching-up']);
    await pass(2 * LOOK_MS);
    expect(statuses).toEqual(['catching-up']);
    hub.push();
    await quiet();
    expect(statuses).toEqual(['catching-up', 'live']);
  });

  test('of a client that closes while it catches up is closing, then closed', async () => {
    await open('a', new SlowListener().listener);
    await append('a', 1);
    await pass(2000);
    await setup.client.close();
    expect(statuses).toEqual(['catching-up', 'closing', 'closed']);
  });
});

test('nothing is looked at while nothing lags', () => {
  const { clock } = setup;
  let timers = 0;
  const counting: Clock = {
    nowMs: () => clock.nowMs(),
    monotonicMs: () => clock.monotonicMs(),
    after(delayMs, run) {
      timers++;
      return clock.after(delayMs, () => {
        timers--;
        run();
      });
    },
  };
  const watch = new LagWatch(counting, { onLag: () => {}, onBehind: () => {} });
  const one = { state: 'live' as const, lag: { records: 1, ms: 5 }, tellLag: () => {} };
  watch.started(one);
  expect(timers).toBe(0);
  watch.suspect(one);
  clock.advance(10 * LOOK_MS);
  expect(timers).toBe(1);
  one.lag = { records: 0, ms: 0 };
  clock.advance(LOOK_MS);
  expect(timers).toBe(0);
});

/** As comeBack, to a client that may not be live for long. */
async function comeBackToAny(): Promise<void> {
  while (setup.client.status === 'offline') await pass(50);
}
