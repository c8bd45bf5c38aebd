import { describe, expect, test, vi } from 'vitest';
import { RingcastError } from '../../../shared/errors.ts';
import { collector, comeBack, quiet, setUp, takeItems } from '../../support/fake-client.ts';
import type { FakeHub } from '../../support/fake-hub.ts';

function subscribes(hub: FakeHub): unknown[] {
  return hub.received('subscribe').map(({ channel, from }) => [channel, from]);
}

describe('subscribing with a listener', () => {
  test('hands on what is published from now on', async () => {
    const { hub, client } = await setUp();
    hub.append('a', 'before');
    const { seen, listener } = collector();
    const subscription = client.subscribe('a', {}, listener);
    await quiet();
    expect(subscription.state).toBe('live');
    expect(subscription.cursor).toBe('7-1');
    hub.append('a', 'one', 'two');
    await quiet();
    expect(seen).toEqual(['one', 'two']);
    expect(subscription.cursor).toBe('7-3');
  });

  test.each([
    ['earliest', ['one', 'two', 'three']],
    [{ last: 2 }, ['two', 'three']],
    [{ since: 1003 }, ['three']],
    [{ since: new Date(1002) }, ['two', 'three']],
    ['7-1', ['two', 'three']],
    ['latest', []],
  ])('begins from %j', async (from, wanted) => {
    const { hub, client } = await setUp();
    hub.append('a', 'one', 'two', 'three');
    const { seen, listener } = collector();
    client.subscribe('a', { from }, listener);
    await quiet();
    expect(seen).toEqual(wanted);
  });

  test.each(['soon', '', '3-', { last: -1 }, { last: 1.5 }, { since: Number.NaN }, {}, null])(
    'refuses from %j with TypeError',
    async (from) => {
      const { client } = await setUp();
      expect(() => client.subscribe('a', { from: from as string })).toThrow(TypeError);
    },
  );

  test('refuses a name that is none', async () => {
    const { client } = await setUp();
    expect(() => client.subscribe('not a name')).toThrow(
      expect.objectContaining({ code: 'channel-invalid' }),
    );
  });

  test('tells its states: pending, catching up with history, live, offline, ended', async () => {
    const { hub, clock, client } = await setUp();
    hub.autoPush = false;
    hub.append('a', 1, 2, 3);
    hub.recordsPerBatch = 1;
    const subscription = client.subscribe('a', { from: 'earliest' }, () => {});
    const states: string[] = [subscription.state];
    subscription.on('state', (state) => states.push(state));
    await quiet();
    hub.push();
    await quiet();
    hub.connection.cut();
    await comeBack({ clock, client });
    subscription.unsubscribe();
    expect(states).toEqual(['pending', 'catching-up', 'live', 'offline', 'catching-up', 'live', 'ended']);
  });

  test('awaits the listener’s promise before the next record', async () => {
    const { hub, client } = await setUp();
    const seen: string[] = [];
    const finish: (() => void)[] = [];
    const subscription = client.subscribe('a', {}, async (record) => {
      seen.push(`begin ${record.data}`);
      await new Promise<void>((resolve) => finish.push(resolve));
      seen.push(`end ${record.data}`);
    });
    await quiet();
    hub.append('a', 1, 2);
    hub.append('a', 3);
    for (let n = 1; n <= 3; n++) {
      await quiet();
      expect(seen.at(-1)).toBe(`begin ${n}`);
      expect(subscription.cursor).toBe(`7-${n - 1}`);
      finish.shift()!();
    }
    await quiet();
    expect(seen).toEqual(['begin 1', 'end 1', 'begin 2', 'end 2', 'begin 3', 'end 3']);
    expect(subscription.cursor).toBe('7-3');
  });

  test.each([
    [
      'throws',
      () => {
        throw new Error('mine');
      },
    ],
    [
      'rejects',
      async () => {
        throw new Error('mine');
      },
    ],
  ])('a listener that %s ends the subscription, its cursor before that record', async (_how, fail) => {
    const { hub, client } = await setUp();
    const seen: unknown[] = [];
    const errors: unknown[] = [];
    const subscription = client.subscribe('a', {}, (record) => {
      seen.push(record.data);
      return record.data === 2 ? fail() : undefined;
    });
    subscription.on('error', (error) => errors.push(error));
    await quiet();
    hub.append('a', 1, 2, 3);
    await quiet();
    expect(seen).toEqual([1, 2]);
    expect(errors).toEqual([new Error('mine')]);
    expect(subscription).toMatchObject({ state: 'ended', cursor: '7-1' });
    expect(hub.received('unsubscribe')).toHaveLength(1);
  });

  test('may unsubscribe in its callback: nothing more comes', async () => {
    const { hub, client } = await setUp();
    const seen: unknown[] = [];
    const subscription = client.subscribe('a', {}, (record) => {
      seen.push(record.data);
      if (record.data === 2) subscription.unsubscribe();
    });
    await quiet();
    hub.append('a', 1, 2, 3);
    hub.append('a', 4);
    await quiet();
    expect(seen).toEqual([1, 2]);
    expect(subscription.cursor).toBe('7-2');
    expect(client.backlog.queuedBytes).toBe(0);
  });

  test('aborting its signal unsubscribes', async () => {
    const { hub, client } = await setUp();
    const abort = new AbortController();
    const subscription = client.subscribe('a', { signal: abort.signal }, () => {});
    await quiet();
    abort.abort();
    expect(subscription.state).toBe('ended');
    expect(client.subscribe('a', { signal: abort.signal }).state).toBe('ended');
    await quiet();
    expect(hub.connection.subscriptions.size).toBe(0);
  });
});

