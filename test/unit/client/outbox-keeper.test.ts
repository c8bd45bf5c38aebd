import { describe, expect, test } from 'vitest';
import { ManualClock } from '../../../shared/clock.ts';
import { decodeValue } from '../../../shared/msgpack.ts';
import { comeBack, connectFake, quiet } from '../../support/fake-client.ts';
import { FakeHub } from '../../support/fake-hub.ts';
import { MemoryOutbox } from '../../support/memory-outbox.ts';
import { Tab } from '../../support/tab.ts';

class Scene {
  readonly hub = new FakeHub();
  readonly clock = new ManualClock();
  readonly store = new MemoryOutbox();

  /** A tab that is connected. */
  async open(options = {}): Promise<Tab> {
    const tab = Tab.open(this.hub, this.clock, this.store, options);
    await quiet();
    return tab;
  }

  /** What has landed in the channel. */
  landed(channel = 'a'): unknown[] {
    return this.hub.log(channel).entries.map(({ bytes }) => {
      const record = decodeValue(bytes, { timestamps: false }) as unknown[];
      return decodeValue(record[3] as Uint8Array, { timestamps: true });
    });
  }

  /** The hub hears publishes no more. */
  deafen(): void {
    this.hub.intercept = ({ op }) => op === 'publish';
  }

  hear(): void {
    this.hub.intercept = () => false;
  }
}

function outcome(promise: Promise<unknown>): { value?: unknown; error?: unknown } {
  const out: { value?: unknown; error?: unknown } = {};
  promise.then(
    (value) => {
      out.value = value;
    },
    (error: unknown) => {
      out.error = error;
    },
  );
  return out;
}

describe('a publish with an outbox store', () => {
  test('is sent when it is stored, and removed when it is answered', async () => {
    const scene = new Scene();
    let store!: () => void;
    scene.store.beforeWrite = () => new Promise<void>((resolve) => (store = resolve));
    const { client } = await scene.open();
    const published = outcome(client!.publish('a', 1));
    await quiet();
    expect(scene.hub.received('publish')).toEqual([]);
    expect(client!.backlog.outboxBytes).toBeGreaterThan(0);
    scene.store.beforeWrite = () => {};
    store();
    await quiet();
    expect(published.value).toEqual({ cursor: '7-1' });
    expect(scene.store.frames).toEqual([]);
    expect(client!.backlog.outboxBytes).toBe(0);
  });

  test('shares a write with all that came while the one before was under way', async () => {
    const scene = new Scene();
    const sizes: number[] = [];
    scene.store.onKept = ({ put }) => put.length > 0 && sizes.push(put.length);
    const { client } = await scene.open();
    let store!: () => void;
    scene.store.beforeWrite = () => new Promise<void>((resolve) => (store = resolve));
    for (let value = 0; value < 50; value++) {
      client!.publish(`c${value % 10}`, value);
      await quiet();
    }
    scene.store.beforeWrite = () => {};
    store();
    await quiet();
    expect(sizes).toEqual([1, 10]);
  });

  test('is rejected when it cannot be stored, and never sent; later ones are', async () => {
    const scene = new Scene();
    const { client } = await scene.open();
    scene.store.beforeWrite = () => {
      throw new Error('quota');
    };
    const refused = outcome(client!.publish('a', 1));
    await quiet();
    expect(refused.error).toMatchObject({ code: 'storage-failed' });
    expect(client!.backlog.outboxBytes).toBe(0);
    scene.store.beforeWrite = () => {};
    await client!.publish('a', 2);
    expect(scene.landed()).toEqual([2]);
  });

  test('is told that the client was closed when it is left to the next one, which sends it', async () => {
    const scene = new Scene();
    scene.deafen();
    const { client } = await scene.open();
    const left = outcome(client!.publish('a', 1));
    await quiet();
    const closed = client!.close({ timeoutMs: 10 });
    scene.clock.advance(10);
    await quiet();
    scene.clock.advance(5000);
    await closed;
    expect(left.error).toMatchObject({ code: 'publish-stored' });
    scene.hear();
    await scene.open();
    expect(scene.landed()).toEqual([1]);
  });

  test('counts against maxOutboxBytes also when an earlier tab has left it', async () => {
    const scene = new Scene();
    scene.deafen();
    const first = await scene.open();
    first.client!.publish('a', 'x'.repeat(900)).catch(() => {});
    await first.client!.stored();
    first.die();
    const { client } = await scene.open({ maxOutboxBytes: 1000 });
    expect(client!.backlog.outboxBytes).toBeGreaterThan(900);
    await expect(client!.publish('a', 'y'.repeat(200))).rejects.toMatchObject({ code: 'outbox-full' });
  });

  test('is refused for good only once the store knows', async () => {
    const scene = new Scene();
    const { client } = await scene.open();
    scene.hub.intercept = (frame, connection) => {
      if (frame.op !== 'publish') return false;
      connection.refuse(frame.id, 'forbidden');
      return true;
    };
    let removed!: () => void;
    scene.store.beforeWrite = ({ remove }) =>
      remove.length === 0 ? undefined : new Promise<void>((resolve) => (removed = resolve));
    const refused = outcome(client!.publish('a', 1));
    await quiet();
    expect(refused.error).toBeUndefined();
    removed();
    await quiet();
    expect(refused.error).toMatchObject({ code: 'forbidden' });
    expect(scene.store.frames).toEqual([]);
  });
});

