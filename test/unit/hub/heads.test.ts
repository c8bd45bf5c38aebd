import { expect, test } from 'vitest';
import { msgpackCodec } from '../../../shared/codec.ts';
import type { Head, Subscribe } from '../../../shared/frames.ts';
import { FakeSink } from '../../support/fake-sink.ts';
import { HubCore, turn } from '../../support/hub-core.ts';
import { until } from '../../support/until.ts';

/** Keeps the frames `head` apart from those that the history is made of. */
class HeadSink extends FakeSink {
  readonly heads: Omit<Head, 'op'>[] = [];

  override send(bytes: Uint8Array) {
    const frame = msgpackCodec.decodeServer(Uint8Array.from(bytes));
    if (frame?.op !== 'head') return super.send(bytes);
    const { channelNumber, head, live } = frame;
    this.heads.push({ channelNumber, head, live });
    return 'sent';
  }
}

const WINDOW: Subscribe['options'] = { creditBytes: 100 };

async function open({
  wantsHeads = true,
  options = WINDOW,
}: {
  wantsHeads?: boolean;
  options?: Subscribe['options'];
} = {}) {
  const core = await HubCore.open();
  const sink = new HeadSink();
  const { reader } = core.connect(sink);
  reader.wantsHeads = wantsHeads;
  const opened = await core.subscribe(reader, 'a', 'latest', options);
  const { epoch } = core.hub.logs;
  const { channelNumber } = opened.subscription;
  const head = (offset: number, live = false) => ({ channelNumber, head: { epoch, offset }, live });
  return { core, sink, reader, ...opened, head };
}

test('one that is out of credit is told the head once a second, and that it is live again', async () => {
  const { core, sink, subscription, head } = await open();
  core.publish('a', ['x'.repeat(200)]);
  await turn();
  expect(subscription.state).toBe('paused');
  core.publish('a', [2, 3]);
  await turn();
  core.clock.advance(999);
  expect(sink.heads).toEqual([]);
  core.clock.advance(1);
  expect(sink.heads).toEqual([head(3)]);
  core.publish('a', [4]);
  await turn();
  core.clock.advance(1000);
  expect(sink.heads).toEqual([head(3), head(4)]);
  core.hub.catchUp.credited(subscription, 10_000);
  await turn();
  expect(subscription.state).toBe('live');
  expect(sink.heads).toEqual([head(3), head(4), head(4, true)]);
  core.clock.advance(10_000);
  expect(sink.heads).toHaveLength(3);
  expect(core.hub.heads.watchedCount).toBe(0);
});

test('a spell of less than a second is not told', async () => {
  const { core, sink, subscription } = await open();
  core.publish('a', ['x'.repeat(200)]);
  await turn();
  core.clock.advance(900);
  core.hub.catchUp.credited(subscription, 10_000);
  await turn();
  expect(subscription.state).toBe('live');
  core.clock.advance(10_000);
  expect(sink.heads).toEqual([]);
});

test('a client that did not name the feature is told nothing', async () => {
  const { core, sink } = await open({ wantsHeads: false });
  core.publish('a', ['x'.repeat(200)]);
  await turn();
  core.clock.advance(10_000);
  expect(sink.heads).toEqual([]);
  expect(core.hub.heads.watchedCount).toBe(0);
});

test('a socket in which something waits is sent none, and asked again later', async () => {
  const { core, sink, reader, head } = await open({ options: null });
  sink.stall();
  for (let i = 0; i < 20; i++) {
    core.publish('a', ['x'.repeat(10_000)]);
    await turn();
  }
  core.clock.advance(5000);
  expect(sink.heads).toEqual([]);
  // Room for what waits and no more, so that it goes on being behind.
  const { bufferedBytes } = sink;
  sink.drain(bufferedBytes);
  core.clock.advance(1000);
  expect(sink.heads).toEqual([head(20)]);
  core.drain(reader);
});

test('that one is live again is told once its socket is empty, and once', async () => {
  const { core, sink, subscription, head } = await open();
  core.publish('a', ['x'.repeat(200)]);
  await turn();
  core.clock.advance(1000);
  sink.bufferedBytes = 10;
  core.hub.catchUp.credited(subscription, 10_000);
  sink.bufferedBytes = 0;
  await until(() => subscription.state === 'live', { what: 'it to be live' });
  expect(sink.heads.at(-1)).toEqual(head(1, true));
  // Live with something buffered.
  core.publish('a', ['x'.repeat(200)]);
  await turn();
  core.clock.advance(1000);
  sink.bufferedBytes = 10;
  subscription.apply('credit-given');
  subscription.apply('caught-up');
  core.hub.heads.live(subscription);
  const { length } = sink.heads;
  core.clock.advance(1000);
  expect(sink.heads).toHaveLength(length);
  sink.bufferedBytes = 0;
  core.clock.advance(1000);
  expect(sink.heads.slice(length)).toEqual([head(2, true)]);
  core.clock.advance(5000);
  expect(sink.heads).toHaveLength(length + 1);
});

test('what has ended is told nothing', async () => {
  const { core, sink, ...opened } = await open();
  core.publish('a', ['x'.repeat(200)]);
  await turn();
  core.unsubscribe(opened);
  core.clock.advance(10_000);
  expect(sink.heads).toEqual([]);
  expect(core.hub.heads.watchedCount).toBe(0);
});

test('many are told in turns, each once a second', async () => {
  const core = await HubCore.open();
  const sinks = Array.from({ length: 500 }, () => new HeadSink());
  for (const sink of sinks) {
    const { reader } = core.connect(sink);
    reader.wantsHeads = true;
    await core.subscribe(reader, 'a', 'latest', WINDOW);
  }
  core.publish('a', ['x'.repeat(200)]);
  await turn();
  core.clock.advance(1000);
  expect(sinks.filter(({ heads }) => heads.length === 1)).toHaveLength(500);
  core.clock.advance(1000);
  expect(sinks.filter(({ heads }) => heads.length === 2)).toHaveLength(500);
});
