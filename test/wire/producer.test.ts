import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { PublishEntry } from '../../shared/frames.ts';
import { formatCursor } from '../../shared/terms.ts';
import { type RawClient, record } from '../support/raw-client.ts';
import { SECRET, startHub } from '../support/start-hub.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { forgeToken } from '../unit/auth/forge-token.ts';

const rocks = async () => ({ store: 'rocksdb', dataFolder: join(await tempFolder(), 'data') }) as const;

/** What the disk holds while the hub runs: a start on it is one after a crash. */
async function crashedCopy({ dataFolder }: { readonly dataFolder: string }): Promise<string> {
  const crashed = join(await tempFolder(), 'crashed');
  await cp(dataFolder, crashed, { recursive: true });
  return crashed;
}

const entry = (channel: string, value: unknown, more: Partial<PublishEntry> = {}): PublishEntry => ({
  channel,
  records: [record(value)],
  ...more,
});

function offer(
  client: RawClient,
  entries: readonly PublishEntry[],
  firstSentMs?: number,
  ack: 'memory' | 'disk' = 'memory',
) {
  const id = client.nextId();
  client.send({ op: 'publish', id, ack, entries, ...(firstSentMs !== undefined && { firstSentMs }) });
  return client.published(id);
}

async function valuesOf(client: RawClient, channel: string): Promise<unknown[]> {
  const { channelNumber, head, cursor } = await client.subscribe(channel, 'earliest');
  const history = () => client.history(channelNumber);
  if (head !== cursor) await expect.poll(() => formatCursor(history().cursor)).toBe(head);
  return history().values;
}

describe('an idempotent producer', () => {
  test('that sends again what was taken is answered without a position, and nothing is taken twice', async () => {
    const { connect } = await startHub();
    const client = await connect({ producerId: 'p' });
    const { timeMs } = await client.next('welcome').catch(() => ({ timeMs: 0 }));
    expect(await offer(client, [entry('a', 1, { sequence: 1, first: true })])).toMatchObject({
      firstOffsets: [1],
    });
    const again = await connect({ producerId: 'p' });
    expect(await offer(again, [entry('a', 1, { sequence: 1, first: true })], timeMs ?? 0)).toMatchObject({
      firstOffsets: [null],
    });
    expect(await offer(again, [entry('a', 2, { sequence: 2 })])).toMatchObject({ firstOffsets: [2] });
    expect(await valuesOf(again, 'a')).toEqual([1, 2]);
  });

  test.each(['a clean stop', 'a crash'])('is remembered over %s', async (ending) => {
    const config = await rocks();
    const before = await startHub({ config });
    const first = await before.connect({ producerId: 'p' });
    const entries = [
      entry('a', 1, { sequence: 1, first: true }),
      entry('b', 1, { sequence: 1, first: true }),
    ];
    const { epoch } = await offer(first, entries, undefined, 'disk');
    const isCrash = ending === 'a crash';
    const dataFolder = isCrash ? await crashedCopy(config) : config.dataFolder;
    await before.hub.stop();
    const after = await startHub({ config: { ...config, dataFolder } });
    const client = await after.connect({ producerId: 'p' });
    expect((await client.publish('c', [1])).epoch > epoch).toBe(isCrash);
    expect(await offer(client, entries, 1, 'disk')).toMatchObject({ firstOffsets: [null, null] });
    expect(await valuesOf(client, 'a')).toEqual([1]);
    expect(await valuesOf(client, 'b')).toEqual([1]);
  });

  test('is another one where subject and id only look the same one behind the other', async () => {
    const { connect } = await startHub();
    const mine = await connect({ producerId: 'c', token: { subject: 'a\nb' } });
    await connect({ producerId: 'b\nc', token: { subject: 'a' } });
    await mine.ping();
    expect(mine.close).toBeUndefined();
  });

  test('is not replaced by a token that expired before it was welcome', async () => {
    const auth = { secret: SECRET, clockToleranceMs: 60_000 };
    const { connect, dial } = await startHub({ config: { auth, tokens: { graceMs: 0 } } });
    const mine = await connect({ producerId: 'p', token: { subject: 'me' } });
    const late = await dial();
    const token = forgeToken(SECRET, { exp: Math.floor(Date.now() / 1000) - 5, sub: 'me' });
    late.send({ op: 'hello', token, client: null, features: [], producerId: 'p' });
    expect(await late.closed()).toMatchObject({ reason: 'token-expired' });
    await mine.ping();
    expect(mine.close).toBeUndefined();
  });

  test('is another one under another subject, so that nobody can spoil it', async () => {
    const { connect } = await startHub();
    const mine = await connect({ producerId: 'p', token: { subject: 'me' } });
    await offer(mine, [entry('a', 1, { sequence: 1, first: true })]);
    const yours = await connect({ producerId: 'p', token: { subject: 'you' } });
    await offer(yours, [entry('a', 2, { sequence: 1_000_000, first: true })]);
    expect(await offer(mine, [entry('a', 3, { sequence: 2 })])).toMatchObject({ firstOffsets: [3] });
    expect(mine.close).toBeUndefined();
  });

  test('whose frame was refused for its grant is told so, unless it was taken before', async () => {
    const { connect, token } = await startHub();
    const client = await connect({ producerId: 'p' });
    await offer(client, [entry('a', 1, { sequence: 1, first: true })]);
    const id = client.nextId();
    client.send({ op: 'refresh', id, token: await token({ publish: [] }) });
    await client.answer(id);
    expect(await offer(client, [entry('a', 1, { sequence: 1, first: true })], 1)).toMatchObject({
      firstOffsets: [null],
    });
    await expect(offer(client, [entry('a', 2, { sequence: 2 })], 1)).rejects.toMatchObject({
      code: 'forbidden',
    });
  });

  test('must say who it is before it counts, and counts from 1', async () => {
    const { connect } = await startHub();
    const nobody = await connect();
    await expect(offer(nobody, [entry('a', 1, { sequence: 1, first: true })])).rejects.toMatchObject({
      code: 'bad-request',
    });
    const somebody = await connect({ producerId: 'p' });
    await expect(offer(somebody, [entry('a', 1, { sequence: 0, first: true })])).rejects.toMatchObject({
      code: 'bad-request',
    });
  });
});