describe('iterating', () => {
  test('gives the records in order, and leaving the loop unsubscribes', async () => {
    const { hub, client } = await setUp();
    hub.append('a', 1, 2, 3, 4);
    const subscription = client.subscribe('a', { from: 'earliest' });
    const seen: unknown[] = [];
    for await (const record of subscription) {
      seen.push(record.data);
      if (seen.length === 3) break;
    }
    expect(seen).toEqual([1, 2, 3]);
    expect(subscription).toMatchObject({ state: 'ended', cursor: '7-3' });
    await quiet();
    expect(hub.connection.subscriptions.size).toBe(0);
  });

  test('waits for what is not there yet', async () => {
    const { hub, client } = await setUp();
    const taking = takeItems(client.subscribe('a'), 2);
    await quiet();
    hub.append('a', 'x');
    await quiet();
    hub.append('a', 'y');
    expect((await taking).map((record) => record.data)).toEqual(['x', 'y']);
  });

  test('ends when it is unsubscribed or the client closes', async () => {
    const { client } = await setUp();
    const first = client.subscribe('a');
    const second = client.subscribe('b');
    const ended = [takeItems(first, 1), takeItems(second, 1)];
    await quiet();
    first.unsubscribe();
    void client.close();
    expect(await Promise.all(ended)).toEqual([[], []]);
  });

  test('throws the refusal, once what came before it is taken', async () => {
    const { hub, client } = await setUp({ onError: () => {} });
    const subscription = client.subscribe('a');
    await quiet();
    hub.append('a', 1);
    await quiet();
    hub.connection.refuse(null, 'forbidden', { channel: 'a', channelNumber: 1 });
    await quiet();
    const iterator = subscription[Symbol.asyncIterator]();
    expect((await iterator.next()).value?.data).toBe(1);
    await expect(iterator.next()).rejects.toMatchObject({ code: 'forbidden' });
    expect(await iterator.next()).toEqual({ done: true, value: undefined });
  });

  test('is possible once, and not beside a listener', async () => {
    const { client } = await setUp();
    const subscription = client.subscribe('a');
    subscription[Symbol.asyncIterator]();
    expect(() => subscription[Symbol.asyncIterator]()).toThrow(TypeError);
    expect(() => client.subscribe('a', {}, () => {})[Symbol.asyncIterator]()).toThrow(TypeError);
  });
});

