import { describe, expect, test } from 'vitest';
import type { SubscribeOptions } from '../../../client/options.ts';
import { CursorKeeper, SAVE_INTERVAL_MS } from '../../../client/stores/cursor-keeper.ts';
import { CursorStore, MemoryCursorStore } from '../../../client/stores/cursor-store.ts';
import { LocalStorageCursorStore } from '../../../client/stores/local-storage-cursor-store.ts';
import type { Subscription } from '../../../client/subscription.ts';
import { ManualClock } from '../../../shared/clock.ts';
import type { Cursor } from '../../../shared/terms.ts';
import { collector, comeBack, connectFake, quiet, setUp, takeItems } from '../../support/fake-client.ts';

const NAME = 'ringcast:hub.test/#a';

/** As a test says. */
function storeOf(methods: Pick<CursorStore, 'load' | 'save'>): CursorStore {
  return Object.assign(new QuickStore(), methods);
}

/** Saves at once, and can be told to fail. */
class QuickStore extends CursorStore {
  readonly cursors = new Map<string, string>();
  saves = 0;
  failure: Error | undefined;

  load(name: string): string | undefined {
    if (this.failure) throw this.failure;
    return this.cursors.get(name);
  }

  save(name: string, cursor: string): void {
    this.saves++;
    if (this.failure) throw this.failure;
    this.cursors.set(name, cursor);
  }
}

async function resuming(store: CursorStore = new QuickStore()) {
  const errors: unknown[] = [];
  const onError = (error: unknown) => errors.push(error);
  const setup = await setUp({ cursorStore: store, onError });
  const { seen, listener } = collector();
  const subscribe = (options: SubscribeOptions = {}) =>
    setup.client.subscribe('a', { resume: true, from: 'earliest', ...options, gaps: 'inline' }, listener);
  const saved = async () => {
    setup.clock.advance(SAVE_INTERVAL_MS);
    await quiet();
    return store.load(NAME);
  };
  return { ...setup, errors, seen, subscribe, saved };
}

