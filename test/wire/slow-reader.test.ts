import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { RawClient } from '../support/raw-client.ts';
import { startHub, type TestHub } from '../support/start-hub.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { until } from '../support/until.ts';

const MARK_BYTES = 65_536;
const PAGE_BYTES = 65_536;
const FILLER = 'x'.repeat(1000);

/** The smallest ring there is, so that whoever is behind is fed from the disk. */
async function startSmall(): Promise<TestHub> {
  const dataFolder = join(await tempFolder(), 'data');
  const memory = { ringBytes: 1_048_576, unpersistedBytes: 1_048_576 };
  return startHub({ config: { store: 'rocksdb', dataFolder, memory } });
}

const numbersOf = (client: RawClient, channelNumber: number) =>
  client.history(channelNumber).values.map((value) => (value as [number, string])[0]);

const upTo = (count: number) => Array.from({ length: count }, (_, i) => i);

test('a reader that stops reading costs the hub a page and a mark, and gets every record once when it goes on', async () => {
  const hub = await startSmall();
  const publisher = await hub.connect();
  const quick = await hub.connect();
  const slow = await hub.connect();
  const ofQuick = await quick.subscribe('a');
  const ofSlow = await slow.subscribe('a');
  slow.pause();
  const total = 30_000;
  let mostBuffered = 0;
  for (let i = 0; i < total; i += 100) {
    await publisher.publish(
      'a',
      upTo(100).map((j) => [i + j, FILLER]),
      'disk',
    );
    mostBuffered = Math.max(mostBuffered, await hub.metric('ringcast_buffered_bytes'));
  }
  const what = 'all records';
  await until(() => quick.history(ofQuick.channelNumber).values.length === total, { what });
  expect(await hub.metric('ringcast_buffered_bytes')).toBeGreaterThan(0);
  expect(mostBuffered).toBeLessThan(MARK_BYTES + PAGE_BYTES + 20_000);
  expect(await hub.metric('ringcast_ring_bytes')).toBeLessThan(3 * 1_048_576);
  slow.resume();
  const have = () => slow.history(ofSlow.channelNumber).cursor;
  await until(() => slow.history(ofSlow.channelNumber).values.length === total, {
    what,
    have,
    timeoutMs: 15_000,
  });
  for (const [client, { channelNumber }] of [
    [quick, ofQuick],
    [slow, ofSlow],
  ] as const) {
    expect(numbersOf(client, channelNumber)).toEqual(upTo(total));
    expect(client.history(channelNumber).gaps).toEqual([]);
  }
  // It is live again: what comes now is pushed to it, not replayed.
  const replayed = await hub.metric('ringcast_replayed_records_total');
  expect(replayed).toBeGreaterThan(10_000);
  await publisher.publish('a', [[total, '']]);
  await until(() => slow.history(ofSlow.channelNumber).values.length === total + 1, { what });
  expect(await hub.metric('ringcast_replayed_records_total')).toBe(replayed);
}, 60_000);

test('readers that stall and go on at random while records come get each once, in every channel', async () => {
  const hub = await startSmall();
  const publisher = await hub.connect();
  const readers = await Promise.all(upTo(4).map(() => hub.connect()));
  const channels = ['a', 'b', 'c'];
  const numbers = new Map<RawClient, number[]>();
  for (const reader of readers) {
    const own: number[] = [];
    for (const channel of channels) own.push((await reader.subscribe(channel)).channelNumber);
    numbers.set(reader, own);
  }
  const rounds = 120;
  for (let round = 0; round < rounds; round++) {
    const id = publisher.publishLater(
      channels.map((channel) => ({ channel, values: upTo(40).map((i) => [round * 40 + i, FILLER]) })),
      'disk',
    );
    await publisher.published(id);
    const reader = readers[round % readers.length]!;
    if (round % 3 === 0) reader.pause();
    else if (round % 3 === 2) for (const each of readers) each.resume();
  }
  for (const reader of readers) reader.resume();
  for (const reader of readers) {
    for (const number of numbers.get(reader)!) {
      await until(() => reader.history(number).values.length === rounds * 40, {
        what: 'all records',
        have: () => reader.history(number).cursor,
      });
      expect(numbersOf(reader, number)).toEqual(upTo(rounds * 40));
    }
  }
}, 60_000);

const connections = (hub: TestHub) => hub.metric('ringcast_connections');

/** A client that stopped reading, with more than 8 MiB of answers waiting for it. */
async function connectUnread(hub: TestHub): Promise<RawClient> {
  const client = await hub.connect();
  const other = await hub.connect();
  await other.publish('a', ['x'.repeat(500_000)]);
  client.pause();
  for (let i = 0; i < 60; i++) {
    client.pull('a');
    if (i % 8 === 7) await other.ping();
  }
  return client;
}

test('a client that asks and never reads is told not-reading, should it read yet', async () => {
  const hub = await startSmall();
  const client = await connectUnread(hub);
  client.resume();
  expect(await client.error(null)).toMatchObject({ code: 'not-reading' });
  expect(await client.closed()).toEqual({ code: 4004, reason: 'not-reading' });
});

test('a client that goes on not to read is cut, and what waited for it is freed', async () => {
  const hub = await startSmall();
  await connectUnread(hub);
  expect(await hub.metric('ringcast_buffered_bytes')).toBeGreaterThan(8_000_000);
  await until(async () => (await connections(hub)) === 1, { what: 'the connection to be cut' });
  expect(await hub.metric('ringcast_buffered_bytes')).toBe(0);
});

test('a client that sends WebSocket pings and never reads is cut', async () => {
  const hub = await startSmall();
  const client = await hub.connect();
  const other = await hub.connect();
  client.pause();
  let most = 0;
  const gone = async () => {
    most = Math.max(most, await hub.metric('ringcast_buffered_bytes'));
    return (await connections(hub)) === 1;
  };
  for (let round = 0; round < 300 && !(await gone()); round++) {
    for (let i = 0; i < 10_000; i++) client.pingSocket(Buffer.alloc(125));
  }
  await until(gone, { what: 'the connection to end', timeoutMs: 10_000 });
  expect(most).toBeLessThan(10_000_000);
  await other.ping();
}, 60_000);

test('the hub stops at once though a client does not read', async () => {
  const hub = await startSmall();
  const client = await connectUnread(hub);
  const startMs = performance.now();
  await hub.hub.stop();
  expect(performance.now() - startMs).toBeLessThan(2000);
  client.resume();
  await client.closed();
});
