/** What the hub says of itself on `$sys.` channels, as an admin's client reads it. */
import { expect, onTestFinished, test } from 'vitest';
import type { Client } from '../../client/client.ts';
import { connect } from '../../client/node.ts';
import {
  CHANNEL_FIGURES,
  type ChannelsFigures,
  HUB_FIGURES,
  type HubFigures,
  SUBSCRIPTION_FIGURES,
  type SubscriptionsFigures,
} from '../../shared/figures.ts';
import { encodeValue } from '../../shared/msgpack.ts';
import { startHub, type TestHub } from '../support/start-hub.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { until } from '../support/until.ts';

const QUICK = { figures: { intervalMs: 100 } } as const;

async function clientOf({ url, token }: TestHub, request = {}, options = {}): Promise<Client> {
  const client = await connect(url, { token: await token(request), ...options });
  onTestFinished(() => client.close({ timeoutMs: 0 }));
  return client;
}

/** The newest record of a channel of figures that `fits`. */
async function figuresOf<T>(admin: Client, channel: string, fits: (figures: T) => boolean): Promise<T> {
  let newest: T | undefined;
  const subscription = admin.subscribe(channel, { from: { last: 1 } }, ({ data }) => {
    newest = data as T;
  });
  const found = await until(() => newest && fits(newest) && newest, {
    what: `figures on ${channel}`,
    have: () => newest,
  });
  subscription.unsubscribe();
  return found as T;
}