describe('a subscription with resume', () => {
  test.each([
    ['one that answers at once', () => new QuickStore()],
    ['one that takes its time', () => new MemoryCursorStore()],
  ])('goes on where the store says, with %s', async (_name, make) => {
    const store = make();
    const { hub, client, seen, subscribe, saved } = await resuming(store);
    hub.append('a', 1, 2, 3);
    subscribe();
    await quiet();
    expect(await saved()).toBe('7-3');
    await client.close();
    hub.append('a', 4);
    const next = await resuming(store);
    next.hub.append('a', 1, 2, 3, 4);
    next.subscribe();
    await quiet();
    expect([...seen, ...next.seen]).toEqual([1, 2, 3, 4]);
  });

  test('begins as `from` says where nothing is stored, and keeps that place at once', async () => {
    const { hub, seen, subscribe, saved } = await resuming();
    hub.append('a', 1, 2);
    subscribe({ from: 'latest' });
    await quiet();
    expect(seen).toEqual([]);
    expect(await saved()).toBe('7-2');
  });

  test('is pending while its cursor is loaded, and may be unsubscribed then', async () => {
    let loaded!: (cursor: string | undefined) => void;
    const load = () => new Promise<string | undefined>((resolve) => (loaded = resolve));
    const { hub, seen, subscribe } = await resuming(storeOf({ load, save: () => {} }));
    hub.append('a', 1, 2);
    const subscription = subscribe();
    await quiet();
    expect(subscription.state).toBe('pending');
    subscription.unsubscribe();
    expect(subscription.state).toBe('ended');
    loaded('7-1');
    await quiet();
    expect(subscription.state).toBe('ended');
    expect(hub.received('subscribe')).toEqual([]);
    expect(seen).toEqual([]);
  });

  test('is resumed once loaded also where the connection was lost and found meanwhile', async () => {
    let loaded!: (cursor: string | undefined) => void;
    const load = () => new Promise<string | undefined>((resolve) => (loaded = resolve));
    const { hub, clock, client, seen, subscribe } = await resuming(storeOf({ load, save: () => {} }));
    hub.append('a', 1, 2);
    subscribe();
    hub.connection.cut();
    await comeBack({ clock, client });
    loaded('7-1');
    await quiet();
    expect(seen).toEqual([2]);
  });

  test('is saved when its listener is done with a record, not before', async () => {
    const store = new QuickStore();
    const { hub, client, clock } = await setUp({ cursorStore: store });
    const done: (() => void)[] = [];
    client.subscribe('a', { resume: true, from: 'earliest' }, () => new Promise<void>((ok) => done.push(ok)));
    await quiet();
    hub.append('a', 1, 2);
    await quiet();
    clock.advance(SAVE_INTERVAL_MS);
    expect(store.cursors.get(NAME)).toBe('7-0');
    done[0]!();
    await quiet();
    clock.advance(SAVE_INTERVAL_MS);
    expect(store.cursors.get(NAME)).toBe('7-1');
  });

  test('is saved when its iterator is asked for the next record, not when it gives one', async () => {
    const store = new QuickStore();
    const { hub, client, clock } = await setUp({ cursorStore: store });
    hub.append('a', 1, 2);
    const subscription = client.subscribe('a', { resume: true, from: 'earliest' });
    await takeItems(subscription, 2);
    clock.advance(SAVE_INTERVAL_MS);
    expect(store.cursors.get(NAME)).toBe('7-1');
  });

  test('saves a record whose listener unsubscribed, and one that was under way when it was unsubscribed', async () => {
    const store = new QuickStore();
    const { hub, client } = await setUp({ cursorStore: store });
    hub.append('a', 1, 2, 3);
    const first: Subscription = client.subscribe('a', { resume: true, from: 'earliest' }, () => {
      first.unsubscribe();
    });
    await quiet();
    expect(store.cursors.get(NAME)).toBe('7-1');
    let done!: () => void;
    const second = client.subscribe('a', { resume: true }, () => new Promise<void>((ok) => (done = ok)));
    await quiet();
    second.unsubscribe();
    expect(store.cursors.get(NAME)).toBe('7-1');
    done();
    await quiet();
    expect(store.cursors.get(NAME)).toBe('7-2');
  });

  test('does not save a record whose listener threw', async () => {
    const store = new QuickStore();
    const { hub, client } = await setUp({ cursorStore: store, onError: () => {} });
    hub.append('a', 1, 2);
    const refuse = ({ data }: { data: unknown }) => {
      if (data === 2) throw new Error('no');
    };
    client.subscribe('a', { resume: true, from: 'earliest' }, refuse);
    await quiet();
    expect(store.cursors.get(NAME)).toBe('7-1');
  });

  test('is saved when the client is closed', async () => {
    const store = new QuickStore();
    const { hub, client, subscribe } = await resuming(store);
    hub.append('a', 1, 2);
    subscribe();
    await quiet();
    await client.close();
    expect(store.cursors.get(NAME)).toBe('7-2');
  });

  test('saves the cursor behind a gap', async () => {
    const { hub, subscribe, seen, saved } = await resuming();
    hub.append('a', 1, 2, 3);
    subscribe({ from: '7-1' });
    await quiet();
    const gap = {
      after: { epoch: 7, offset: 3 },
      upTo: { epoch: 7, offset: 9 },
      count: 6,
      reason: 'dropped',
    };
    const { connection } = hub;
    connection.send({ op: 'gap', channelNumber: connection.numberOf('a'), ...gap } as never);
    await quiet();
    expect(seen).toEqual([2, 3, 'gap dropped 7-9']);
    expect(await saved()).toBe('7-9');
  });

  test('saves nothing while the state comes', async () => {
    const { hub, subscribe, saved } = await resuming();
    hub.intercept = (frame, connection) => {
      if (frame.op !== 'subscribe') return false;
      const result = { channelNumber: 1, cursor: '7-5', head: '7-5' };
      connection.send({ op: 'ok', id: frame.id, result });
      return true;
    };
    const subscription = subscribe({ from: 'state' });
    await quiet();
    expect(subscription.cursor).toBeNull();
    expect(await saved()).toBeUndefined();
  });

  test('begins anew as onUnknownCursor says, where the hub does not know the stored cursor', async () => {
    const store = new QuickStore();
    store.cursors.set(NAME, '3-99');
    const { hub, subscribe, seen, saved } = await resuming(store);
    hub.append('a', 1);
    subscribe({ onUnknownCursor: 'earliest' });
    await quiet();
    expect(seen).toEqual(['gap lost 7-0', 1]);
    expect(await saved()).toBe('7-1');
  });

  test('leaves saving to an application that asked for it', async () => {
    const store = new QuickStore();
    store.cursors.set(`${NAME}#orders`, '7-1');
    const { hub, subscribe, seen, client } = await resuming(store);
    hub.append('a', 1, 2);
    const subscription = subscribe({ resume: { name: 'orders', commit: 'application' } });
    await quiet();
    expect(seen).toEqual([2]);
    expect(subscription.cursorName).toBe(`${NAME}#orders`);
    await client.close();
    expect(store.saves).toBe(0);
  });

  test('needs a store, and a name that no other subscription has', async () => {
    const { client } = await setUp();
    expect(() => client.subscribe('a', { resume: true })).toThrow(TypeError);
    const { subscribe, client: other } = await resuming();
    const first = subscribe();
    expect(() => subscribe()).toThrow(expect.objectContaining({ code: 'already-subscribed' }));
    expect(() => subscribe({ resume: '' })).toThrow(TypeError);
    subscribe({ resume: 'another' });
    first.unsubscribe();
    subscribe();
    await other.close();
  });
});