describe('gaps', () => {
  const withGap = async (): Promise<Awaited<ReturnType<typeof setUp>>> => {
    const setup = await setUp();
    setup.hub.append('a', 1, 2, 3, 4);
    setup.hub.log('a').trim(2);
    return setup;
  };

  test('come as events at their place among the records', async () => {
    const { hub, client } = await withGap();
    const seen: unknown[] = [];
    const subscription = client.subscribe('a', { from: '7-1' }, (record) => seen.push(record.data));
    subscription.on('gap', (gap) => seen.push(gap));
    await quiet();
    hub.log('a').crash(0);
    hub.append('a', 5);
    await quiet();
    expect(seen).toEqual([
      { after: { epoch: 7, offset: 1 }, upTo: { epoch: 7, offset: 2 }, count: 1, reason: 'retention' },
      3,
      4,
      { after: { epoch: 7, offset: 4 }, upTo: { epoch: 8, offset: 4 }, count: null, reason: 'lost' },
      5,
    ]);
    expect(subscription.cursor).toBe('8-5');
  });

  test('come inline to those who asked, in listeners and iterators', async () => {
    const { client } = await withGap();
    const { seen, listener } = collector();
    client.subscribe('a', { from: '7-1', gaps: 'inline' }, listener);
    const items = await takeItems(client.subscribe('a', { from: '7-1', gaps: 'inline' }), 2);
    expect(seen).toEqual(['gap retention 7-2', 3, 4]);
    expect(items[0]).toMatchObject({ gap: { reason: 'retention', count: 1 } });
    expect(items[1]).toMatchObject({ offset: 3 });
  });

  test('reach an iterator’s events between the records', async () => {
    const { client } = await withGap();
    const seen: unknown[] = [];
    const subscription = client.subscribe('a', { from: '7-1' });
    subscription.on('gap', (gap) => seen.push(gap.reason));
    for (const record of await takeItems(subscription, 1)) seen.push(record.data);
    expect(seen).toEqual(['retention', 3]);
  });

  test('that nobody of the subscription listens for are told by the client', async () => {
    const { client } = await withGap();
    const told: unknown[] = [];
    client.on('gap', (gap, channel) => told.push([channel, gap.reason]));
    client.subscribe('a', { from: '7-1' }, () => {});
    await quiet();
    expect(told).toEqual([['a', 'retention']]);
  });

  test('before anything is taken, the cursor is where the subscription begins, not where it has read to', async () => {
    const { hub, client } = await withGap();
    const subscription = client.subscribe('a', { from: '7-1' });
    await quiet();
    expect(subscription.cursor).toBe('7-1');
    hub.append('b', 1, 2, 3);
    const beside = client.subscribe('b', { from: 'earliest' });
    client.subscribe('b', { from: { last: 1 } });
    await quiet();
    expect(beside.cursor).toBe('7-0');
  });
});

