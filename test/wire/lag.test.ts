/** The SDK's lag and status against a hub: what `head` brings, and that it goes away. */
import { expect, onTestFinished, test } from 'vitest';
import type { Client } from '../../client/client.ts';
import type { Lag } from '../../client/lag.ts';
import { connect } from '../../client/node.ts';
import type { Status } from '../../client/options.ts';
import type { WakeSignal, WakeSource } from '../../client/wake-signals.ts';
import { startHub } from '../support/start-hub.ts';
import { until } from '../support/until.ts';

const RECORD_BYTES = 1000;

async function clientOf({ url, token }: Awaited<ReturnType<typeof startHub>>, more = {}): Promise<Client> {
  const client = await connect(url, { token: await token(), ...more });
  onTestFinished(() => client.close({ timeoutMs: 0 }));
  return client;
}

test('a listener of 20 ms a record behind a quick publisher sees its lag grow, then go, and the status tells', async () => {
  const hub = await startHub();
  const publisher = await clientOf(hub);
  // Room for some ten records: the rest waits at the hub.
  const reader = await clientOf(hub, { maxQueuedBytes: 12_000 });
  const statuses: Status[] = [];
  const lags: (Lag | null)[] = [];
  reader.on('status', (status) => statuses.push(status));
  const seen: number[] = [];
  const subscription = reader.subscribe('a', {}, async (record) => {
    seen.push(record.data as number);
    await new Promise((resolve) => setTimeout(resolve, 20));
  });
  subscription.on('lag', (lag) => lags.push(lag));
  await until(() => subscription.state === 'live', { what: 'the subscription' });

  const count = 150;
  for (let i = 0; i < count; i++) {
    await publisher.publish('a', i, { meta: { filler: 'x'.repeat(RECORD_BYTES) } });
  }
  await until(() => seen.length === count, {
    what: 'all records',
    timeoutMs: 15_000,
    have: () => seen.length,
  });
  await until(() => reader.status === 'live' && lags.at(-1)?.records === 0, {
    what: 'the lag to be gone',
    have: () => [reader.status, subscription.state, subscription.lag, lags],
  });

  expect(seen).toEqual(Array.from({ length: count }, (_, i) => i));
  // Far more than it had room for: the hub told of them.
  const most = Math.max(...lags.map((lag) => lag?.records ?? 0));
  expect(most).toBeGreaterThan(50);
  expect(most).toBeLessThan(count);
  expect(Math.max(...lags.map((lag) => lag?.ms ?? 0))).toBeGreaterThan(1000);
  expect(lags.at(-1)).toEqual({ records: 0, ms: 0 });
  expect(statuses).toEqual(['catching-up', 'live']);
  expect(subscription.state).toBe('live');
});

test('a reader that keeps up is told of no lag, and its client stays live', async () => {
  const hub = await startHub();
  const publisher = await clientOf(hub);
  const reader = await clientOf(hub);
  const told: unknown[] = [];
  reader.on('status', (status) => told.push(status));
  reader.on('lag', (lag) => told.push(lag));
  let count = 0;
  const subscription = reader.subscribe('a', {}, () => {
    count++;
  });
  await until(() => subscription.state === 'live', { what: 'the subscription' });
  for (let i = 0; i < 500; i++) await publisher.publish('a', i);
  await until(() => count === 500, { what: 'all records', have: () => count });
  expect(told).toEqual([]);
  expect(reader.lag).toEqual({ records: 0, ms: 0 });
});

test('a page that was put aside catches up with what it missed, and is live again', async () => {
  const hub = await startHub();
  const publisher = await clientOf(hub);
  let tell: (signal: WakeSignal) => void = () => {};
  const wakeSignals: WakeSource = {
    networkAbsent: false,
    watch: (_clock, listener) => {
      tell = listener;
      return () => {};
    },
  };
  const reader = await clientOf(hub, { wakeSignals });
  const statuses: Status[] = [];
  reader.on('status', (status) => statuses.push(status));
  const seen: number[] = [];
  const subscription = reader.subscribe('a', {}, (record) => {
    seen.push(record.data as number);
  });
  await until(() => subscription.state === 'live', { what: 'the subscription' });

  tell('suspended');
  for (let i = 0; i < 100; i++) await publisher.publish('a', i);
  await until(async () => (await hub.metric('ringcast_connections')) === 1, {
    what: 'the socket to be given up',
  });
  tell('woken');
  await until(() => seen.length === 100 && reader.status === 'live', {
    what: 'what was missed',
    have: () => [seen, reader.status],
  });
  expect(seen).toEqual(Array.from({ length: 100 }, (_, i) => i));
  expect(statuses).toEqual(['offline', 'catching-up', 'live']);

  tell('woken');
  tell('doubted');
  await publisher.publish('a', 100);
  await until(() => seen.length === 101, { what: 'a record after the link was probed' });
  expect(statuses).toHaveLength(3);
});