test('the hub tells what it does, by the second', async () => {
  const hub = await startHub({ config: QUICK });
  const admin = await clientOf(hub, { admin: true });
  const publisher = await clientOf(hub);
  admin.subscribe('a', {}, () => {});
  const publishing = setInterval(() => void publisher.publish('a', 'x'.repeat(1000), { ack: 'none' }), 5);
  onTestFinished(() => clearInterval(publishing));
  const figures = await figuresOf<HubFigures>(admin, HUB_FIGURES, (each) => each.publishedPerSecond > 50);
  expect(figures).toMatchObject({
    server: expect.stringMatching(/^ringcast\//),
    connections: 2,
    subscriptions: 2,
    lagging: 0,
    storeFailing: false,
    storedBytes: null,
  });
  expect(figures.publishedBytesPerSecond).toBeGreaterThan(50_000);
  expect(figures.deliveredPerSecond).toBeGreaterThan(50);
  expect(figures.pushMs.p50).toBeGreaterThan(0);
  expect(figures.eventLoopDelayMs.max).toBeGreaterThanOrEqual(0);
  expect(figures.rssBytes).toBeGreaterThan(figures.heapBytes);
});

function isIdle({ channels }: ChannelsFigures, name: string): boolean {
  return channels.find(({ channel }) => channel === name)?.publishedPerSecond === 0;
}

test('the busiest channels come first, with where they stand', async () => {
  const hub = await startHub({ config: QUICK });
  const admin = await clientOf(hub, { admin: true });
  const publisher = await clientOf(hub);
  await publisher.publish('idle', 1);
  const publishing = setInterval(
    () => void publisher.publish('busy', 'x'.repeat(10_000), { ack: 'none' }),
    5,
  );
  onTestFinished(() => clearInterval(publishing));
  const { channels, total } = await figuresOf<ChannelsFigures>(
    admin,
    CHANNEL_FIGURES,
    (each) => isIdle(each, 'idle') && each.channels[0]!.publishedPerSecond > 50,
  );
  expect(channels[0]).toMatchObject({ channel: 'busy', subscriptions: 0 });
  expect(channels[0]!.publishedBytesPerSecond).toBeGreaterThan(500_000);
  expect(channels.find(({ channel }) => channel === 'idle')).toMatchObject({
    publishedPerSecond: 0,
    head: expect.stringMatching(/-1$/),
    oldest: expect.stringMatching(/-0$/),
  });
  expect(total).toBeGreaterThanOrEqual(channels.length);
});

test('a reader whose code takes nothing is listed first, with its lag and what it waits for', async () => {
  const hub = await startHub({ config: QUICK });
  const admin = await clientOf(hub, { admin: true });
  const slow = await clientOf(hub, { subject: 'ann' }, { maxQueuedBytes: 2000, client: 'slow-page' });
  slow.subscribe('a', {}, () => new Promise<void>(() => {}));
  const publisher = await clientOf(hub);
  for (let i = 0; i < 20; i++) await publisher.publish('a', 'x'.repeat(1000));
  const { subscriptions, lagging } = await figuresOf<SubscriptionsFigures>(
    admin,
    SUBSCRIPTION_FIGURES,
    (each) => each.subscriptions.some(({ lagRecords }) => lagRecords > 10),
  );
  expect(lagging).toBe(1);
  expect(subscriptions[0]).toMatchObject({
    client: 'slow-page',
    subject: 'ann',
    channel: 'a',
    state: 'out-of-credit',
    policy: 'replay',
    gaps: 0,
    lastGap: null,
  });
  expect(subscriptions[0]!.laggingMs).toBeGreaterThan(0);
  const own = subscriptions.find(({ channel }) => channel === SUBSCRIPTION_FIGURES);
  expect(own).toMatchObject({ state: 'live', lagRecords: 0, laggingMs: 0 });
});

test('what a reader was left out is told, with the reason', async () => {
  const hub = await startHub({ config: QUICK });
  const admin = await clientOf(hub, { admin: true });
  const slow = await clientOf(hub, {}, { maxQueuedBytes: 2000 });
  const seen: unknown[] = [];
  let go = () => {};
  const held = new Promise<void>((resolve) => {
    go = resolve;
  });
  slow.subscribe('a', { policy: 'drop-oldest', maxLagRecords: 2 }, ({ data }) => {
    seen.push(data);
    return held;
  });
  const publisher = await clientOf(hub);
  for (let i = 0; i < 20; i++) await publisher.publish('a', `${i} ${'x'.repeat(1000)}`);
  go();
  const { subscriptions } = await figuresOf<SubscriptionsFigures>(admin, SUBSCRIPTION_FIGURES, (each) =>
    each.subscriptions.some(({ gaps }) => gaps > 0),
  );
  const { missedRecords, lastGap } = subscriptions.find(({ channel }) => channel === 'a')!;
  expect([missedRecords, lastGap]).toEqual([20 - seen.length, 'dropped']);
});

test('figures need the admin grant to be read, whatever patterns a token has, and nobody may publish them', async () => {
  const hub = await startHub({ config: QUICK });
  const stranger = await clientOf(hub, { subscribe: ['>', '$sys.>'], publish: ['>', '$sys.>'] });
  const refused = new Promise((resolve) => {
    stranger.subscribe(HUB_FIGURES).on('error', resolve);
  });
  expect(await refused).toMatchObject({ code: 'forbidden' });
  await expect(stranger.history(HUB_FIGURES)).rejects.toMatchObject({ code: 'forbidden' });
  const admin = await clientOf(hub, { admin: true, publish: ['>', '$sys.>'] });
  await expect(admin.publish(HUB_FIGURES, {})).rejects.toMatchObject({ code: 'forbidden' });
});

test('figures are kept like all else: they can be read after a restart', async () => {
  const dataFolder = await tempFolder();
  const config = { ...QUICK, store: 'rocksdb', dataFolder } as const;
  const first = await startHub({ config });
  const admin = await clientOf(first, { admin: true });
  await figuresOf<HubFigures>(admin, HUB_FIGURES, ({ storedBytes }) => (storedBytes ?? 0) > 0);
  const { records } = await admin.history(HUB_FIGURES, { limit: 1 });
  await first.hub.stop();
  const again = await clientOf(await startHub({ config }), { admin: true });
  const kept = await again.history(HUB_FIGURES, { limit: 1 });
  expect(kept.records[0]).toMatchObject({ cursor: records[0]!.cursor, data: records[0]!.data });
});

test('with an interval of 0 the hub says nothing of itself', async () => {
  const hub = await startHub();
  const admin = await clientOf(hub, { admin: true });
  expect((await admin.history(HUB_FIGURES)).records).toEqual([]);
});

test('records of figures stay below 16 KiB, and come whatever the limit of users’ records', async () => {
  const hub = await startHub({ config: { ...QUICK, limits: { maxRecordBytes: 100 } } });
  const name = 'x'.repeat(128);
  for (let i = 0; i < 70; i++) {
    const client = await clientOf(hub, { subject: 's'.repeat(1000) }, { name });
    client.subscribe('a'.repeat(250), {}, () => {});
  }
  const admin = await clientOf(hub, { admin: true });
  const figures = await figuresOf<SubscriptionsFigures>(
    admin,
    SUBSCRIPTION_FIGURES,
    ({ total }) => total > 70,
  );
  expect(encodeValue(figures).length).toBeLessThan(16 * 1024);
  expect(figures.subscriptions.length).toBeGreaterThan(20);
  expect((await figuresOf<HubFigures>(admin, HUB_FIGURES, () => true)).connections).toBe(71);
});

test('what the hub says of itself does not count as published', async () => {
  const hub = await startHub({ config: QUICK });
  const admin = await clientOf(hub, { admin: true });
  await figuresOf<HubFigures>(admin, HUB_FIGURES, ({ uptimeMs }) => uptimeMs > 300);
  expect(await hub.metric('ringcast_published_records_total')).toBe(0);
});