describe('one subscription for all of a channel', () => {
  test('later callers join it on the wire; the last to leave ends it', async () => {
    const { hub, client } = await setUp();
    const both = [collector(), collector()];
    const first = client.subscribe('a', {}, both[0]!.listener);
    const second = client.subscribe('a', {}, both[1]!.listener);
    await quiet();
    hub.append('a', 1);
    await quiet();
    first.unsubscribe();
    await quiet();
    hub.append('a', 2);
    await quiet();
    second.unsubscribe();
    await quiet();
    expect(both.map(({ seen }) => seen)).toEqual([[1], [1, 2]]);
    expect(hub.received('subscribe')).toHaveLength(1);
    expect(hub.received('unsubscribe')).toHaveLength(1);
  });

  test('an older beginning is pulled up to it and joins, missing and repeating nothing', async () => {
    const { hub, client } = await setUp();
    hub.append('a', ...Array.from({ length: 35 }, (_, n) => n + 1));
    const live = collector();
    client.subscribe('a', {}, live.listener);
    await quiet();
    const late = collector();
    const subscription = client.subscribe('a', { from: 'earliest' }, late.listener);
    for (let n = 36; n <= 60; n++) {
      hub.append('a', n);
      await Promise.resolve();
    }
    await quiet();
    hub.append('a', 61);
    await quiet();
    expect(late.seen).toEqual(Array.from({ length: 61 }, (_, n) => n + 1));
    expect(live.seen).toEqual(Array.from({ length: 26 }, (_, n) => n + 36));
    expect(subscription.state).toBe('live');
    expect(hub.received('subscribe')).toHaveLength(1);
    expect(hub.received('pull').length).toBeGreaterThan(3);
  });

  test('"latest" beside one that is still in the past is not given the past', async () => {
    const { hub, client } = await setUp();
    hub.autoPush = false;
    hub.append('a', 1, 2, 3);
    client.subscribe('a', { from: 'earliest' }, () => {});
    await quiet();
    const { seen, listener } = collector();
    client.subscribe('a', {}, listener);
    hub.append('a', 4);
    hub.push();
    await quiet();
    expect(seen).toEqual([4]);
  });

  test('pulls are resumed after a cut, joining is not confused by it', async () => {
    const { hub, clock, client } = await setUp();
    hub.append('a', ...Array.from({ length: 30 }, (_, n) => n + 1));
    client.subscribe('a', {}, () => {});
    await quiet();
    hub.intercept = (frame, connection) => {
      if (frame.op !== 'pull' || hub.received('pull').length !== 2) return false;
      connection.cut();
      return true;
    };
    const { seen, listener } = collector();
    client.subscribe('a', { from: 'earliest' }, listener);
    await quiet();
    expect(client.status).toBe('offline');
    hub.append('a', 31);
    await comeBack({ clock, client });
    await quiet();
    expect(seen).toEqual(Array.from({ length: 31 }, (_, n) => n + 1));
  });

  test('a pull refused for now is asked for again after a while; a final refusal ends that caller only', async () => {
    const { hub, clock, client } = await setUp();
    hub.append('a', 1, 2);
    const live = client.subscribe('a', {}, () => {});
    await quiet();
    const answers = ['overloaded', 'forbidden'] as const;
    let pulls = 0;
    hub.intercept = (frame, connection) => {
      if (frame.op === 'pull') connection.refuse(frame.id, answers[pulls++]!);
      return frame.op === 'pull';
    };
    const late = client.subscribe('a', { from: 'earliest' }, () => {});
    const errors: unknown[] = [];
    late.on('error', (error) => errors.push((error as RingcastError).code));
    await quiet();
    expect([pulls, late.state]).toEqual([1, 'pending']);
    clock.advance(200);
    await quiet();
    expect([pulls, late.state, live.state]).toEqual([2, 'ended', 'live']);
    expect(errors).toEqual(['forbidden']);
  });
});

describe('unsubscribing', () => {
  test('before the answer to subscribe, it is undone when the answer comes', async () => {
    const { hub, client } = await setUp();
    const { seen, listener } = collector();
    client.subscribe('a', {}, listener).unsubscribe();
    await quiet();
    hub.append('a', 1);
    await quiet();
    expect(hub.connection.subscriptions.size).toBe(0);
    expect(seen).toEqual([]);
  });

  test('and subscribing again at once gives a subscription of its own, untouched by late frames', async () => {
    const { hub, client } = await setUp();
    const first = collector();
    const second = collector();
    const subscription = client.subscribe('a', {}, first.listener);
    await quiet();
    hub.append('a', 1, 2);
    subscription.unsubscribe();
    client.subscribe('a', { from: '7-1' }, second.listener);
    await quiet();
    hub.append('a', 3);
    await quiet();
    expect(first.seen).toEqual([]);
    expect(second.seen).toEqual([2, 3]);
    expect(hub.connection.subscriptions.size).toBe(1);
  });

  test('while offline asks nothing of the hub later', async () => {
    const { hub, clock, client } = await setUp();
    const subscription = client.subscribe('a', {}, () => {});
    await quiet();
    hub.connection.cut();
    subscription.unsubscribe();
    await comeBack({ clock, client });
    expect(hub.received('subscribe')).toHaveLength(1);
  });
});

