import { expect, onTestFinished, test, vi } from 'vitest';
import { publish, type Refusal } from '../../../server/hub/publish.ts';
import { Publisher } from '../../../server/hub/publisher.ts';
import { createMemoryStore } from '../../../server/log/memory-store.ts';
import { FaultyStore } from '../../support/faulty-store.ts';
import { HubCore, turn } from '../../support/hub-core.ts';
import { record } from '../../support/raw-client.ts';
import { until } from '../../support/until.ts';

const keptStore = () => new FaultyStore(createMemoryStore({ keep: true }));

/** A store that holds these channels, each with one record. */
async function storeWith(...channels: string[]): Promise<FaultyStore> {
  const store = keptStore();
  const core = await HubCore.open({ store });
  for (const channel of channels) core.publish(channel, ['old']);
  await core.stop();
  return store;
}

/** Lets time pass until the hub has let go of a channel's log; it may be open again since. */
async function forgotten(core: HubCore, name: string): Promise<void> {
  const log = core.hub.logs.get(name);
  await until(
    () => {
      core.clock.advance(1000);
      return core.hub.logs.get(name) !== log;
    },
    { what: `${name} to be forgotten` },
  );
}

/** As long as a channel that nobody uses would need to be forgotten. */
async function letTimePass(core: HubCore): Promise<void> {
  for (let i = 0; i < 120; i++) {
    core.clock.advance(1000);
    await turn();
  }
}

test('a channel in use is not forgotten; one that nobody uses is', async () => {
  const core = await HubCore.open({ store: await storeWith('a') });
  const { reader } = core.connect();
  const opened = await core.subscribe(reader, 'a');
  await letTimePass(core);
  expect(core.hub.openChannel('a')).toBe(opened.subscription.channel);
  core.unsubscribe(opened);
  await forgotten(core, 'a');
});

test('holding a channel that was forgotten since it was opened gives the one that is in use now', async () => {
  const core = await HubCore.open({ store: await storeWith('a') });
  const before = await core.hub.openChannel('a');
  await forgotten(core, 'a');
  const held = await core.hub.hold(before);
  expect(held.log).toBe(core.hub.logs.get('a'));
  expect(held).not.toBe(before);
  await letTimePass(core);
  expect(core.hub.openChannel('a')).toBe(held);
  core.hub.release(held);
  await forgotten(core, 'a');
});

test('while a publish opens one channel, the others of its frame are not forgotten', async () => {
  const store = await storeWith('a', 'b');
  const core = await HubCore.open({ store });
  onTestFinished(() => store.releaseReads());
  const { log } = await core.hub.openChannel('a');
  store.holdReads();
  const publishing = core.publishAll([
    ['a', ['new']],
    ['b', ['new']],
  ]);
  await until(() => store.heldReads > 0, { what: 'b to be looked up' });
  expect(log.isIdle).toBe(false);
  store.releaseReads();
  await publishing;
  expect([log.pins, log.headOffset, core.refusals]).toEqual([0, 2, []]);
});

test('a publish whose channel cannot be opened is refused whole, and lets go of the others', async () => {
  const store = await storeWith('a', 'b');
  const core = await HubCore.open({ store });
  const { log } = await core.hub.openChannel('a');
  store.failNextRead();
  await core.publishAll([
    ['a', ['new']],
    ['b', ['new']],
  ]);
  expect(core.refusals).toMatchObject([{ code: 'store-failed' }]);
  expect([log.pins, log.headOffset]).toEqual([0, 1]);
});

test('a publish that is refused makes no channel, even one that may be a duplicate (whoever was granted nothing could use up all the channels)', async () => {
  const core = await HubCore.open({ store: await storeWith('a') });
  const publisher = new Publisher(1e9, { send() {} }, 'p');
  const refusals: Refusal[] = [];
  for (const channel of ['a', 'b']) {
    const entries = [{ channel, records: [record(1)], sequence: 1, first: true }];
    const frame = { op: 'publish', id: 1, ack: 'memory', entries, firstSentMs: 1 } as const;
    await publish(
      core.hub,
      publisher,
      frame,
      () => false,
      (refusal) => refusals.push(refusal),
    );
  }
  expect(refusals).toMatchObject(['a', 'b'].map((channel) => ({ channel, error: { code: 'forbidden' } })));
  expect([core.hub.logs.get('b'), core.hub.logs.channelCount]).toEqual([undefined, 1]);
});

test('a hub that stopped while it was cleaning up does not begin to clean up again', async () => {
  const store = await storeWith('a');
  const core = await HubCore.open({ store });
  store.holdReads();
  core.clock.advance(1000);
  await until(() => store.heldReads > 0, { what: 'maintenance to read' });
  const stopping = core.stop();
  store.releaseReads();
  await stopping;
  await turn();
  const waits = vi.spyOn(core.clock, 'after');
  core.clock.advance(5000);
  await turn();
  expect(waits).not.toHaveBeenCalled();
  expect(core.storeFailures).toEqual([]);
});

test('credit held back for the disk is given when it has caught up', async () => {
  const store = keptStore();
  const core = await HubCore.open({ store, unpersistedBytes: 1_000_000 });
  onTestFinished(() => store.releaseWrites());
  store.holdWrites();
  core.publisher.spend(600_000_000);
  core.publish('a', ['x'.repeat(600_000)]);
  await turn();
  await turn();
  expect(core.hub.isPressed).toBe(true);
  expect(core.told.map(({ op }) => op)).toEqual(['published']);
  core.clock.advance(50);
  await until(() => store.heldWrites === 1, { what: 'the write' });
  store.releaseWrites();
  await until(() => core.told.length === 2, { what: 'the credit' });
  expect(core.told[1]).toEqual({ op: 'publish-credit', bytes: 600_000_000 });
});

test('latest is behind what was accepted before it, though that was not pushed yet', async () => {
  const core = await HubCore.open();
  const early = core.connect();
  const first = await core.subscribe(early.reader, 'a');
  core.publish('a', ['before']);
  const { reader } = core.connect();
  const { history } = await core.subscribe(reader, 'a');
  expect(history.cursor.offset).toBe(1);
  expect(first.history.values).toEqual(['before']);
  core.publish('a', ['after']);
  await turn();
  expect(history.values).toEqual(['after']);
});

test('a publisher that has gone is told nothing, and holds nothing', async () => {
  const core = await HubCore.open();
  core.publish('a', [1]);
  core.hub.forgetPublisher(core.publisher);
  await turn();
  expect(core.told).toEqual([]);
});

test('a publish that comes to a stopping hub is refused with shutting-down', async () => {
  const core = await HubCore.open();
  core.publish('a', [1]);
  void core.stop();
  core.publish('a', [2]);
  expect(core.refusals).toMatchObject([{ code: 'shutting-down' }]);
});

test('the hub’s time does not go back with the clock, so that no producer was active before it said hello', async () => {
  const core = await HubCore.open();
  const before = core.hub.nowMs;
  vi.spyOn(core.clock, 'nowMs').mockReturnValue(before - 60_000);
  expect(core.hub.nowMs).toBe(before);
});
