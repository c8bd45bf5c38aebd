import { describe, expect, test } from 'vitest';
import type { Client } from '../../../client/client.ts';
import {
  ChannelStore,
  ConnectionStore,
  NewestByKey,
  NewestRecord,
  RecentRecords,
  sharedStore,
} from '../../../client/react-store.ts';
import type { ReceivedRecord } from '../../../client/record.ts';
import { ManualClock } from '../../../shared/clock.ts';
import { connectFake, quiet, setUp } from '../../support/fake-client.ts';
import { FakeHub } from '../../support/fake-hub.ts';

/** Frames that come when the test says so. */
class Frames {
  #runs: (() => void)[] = [];
  readonly schedule = (run: () => void) => {
    this.#runs.push(run);
    return () => {
      this.#runs = this.#runs.filter((each) => each !== run);
    };
  };
  next(): void {
    const runs = this.#runs;
    this.#runs = [];
    for (const run of runs) run();
  }
}

const dataOf = (records: readonly ReceivedRecord[]) => records.map((record) => record.data);

function record(key: string | null, data: unknown): ReceivedRecord {
  const payload = data === null ? Uint8Array.of(0xc0) : Uint8Array.of(0xc3);
  return { key, data, payload } as Partial<ReceivedRecord> as ReceivedRecord;
}

describe('a channel store', () => {
  test('tells once a frame of all that came, newest last and no more than its limit', async () => {
    const { hub, client } = await setUp();
    const frames = new Frames();
    const store = new ChannelStore(client, 'a', {}, new RecentRecords(3), frames.schedule);
    let renders = 0;
    store.subscribe(() => renders++);
    await quiet();
    frames.next();
    expect(store.getSnapshot()).toMatchObject({ records: [], state: 'live', gaps: [], error: null });
    const before = renders;
    for (let i = 0; i < 50; i++) hub.append('a', i);
    await quiet();
    expect(renders).toBe(before);
    expect(store.getSnapshot().records).toEqual([]);
    frames.next();
    expect(renders).toBe(before + 1);
    expect(dataOf(store.getSnapshot().records)).toEqual([47, 48, 49]);
    frames.next();
    expect(renders).toBe(before + 1);
  });

  test('gives the same snapshot until something has changed', async () => {
    const { hub, client } = await setUp();
    const frames = new Frames();
    const store = new ChannelStore(client, 'a', {}, new RecentRecords(3), frames.schedule);
    store.subscribe(() => {});
    await quiet();
    frames.next();
    const first = store.getSnapshot();
    frames.next();
    expect(store.getSnapshot()).toBe(first);
    hub.append('a', 1);
    await quiet();
    frames.next();
    expect(store.getSnapshot()).not.toBe(first);
    expect(first.records).toEqual([]);
  });

  test('stays subscribed where it is let go and looked at again at once, as StrictMode does', async () => {
    const { hub, client } = await setUp();
    const store = new ChannelStore(client, 'a', {}, new RecentRecords(3), new Frames().schedule);
    store.subscribe(() => {})();
    const stop = store.subscribe(() => {});
    await quiet();
    expect(hub.received('subscribe')).toHaveLength(1);
    expect(hub.received('unsubscribe')).toHaveLength(0);
    stop();
    stop();
    await quiet();
    expect(hub.received('unsubscribe')).toHaveLength(1);
  });

  test('goes on where it was when it is looked at again later: nothing twice, nothing missing', async () => {
    const { hub, client } = await setUp();
    const frames = new Frames();
    const store = new ChannelStore(client, 'a', {}, new RecentRecords(10), frames.schedule);
    const stop = store.subscribe(() => {});
    await quiet();
    hub.append('a', 1, 2);
    await quiet();
    stop();
    await quiet();
    hub.append('a', 3, 4);
    await quiet();
    store.subscribe(() => {});
    await quiet();
    hub.append('a', 5);
    await quiet();
    frames.next();
    expect(dataOf(store.getSnapshot().records)).toEqual([1, 2, 3, 4, 5]);
    expect(store.getSnapshot().gapCount).toBe(0);
  });

  test('tells of every gap, keeps the newest hundred, and takes the warning from the client', async () => {
    const { hub, client } = await setUp();
    const frames = new Frames();
    const unheard: unknown[] = [];
    client.on('gap', (gap) => unheard.push(gap));
    const store = new ChannelStore(client, 'a', {}, new RecentRecords(3), frames.schedule);
    store.subscribe(() => {});
    await quiet();
    const channelNumber = hub.connections.at(-1)!.numberOf('a');
    for (let i = 0; i < 120; i++) {
      hub.connections.at(-1)!.send({
        op: 'gap',
        channelNumber,
        after: { epoch: 7, offset: i },
        upTo: { epoch: 7, offset: i + 1 },
        count: 1,
        reason: 'dropped',
      });
    }
    await quiet();
    frames.next();
    const { gaps, gapCount } = store.getSnapshot();
    expect(gapCount).toBe(120);
    expect(gaps).toHaveLength(100);
    expect(gaps.at(-1)!.upTo.offset).toBe(120);
    expect(unheard).toEqual([]);
  });

  test('shows what the hub or the client refuses, and tries anew when it is looked at again', async () => {
    const { client } = await setUp();
    const frames = new Frames();
    const store = new ChannelStore(client, 'not a name', {}, new RecentRecords(3), frames.schedule);
    const stop = store.subscribe(() => {});
    frames.next();
    expect(store.getSnapshot()).toMatchObject({ state: 'ended', error: { code: 'channel-invalid' } });
    stop();
    await quiet();
    store.subscribe(() => {});
    frames.next();
    expect(store.getSnapshot()).toMatchObject({ error: { code: 'channel-invalid' } });
  });

  test('is one for all who ask for the same on one client, and only those', async () => {
    const { client } = await setUp();
    const other = (await setUp()).client;
    const make = (of: Client) => () => new ChannelStore(of, 'a', {}, new RecentRecords(3));
    const one = sharedStore(client, 'a', make(client));
    expect(sharedStore(client, 'a', make(client))).toBe(one);
    expect(sharedStore(client, 'b', make(client))).not.toBe(one);
    expect(sharedStore(other, 'a', make(other))).not.toBe(one);
  });
});