describe('resuming', () => {
  test('from the last record; from the cursor of ok where there was none; from the wish before ok', async () => {
    const { hub, clock, client } = await setUp();
    hub.append('a', 1, 2);
    hub.append('b', 1);
    client.subscribe('a', { from: { last: 1 } }, () => {});
    client.subscribe('b', {}, () => {});
    await quiet();
    hub.intercept = (frame) =>
      frame.op === 'subscribe' && frame.channel === 'c' && hub.connections.length === 1;
    client.subscribe('c', { from: { last: 3 } }, () => {});
    await quiet();
    hub.connection.cut();
    await comeBack({ clock, client });
    expect(subscribes(hub).slice(3)).toEqual([
      ['a', { cursor: { epoch: 7, offset: 2 } }],
      ['b', { cursor: { epoch: 7, offset: 1 } }],
      ['c', { last: 3 }],
    ]);
  });

  test('records of a damaged batch are asked for again, not skipped', async () => {
    const { hub, clock, client } = await setUp();
    const { seen, listener } = collector();
    client.subscribe('a', {}, listener);
    await quiet();
    hub.autoPush = false;
    const [entry] = hub.append('a', 'precious');
    const broken = { ...entry!, bytes: entry!.bytes.subarray(0, -2) };
    hub.connection.sendBatch(hub.connection.numberOf('a'), { epoch: 7, offset: 0 }, [broken]);
    await quiet();
    expect(client.status).toBe('offline');
    hub.autoPush = true;
    await comeBack({ clock, client });
    expect(seen).toEqual(['precious']);
  });

  test('a batch with a hole that was not announced is not handed on but asked for again', async () => {
    const errors: unknown[] = [];
    const { hub, clock, client } = await setUp({ onError: (error) => errors.push(error) });
    const { seen, listener } = collector();
    client.subscribe('a', {}, listener);
    await quiet();
    hub.autoPush = false;
    const [, , third] = hub.append('a', 1, 2, 3);
    hub.connection.sendBatch(hub.connection.numberOf('a'), { epoch: 7, offset: 2 }, [third!]);
    await quiet();
    expect(seen).toEqual([]);
    expect(errors).toEqual([expect.objectContaining({ code: 'internal' })]);
    hub.autoPush = true;
    clock.advance(200);
    await quiet();
    expect(seen).toEqual([1, 2, 3]);
  });

  test('while a hole is asked for again, the subscription does not say that it is live', async () => {
    const { hub, clock, client } = await setUp({ onError: () => {} });
    const subscription = client.subscribe('a', {}, () => {});
    const states: string[] = [];
    subscription.on('state', (state) => states.push(state));
    await quiet();
    hub.autoPush = false;
    const [, , third] = hub.append('a', 1, 2, 3);
    hub.connection.sendBatch(hub.connection.numberOf('a'), { epoch: 7, offset: 2 }, [third!]);
    await quiet();
    hub.autoPush = true;
    clock.advance(200);
    await quiet();
    expect(states).toEqual(['live', 'catching-up', 'live']);
  });

  test('a refusal for now is tried again when the hub says', async () => {
    const { hub, clock, client } = await setUp();
    let refused = false;
    hub.intercept = (frame, connection) => {
      if (frame.op !== 'subscribe' || refused) return false;
      refused = true;
      connection.refuse(frame.id, 'overloaded', { retryAfterMs: 1000 });
      return true;
    };
    const subscription = client.subscribe('a', {}, () => {});
    await quiet();
    clock.advance(1199);
    await quiet();
    expect(subscription.state).toBe('pending');
    clock.advance(1);
    await quiet();
    expect(subscription.state).toBe('live');
  });

  test('a final refusal ends it with the error, and the client reports one that nobody listens for', async () => {
    const errors: unknown[] = [];
    const { hub, client } = await setUp({ onError: (error) => errors.push(error) });
    hub.intercept = (frame, connection) => {
      if (frame.op === 'subscribe') connection.refuse(frame.id, 'forbidden');
      return frame.op === 'subscribe';
    };
    const subscription = client.subscribe('a', {}, () => {});
    await quiet();
    expect(subscription.state).toBe('ended');
    expect(subscription.error).toBeInstanceOf(RingcastError);
    expect(errors).toEqual([subscription.error]);
  });

  test('a grant that shrank ends the subscription it no longer allows', async () => {
    const { hub, client } = await setUp();
    const allowed = collector();
    client.subscribe('b', {}, allowed.listener);
    const subscription = client.subscribe('a', {}, () => {});
    const errors: unknown[] = [];
    subscription.on('error', (error) => errors.push((error as RingcastError).code));
    await quiet();
    const number = hub.connection.numberOf('a');
    hub.connection.refuse(null, 'forbidden', { channel: 'a', channelNumber: number });
    await quiet();
    hub.append('b', 1);
    await quiet();
    expect(errors).toEqual(['forbidden']);
    expect(allowed.seen).toEqual([1]);
  });
});