describe('what an earlier tab has left', () => {
  test('is sent under its old numbers, and new publishes under higher ones in every channel', async () => {
    const scene = new Scene();
    const first = await scene.open();
    for (let value = 1; value <= 3; value++) await first.client!.publish('b', value);
    await first.client!.stored();
    scene.deafen();
    first.client!.publish('a', 'left').catch(() => {});
    await first.client!.stored();
    first.die();
    scene.hear();
    const { client } = await scene.open();
    await client!.publish('b', 4);
    await client!.publish('a', 'new');
    // Numbered anew from 1, the 4 would be a duplicate to the hub.
    expect(scene.landed('b')).toEqual([1, 2, 3, 4]);
    expect(scene.landed('a')).toEqual(['left', 'new']);
  });

  test('says that it may have been sent only if it may have been', async () => {
    const scene = new Scene();
    const first = await scene.open();
    scene.hub.timeMs = 1000;
    scene.hub.refuseWith = 1006;
    scene.hub.connection.cut();
    first.client!.publish('a', 'never sent').catch(() => {});
    await first.client!.stored();
    first.die();
    expect(scene.store.frames).toMatchObject([{ sentMs: null }]);
    scene.hub.refuseWith = undefined;
    // Producers were forgotten since: what may have been taken would be refused now.
    scene.hub.publishes.forget('a', 5000);
    scene.hub.timeMs = 6000;
    await scene.open();
    expect(scene.hub.received('publish').at(-1)?.firstSentMs).toBeUndefined();
    expect(scene.landed()).toEqual(['never sent']);
  });

  test('is marked in the store before it is sent for the first time', async () => {
    const scene = new Scene();
    scene.deafen();
    const first = await scene.open();
    scene.hub.timeMs = 2000;
    scene.hub.connection.cut();
    first.client!.publish('a', 1).catch(() => {});
    await first.client!.stored();
    const marks: unknown[] = [];
    scene.store.beforeWrite = ({ put }) => {
      marks.push(put[0]?.sentMs, scene.hub.received('publish').length);
    };
    await comeBack({ clock: scene.clock, client: first.client! });
    await quiet();
    expect(marks).toEqual([2000, 0]);
    expect(scene.hub.received('publish')).toHaveLength(1);
  });

  test('is told of, with all that was in it, when the hub cannot know whether it was taken', async () => {
    const scene = new Scene();
    const first = await scene.open();
    scene.deafen();
    const data = { amount: 5, at: new Date(0) };
    first.client!.publish('a', data, { key: 'k', meta: { by: 'me' } }).catch(() => {});
    await first.client!.stored();
    first.die();
    scene.hear();
    scene.hub.publishes.forget('a', 5000);
    const { client, errors } = await scene.open();
    expect(errors).toMatchObject([
      { code: 'producer-unknown', publish: { channel: 'a', key: 'k', meta: { by: 'me' }, data } },
    ]);
    expect(scene.landed()).toEqual([]);
    expect(scene.store.frames).toEqual([]);
    await client!.publish('a', 2);
    expect(scene.landed()).toEqual([2]);
  });

  test('waits while the store cannot be written, and is told of once', async () => {
    const scene = new Scene();
    const first = await scene.open();
    scene.hub.connection.cut();
    first.client!.publish('a', 1).catch(() => {});
    await first.client!.stored();
    scene.store.beforeWrite = () => {
      throw new Error('gone');
    };
    await comeBack({ clock: scene.clock, client: first.client! });
    for (let i = 0; i < 5; i++) {
      scene.clock.advance(1000);
      await quiet();
    }
    expect(first.errors).toMatchObject([{ code: 'storage-failed' }]);
    expect(scene.landed()).toEqual([]);
    scene.store.beforeWrite = () => {};
    scene.clock.advance(1000);
    await quiet();
    expect(scene.landed()).toEqual([1]);
  });

  test('by a tab that went while others live is sent by one of them when that connects again', async () => {
    const scene = new Scene();
    const [one, two] = [await scene.open(), await scene.open()];
    scene.deafen();
    two.client!.publish('a', 'of two').catch(() => {});
    await two.client!.stored();
    two.die();
    scene.hear();
    one.cut();
    await comeBack({ clock: scene.clock, client: one.client! });
    for (let turn = 0; turn < 5; turn++) await quiet();
    expect(scene.landed()).toEqual(['of two']);
    expect(scene.hub.connections.filter(({ open }) => open)).toHaveLength(1);
  });
});

describe('connect with an outbox store', () => {
  test('rejects with the store’s refusal, or storage-failed', async () => {
    const failing = new (class extends MemoryOutbox {
      override claim = () => Promise.reject(new Error('no'));
    })();
    const connected = connectFake(new FakeHub(), new ManualClock(), { outboxStore: failing });
    await expect(connected).rejects.toMatchObject({ code: 'storage-failed' });
  });

  test('takes publishes before it ever was connected, where it is to start offline', async () => {
    const scene = new Scene();
    scene.hub.refuseWith = 1006;
    const { client } = await scene.open({ startOffline: true });
    expect(client!.status).toBe('connecting');
    const published = outcome(client!.publish('a', 1));
    await client!.stored();
    expect(scene.store.frames).toHaveLength(1);
    scene.hub.refuseWith = undefined;
    await comeBack({ clock: scene.clock, client: client! });
    await quiet();
    expect(published.value).toEqual({ cursor: '7-1' });
  });

  test('lets go of the content where it does not connect', async () => {
    const scene = new Scene();
    scene.hub.refuseWith = 4200;
    const store = scene.store.view();
    const options = { outboxStore: store };
    await expect(connectFake(scene.hub, scene.clock, options)).rejects.toMatchObject({ code: 'bad-frame' });
    await quiet();
    const claim = await scene.store.claim('hub.test/');
    await claim.write({ head: { producerId: 'p', lastSequence: 0 }, put: [], remove: [] });
    await claim.release();
    expect((await store.claim('hub.test/')).content.head).toMatchObject({ producerId: 'p' });
  });
});
