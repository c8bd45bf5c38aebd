import { expect, onTestFinished, test } from 'vitest';
import { createMemoryStore } from '../../server/log/memory-store.ts';
import type { Page } from '../../shared/frames.ts';
import { decodeValue } from '../../shared/msgpack.ts';
import { RunReader } from '../../shared/record-run.ts';
import type { From } from '../../shared/terms.ts';
import { FaultyStore } from '../support/faulty-store.ts';
import type { RawClient } from '../support/raw-client.ts';
import { startHub } from '../support/start-hub.ts';
import { until } from '../support/until.ts';

const valuesOf = (page: Page) => {
  const values: unknown[] = [];
  for (const reader = new RunReader(page.run); reader.next(); ) {
    values.push(decodeValue(reader.payload, { timestamps: true }));
  }
  expect(values).toHaveLength(page.count);
  return values;
};

async function pullAll(
  client: RawClient,
  channel: string,
  from: From,
  reverse: boolean,
  limit: number | null,
) {
  const values: unknown[] = [];
  let at = from;
  for (let pages = 1; ; pages++) {
    const page = await client.page(client.pull(channel, { from: at, reverse, limit }));
    if (reverse) values.unshift(...valuesOf(page));
    else values.push(...valuesOf(page));
    if (page.atEnd) return { values, pages };
    at = { cursor: page.next };
  }
}

test('pages forward and backward meet the same records, once each', async () => {
  const { connect } = await startHub();
  const client = await connect();
  const values = Array.from({ length: 1000 }, (_, i) => `${i} ${'x'.repeat(200)}`);
  for (let i = 0; i < 1000; i += 50) await client.publish('a', values.slice(i, i + 50));
  for (const limit of [null, 7, 1000]) {
    const forward = await pullAll(client, 'a', 'earliest', false, limit);
    expect(forward.values).toEqual(values);
    expect(forward.pages).toBeGreaterThanOrEqual(limit === 7 ? Math.ceil(1000 / 7) : 4);
    expect((await pullAll(client, 'a', 'latest', true, limit)).values).toEqual(values);
  }
});

test('a page holds no more than pageBytes, but one larger record passes alone', async () => {
  const { connect } = await startHub();
  const client = await connect();
  await client.publish('a', ['small', 'x'.repeat(100_000), 'small']);
  const first = await client.page(client.pull('a'));
  expect(valuesOf(first)).toEqual(['small']);
  const second = await client.page(client.pull('a', { from: { cursor: first.next } }));
  expect([second.count, second.atEnd, second.run.length > 100_000]).toEqual([1, false, true]);
  const third = await client.page(client.pull('a', { from: { cursor: second.next } }));
  expect([valuesOf(third), third.atEnd]).toEqual([['small'], true]);
});

test('upTo ends a pull, even in the middle of a page', async () => {
  const { connect } = await startHub();
  const client = await connect();
  const { epoch } = await client.publish('a', [1, 2, 3, 4, 5]);
  const upTo = { epoch, offset: 3 };
  const page = await client.page(client.pull('a', { upTo }));
  expect([valuesOf(page), page.atEnd, page.next]).toEqual([[1, 2, 3], true, upTo]);
  const behind = await client.page(client.pull('a', { from: { cursor: upTo }, upTo }));
  expect([behind.count, behind.atEnd, behind.next]).toEqual([0, true, upTo]);
});

test('a page that has come to the head is at the end, also where upTo is beyond', async () => {
  const { connect } = await startHub();
  const client = await connect();
  const { epoch } = await client.publish('a', [1, 2]);
  const page = await client.page(client.pull('a', { upTo: { epoch, offset: 9 } }));
  expect([valuesOf(page), page.atEnd]).toEqual([[1, 2], true]);
});

test('an empty channel gives one empty page in either direction', async () => {
  const { connect } = await startHub();
  const client = await connect();
  for (const reverse of [false, true]) {
    const page = await client.page(client.pull('a', { reverse }));
    expect([page.count, page.atEnd, page.gaps, page.next.offset]).toEqual([0, true, [], 0]);
  }
});

test('a limit of 0 is a bad request', async () => {
  const { connect } = await startHub();
  const client = await connect();
  await expect(client.page(client.pull('a', { limit: 0 }))).rejects.toMatchObject({ code: 'bad-request' });
});

test('more pulls than may wait are refused with too-many-requests, and taken again afterwards', async () => {
  const store = new FaultyStore(createMemoryStore());
  onTestFinished(() => store.releaseReads());
  const { connect } = await startHub({
    store,
    config: {
      limits: { maxPullsPerConnection: 2, publishCreditBytes: 4_194_304 },
      channels: [{ pattern: '>', ring: { maxRecords: 1 } }],
    },
  });
  const client = await connect();
  for (let i = 0; i < 4; i++) await client.publish('a', [`${i}${'x'.repeat(60_000)}`]);
  // Until the ring has let go of the first, a pull is answered from memory.
  await until(
    async () => {
      store.holdReads();
      const id = client.pull('a', { limit: 1 });
      await client.ping();
      const held = store.heldReads > 0;
      store.releaseReads();
      await client.page(id);
      return held;
    },
    { what: 'the first record to be in the store alone' },
  );
  store.holdReads();
  const waiting = [client.pull('a', { limit: 1 }), client.pull('a', { limit: 1 })];
  const refused = client.pull('a', { limit: 1 });
  expect(await client.error(refused)).toMatchObject({
    code: 'too-many-requests',
    details: { retryAfterMs: 50 },
  });
  store.releaseReads();
  for (const id of waiting) expect((await client.page(id)).count).toBe(1);
  expect((await client.page(client.pull('a', { limit: 1 }))).count).toBe(1);
});

test('a page that was asked for under a wider grant is not handed out under the new one', async () => {
  const store = new FaultyStore(createMemoryStore());
  onTestFinished(() => store.releaseReads());
  const { connect, token } = await startHub({
    store,
    config: {
      limits: { publishCreditBytes: 4_194_304 },
      channels: [{ pattern: '>', ring: { maxRecords: 1 } }],
    },
  });
  const client = await connect();
  for (let i = 0; i < 4; i++) await client.publish('a', [`${i}${'x'.repeat(60_000)}`]);
  let pulled = 0;
  await until(
    async () => {
      store.holdReads();
      pulled = client.pull('a', { limit: 1 });
      await client.ping();
      if (store.heldReads > 0) return true;
      store.releaseReads();
      await client.page(pulled);
      return false;
    },
    { what: 'the first record to be in the store alone' },
  );
  const id = client.nextId();
  client.send({ op: 'refresh', id, token: await token({ subscribe: ['b'] }) });
  await client.answer(id);
  store.releaseReads();
  await expect(client.page(pulled)).rejects.toMatchObject({ code: 'forbidden' });
});