describe('a cursor that the hub does not know', () => {
  const replaced = async (onUnknownCursor?: 'earliest' | 'latest') => {
    const setup = await setUp();
    const { hub, clock, client } = setup;
    hub.append('a', 1, 2, 3, 4, 5);
    const { seen, listener } = collector();
    const subscription = client.subscribe('a', { from: '7-4', gaps: 'inline', onUnknownCursor }, listener);
    subscription.on('error', (error) => seen.push((error as RingcastError).code));
    await quiet();
    hub.connection.cut();
    hub.logs.delete('a');
    hub.append('a', 'new 1', 'new 2');
    await comeBack({ clock, client });
    hub.append('a', 'new 3');
    await quiet();
    return { ...setup, seen, subscription };
  };

  test('ends the subscription with that error', async () => {
    const { seen, subscription } = await replaced();
    expect(seen).toEqual([5, 'unknown-cursor']);
    expect(subscription).toMatchObject({ state: 'ended', cursor: '7-5' });
  });

  test('or begins anew at the earliest record, saying so', async () => {
    const { seen, subscription } = await replaced('earliest');
    expect(seen).toEqual([5, 'gap lost 7-0', 'new 1', 'new 2', 'new 3']);
    expect(subscription.state).toBe('live');
  });

  test('or with what is published from then on, saying so', async () => {
    const { seen } = await replaced('latest');
    expect(seen).toEqual([5, 'gap lost 7-2', 'new 3']);
  });
});

describe('the backlog', () => {
  test('counts a gap whose listener has not finished', async () => {
    const { hub, client } = await setUp();
    hub.append('a', 1, 2);
    hub.log('a').trim(2);
    let finish: (() => void) | undefined;
    const gate = new Promise<void>((resolve) => {
      finish = resolve;
    });
    const subscription = client.subscribe('a', { from: '7-1', gaps: 'inline' }, () => gate);
    await quiet();
    expect(subscription.cursor).toBe('7-1');
    expect(client.backlog.queuedBytes).toBeGreaterThan(0);
    finish?.();
    await quiet();
    expect(subscription.cursor).toBe('7-2');
    expect(client.backlog.queuedBytes).toBe(0);
  });
});

describe('handlers', () => {
  test('that unsubscribe in the middle of everything leave nothing behind', async () => {
    const { hub, client } = await setUp();
    hub.append('a', 1, 2, 3, 4);
    hub.log('a').trim(2);
    const beside = client.subscribe('a', {}, () => {});
    await quiet();
    const listener = vi.fn();
    const subscription = client.subscribe('a', { from: '7-0' }, listener);
    subscription.on('gap', () => subscription.unsubscribe());
    await quiet();
    hub.append('a', 5);
    await quiet();
    expect(listener).not.toHaveBeenCalled();
    expect(subscription.state).toBe('ended');
    expect(client.backlog.queuedBytes).toBe(0);
    beside.unsubscribe();
    await quiet();
    expect(hub.connection.subscriptions.size).toBe(0);
  });
});