describe('an expected cursor', () => {
  test('lets one of two writers win, and tells the other where the head is', async () => {
    const { connect } = await startHub();
    const one = await connect();
    const two = await connect();
    const { epoch } = await one.publish('a', ['start']);
    const expectedCursor = { epoch, offset: 1 };
    await offer(one, [entry('a', 'one', { expectedCursor })]);
    await expect(offer(two, [entry('a', 'two', { expectedCursor })])).rejects.toMatchObject({
      code: 'conflict',
      details: { channel: 'a', head: `${epoch}-2` },
    });
    expect(await valuesOf(two, 'a')).toEqual(['start', 'one']);
  });

  test('that fails in one channel refuses the whole frame', async () => {
    const { connect } = await startHub();
    const client = await connect();
    const expectedCursor = { epoch: 1, offset: 9 };
    await expect(offer(client, [entry('a', 1), entry('b', 1, { expectedCursor })])).rejects.toMatchObject({
      code: 'conflict',
      details: { channel: 'b' },
    });
    expect(await valuesOf(client, 'a')).toEqual([]);
  });

  test('of a channel without records is any beginning, and of one from before a crash the last that was kept', async () => {
    const config = await rocks();
    const before = await startHub({ config });
    const client = await before.connect();
    const { epoch } = await offer(
      client,
      [entry('a', 1, { expectedCursor: { epoch: 0, offset: 0 } })],
      undefined,
      'disk',
    );
    const dataFolder = await crashedCopy(config);
    await before.hub.stop();
    const after = await startHub({ config: { ...config, dataFolder } });
    const next = await after.connect();
    await offer(next, [entry('a', 2, { expectedCursor: { epoch, offset: 1 } })]);
    await expect(
      offer(next, [entry('a', 3, { expectedCursor: { epoch, offset: 1 } })]),
    ).rejects.toMatchObject({
      code: 'conflict',
    });
  });
});