describe('what is kept', () => {
  test('of each key is its newest, until null takes it out', () => {
    const shelf = new NewestByKey();
    for (const each of [record('a', 1), record('b', 1), record(null, 1), record('a', 2)]) shelf.add(each);
    const before = shelf.view();
    expect([...before].map(([key, { data }]) => [key, data])).toEqual([
      ['a', 2],
      ['b', 1],
    ]);
    shelf.add(record('a', null));
    expect([...shelf.view().keys()]).toEqual(['b']);
    expect(before.size).toBe(2);
  });

  test('of one key is its newest', () => {
    const shelf = new NewestRecord('a');
    shelf.add(record('b', 1));
    expect(shelf.view()).toBeNull();
    shelf.add(record('a', 2));
    shelf.add(record('b', 3));
    expect(shelf.view()?.data).toBe(2);
  });

  test.each([0, 1.5, -1, Number.NaN])('in a list is never limited to %s', (limit) => {
    expect(() => new RecentRecords(limit)).toThrow(TypeError);
  });
});

describe('a connection store', () => {
  const opened = () => {
    const hub = new FakeHub();
    const clients: Client[] = [];
    const store = new ConnectionStore(async () => {
      const client = await connectFake(hub, new ManualClock());
      clients.push(client);
      return client;
    });
    return { hub, clients, store };
  };

  test('connects when it is looked at, once in StrictMode, and closes when nobody does any more', async () => {
    const { clients, store } = opened();
    await quiet();
    expect(clients).toHaveLength(0);
    store.subscribe(() => {})();
    const stop = store.subscribe(() => {});
    await quiet();
    expect(clients).toHaveLength(1);
    expect(store.getSnapshot()).toMatchObject({ client: clients[0], status: 'live', failure: null });
    stop();
    await quiet();
    expect(clients[0]!.status).toMatch(/clos/);
    expect(store.getSnapshot().client).toBeNull();
  });

  test('closes a client that comes when nobody wants it any more', async () => {
    const { clients, store } = opened();
    const stop = store.subscribe(() => {});
    stop();
    await quiet();
    expect(clients).toHaveLength(1);
    expect(clients[0]!.status).toMatch(/clos/);
  });

  test('shows why it could not connect', async () => {
    const failure = new Error('no hub');
    const store = new ConnectionStore(() => Promise.reject(failure));
    store.subscribe(() => {});
    await quiet();
    expect(store.getSnapshot()).toMatchObject({ client: null, status: 'closed', failure });
  });

  test('follows a client that is held by others, and leaves it open', async () => {
    const { hub, client } = await setUp();
    const store = new ConnectionStore(client);
    expect(store.getSnapshot()).toMatchObject({ client, status: 'live' });
    const stop = store.subscribe(() => {});
    hub.connections.at(-1)!.cut();
    await quiet();
    expect(store.getSnapshot()).toMatchObject({ client, status: 'offline' });
    stop();
    await quiet();
    expect(client.status).toBe('offline');
  });
});