describe('a cursor store that fails', () => {
  test('is told of once, and reading goes on', async () => {
    const store = new QuickStore();
    store.failure = new Error('quota');
    const { hub, clock, subscribe, seen, errors } = await resuming(store);
    hub.append('a', 1);
    subscribe();
    for (let value = 2; value < 5; value++) {
      await quiet();
      clock.advance(SAVE_INTERVAL_MS);
      hub.append('a', value);
    }
    await quiet();
    expect(seen).toEqual([1, 2, 3, 4]);
    // The load and the saves.
    expect(errors).toMatchObject([{ code: 'storage-failed' }, { code: 'storage-failed' }]);
    store.failure = undefined;
    clock.advance(SAVE_INTERVAL_MS);
    expect(store.cursors.get(NAME)).toBe('7-4');
  });

  test('is told of where it gives what is no cursor', async () => {
    const store = new QuickStore();
    store.cursors.set(NAME, 'rubbish');
    const { hub, subscribe, seen, errors } = await resuming(store);
    hub.append('a', 1);
    subscribe();
    await quiet();
    expect(seen).toEqual([1]);
    expect(errors).toMatchObject([{ code: 'storage-failed' }]);
  });

  test('is a localStorage that may not be looked at', () => {
    expect(() => new LocalStorageCursorStore().load('x')).toThrow();
  });
});

describe('as a page goes', () => {
  class Page extends EventTarget {
    readonly document = { visibilityState: 'visible' };
    tell(type: string, visibilityState = 'visible'): void {
      this.document.visibilityState = visibilityState;
      this.dispatchEvent(new Event(type));
    }
  }

  function saver() {
    const page = new Page();
    const store = new QuickStore();
    const clock = new ManualClock();
    const keeper = new CursorKeeper(store, { hub: 'h/', clock, report: () => {} }, page);
    const saver = keeper.saver('a', { name: null, commit: 'sdk' });
    let cursor: Cursor = { epoch: 1, offset: 0 };
    saver.load(() => cursor);
    const move = (offset: number) => {
      cursor = { epoch: 1, offset };
      saver.moved();
    };
    return { page, clock, saver, move, saved: () => store.cursors.get('ringcast:h/#a'), store };
  }

  test.each([
    ['pagehide', 'visible'],
    ['freeze', 'visible'],
    ['visibilitychange', 'hidden'],
  ])('%s saves at once', (type, visibility) => {
    const { page, move, saved } = saver();
    move(5);
    expect(saved()).toBeUndefined();
    page.tell(type, visibility);
    expect(saved()).toBe('1-5');
  });

  test('each move behind pagehide is saved at once, and now and then again when the page is back', () => {
    const { page, move, saved, clock, store } = saver();
    page.tell('pagehide');
    move(6);
    expect(saved()).toBe('1-6');
    page.tell('pageshow');
    for (let offset = 7; offset < 100; offset++) move(offset);
    expect(saved()).toBe('1-6');
    const { saves } = store;
    clock.advance(SAVE_INTERVAL_MS);
    expect(saved()).toBe('1-99');
    expect(store.saves).toBe(saves + 1);
  });

  test('one that has ended is not looked at any more', () => {
    const { page, move, saver: ended, saved } = saver();
    move(1);
    ended.end();
    expect(saved()).toBe('1-1');
    page.tell('pagehide');
    move(2);
    expect(saved()).toBe('1-2');
  });
});

test('two clients go through a channel under names of their own', async () => {
  const store = new QuickStore();
  const { hub, clock, client } = await setUp({ cursorStore: store });
  const other = await connectFake(hub, clock, { cursorStore: store });
  hub.append('a', 1, 2);
  client.subscribe('a', { resume: 'one', from: 'earliest' }, () => {});
  other.subscribe('a', { resume: 'two', from: '7-1' }, () => {});
  await quiet();
  hub.append('a', 3);
  await quiet();
  await Promise.all([client.close(), other.close()]);
  expect(Object.fromEntries(store.cursors)).toEqual({ [`${NAME}#one`]: '7-3', [`${NAME}#two`]: '7-3' });
});
